"""The whole grammar: every mode, every command, what it takes and who does it.

To add a command, add a row here, its handler in ``router_emu.commands`` and a line of help for each
new word in ``router_emu.cli.help``.  A setting needs only its row and its help.
"""

from __future__ import annotations

from router_emu.commands import configuration, crypto_ca, crypto_key, show_config, show_pki, system
from router_emu.syntax.table import Enter, Mode, Run, Setting, Via

_SHOW_RUNNING = (
    Run("show running-config", show_config.running),
    Run("show running-config crypto ca trustpoint [name:WORD]", show_config.trustpoints),
    Run("show running-config domain", show_config.domain),
    Run("show running-config hostname", show_config.hostname),
)
_SHOW_COMMITS = (
    Run("show configuration commit changes id:1000000001-1999999999", show_config.commit_changes),
    Run("show configuration commit changes last count:1-100", show_config.commit_changes),
    Run("show configuration commit list", show_config.commit_list),
)
_SHOW_PKI = (
    Run("show crypto ca certificates [name:WORD]", show_pki.certificates),
    Run("show crypto key mypubkey rsa", crypto_key.show_rsa),
)
_SHOW_HISTORY = (Run("show history", system.show_history),)

EXEC = Mode("exec", "#", (
    Run("configure [exclusive | terminal]",                       configuration.configure),
    Run("crypto ca authenticate name:WORD",                       crypto_ca.authenticate),
    Run("crypto ca enroll name:WORD",                             crypto_ca.enroll),
    Run("crypto key generate rsa [general-keys] [label:WORD]",    crypto_key.generate_rsa),
    Run("exit",                                                   system.logout, stamped=False),
    Run("logout",                                                 system.logout, stamped=False),
    Run("quit",                                                   system.logout, stamped=False),
    Run("show clock",                                             system.show_clock),
    *_SHOW_COMMITS,
    *_SHOW_PKI,
    *_SHOW_HISTORY,
    Run("show logging",                                           system.show_logging),
    *_SHOW_RUNNING,
    Run("show version",                                           system.show_version),
    Run("terminal exec prompt {no-timestamp | timestamp}",        system.terminal_timestamp),
    Run("terminal length lines:0-512",                            system.terminal_length),
    Run("terminal monitor [disable]",                             system.terminal_monitor),
    Run("terminal no monitor",                                    system.terminal_monitor),
    Run("terminal width columns:0-512",                           system.terminal_width),
), strangers=("en",))  # fmt: skip

# Every mode of configuration has these.
_SESSION = (
    Run("abort",                        configuration.abort, stamped=False),
    Run("commit",                       configuration.commit),
    Via("do", EXEC),
    Run("end",                          configuration.end, stamped=False),
    Run("exit",                         configuration.leave, stamped=False),
    Run("root",                         configuration.root, stamped=False),
    Run("show configuration",           show_config.candidate),
    Run("show configuration failed",    show_config.failed),
    *_SHOW_COMMITS,
    *_SHOW_HISTORY,
    *_SHOW_RUNNING,
)  # fmt: skip

# Ranges and defaults from Cisco's YANG (iosxr.md 1.1).
TRUSTPOINT = Mode("trustpoint", "(config-trustp)#", (
    Setting("description text:LINE(1-80)"),
    Setting("enrollment retry count number:1-100",   default=10),
    Setting("enrollment retry period minutes:1-60",  default=1),
    Setting("enrollment url url:URL"),
    Setting("rsakeypair label:WORD"),
    Setting("subject-name text:LINE"),
    *_SESSION,
), parent="config")  # fmt: skip

CONFIG = Mode("config", "(config)#", (
    Setting("hostname name:HOSTNAME"),
    Setting("domain name name:WORD"),
    Enter("crypto ca trustpoint name:WORD",  TRUSTPOINT),
    *_SESSION,
), strangers=("configuration", "telnet"))  # fmt: skip

MODES = {mode.name: mode for mode in (EXEC, CONFIG, TRUSTPOINT)}
