"""The shell, configuration sessions, `show version` and the log: iosxr.md 3 and 1.7."""

from __future__ import annotations

from dataclasses import dataclass

from router_emu.texts.release import VERSION


@dataclass(frozen=True)
class ShellTexts:
    """What the command line itself prints."""

    # --- the shell, iosxr.md 3.2 and 3.3 ---
    # The line before a command's output; the chapter has an empty line there, and none when nothing follows.
    dated: bool = True
    caret: str = "\r{spaces}^"  # [T] ansible/ansible#40181: a carriage return comes first
    invalid: str = "% Invalid input detected at '^' marker."  # [T]
    incomplete: str = "% Incomplete command."  # [T]
    ambiguous: str = '% Ambiguous command:  "{line}"'  # beginning [C], the rest ours
    bad_pipe: str = "% Error parsing piping string. Quitting"  # [C] unicon
    more: str = " --More-- "  # [T]
    internal_error: str = "% Internal error of the emulator. The lab's log says more."  # ours

    # --- configuration sessions, iosxr.md 3.4 ---
    uncommitted: str = (  # [T]
        "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:"
    )
    uncommitted_default: str = "cancel"
    commit_failed: str = (  # [T], one line
        "% Failed to commit one or more configuration items during a pseudo-atomic operation. All changes "
        "made have been reverted. Please issue 'show configuration failed [inheritance]' from this session "
        "to view the errors"
    )
    commit_locked: str = (  # matched by unicon [C]; the words between are ours
        "% Failed to commit one or more configuration items. Another configuration session had a lock on "
        "the running configuration."
    )
    commit_nothing: str = "No configuration changes to commit."  # [T]
    within_configuration: str = (
        "% Not from within a configuration session."  # ours: `do configure`, `do exit`
    )
    commit_stale: str = (  # [T] netmiko's test; its line breaks vary
        "One or more commits have occurred from other configuration sessions since this session started or "
        "since the last commit was made from this session. You can use the 'show configuration commit "
        "changes' command to browse the changes."
    )
    commit_stale_question: str = "Do you wish to proceed with this commit anyway? [no]:"  # [T]
    exclusive_refused: str = (  # [T]
        "Cannot enter exclusive mode. The Configuration Namespace is locked by another agent."
    )
    sessions_title: str = (  # [T]
        "Current Configuration Session  Line       User     Date                     Lock"
    )

    # --- show configuration, show running-config ---
    building: str = "Building configuration..."  # [T]
    version_line: str = f"!! IOS XR Configuration {VERSION}"  # [T] 7.0.2
    last_change: str = "!! Last configuration change at {date} by {user}"  # [T] 6.5.3
    no_items: str = "% No such configuration item(s)"  # [T]
    no_changes: str = "% No configuration changes found."  # [T] (sysadmin sample)
    failed_title: str = (  # [T], trailing spaces and all
        "!! SEMANTIC ERRORS: This configuration was rejected by \n"
        "!! the system due to semantic errors. The individual \n"
        "!! errors with each failed configuration command can be \n"
        "!! found below.\n\n\n"
    )
    failed_reason: str = "!!% {reason}"  # [T]
    commits_title: str = (  # [T]
        "SNo. Label/ID    User      Line                Client      Time Stamp\n"
        "~~~~ ~~~~~~~~    ~~~~      ~~~~                ~~~~~~      ~~~~~~~~~~"
    )

    # --- show version ---
    # The first line is XR's, because SSHDetect and the parsers look for it; the rest is the lab's own truth.
    version: str = (
        f"Cisco IOS XR Software, Version {VERSION}\n"
        "\n"
        "Build Information:\n"
        " Built By     : scep-lab, a router emulator: no Cisco software is inside\n"
        " Built Host   : scep-lab\n"
        f" Version      : {VERSION}\n"
        " Label        : scep-lab-emulator\n"
    )

    # --- syslog, iosxr.md 1.7 [T] ---
    log_commit: str = (
        "Configuration committed by user '{user}'. Use 'show configuration commit changes {id}' "
        "to view the changes."
    )
    log_configured: str = "Configured from console by {user} on {line} ({peer})"

    # --- questions that come back until they are answered; ours ---
    answer_yes_or_no: str = "% Please answer 'yes' or 'no'."
    answer_number: str = "% A decimal number between {low} and {high}."  # IOS's words
