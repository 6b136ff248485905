"""One line of help for every word of the grammar, by mode and by the words before it.

Arguments stand by their label.  Words after `no` share the line of the setting they negate; a submode shares
the lines of its parent's commands.  A test demands exactly one line for every word, and none left over.
Wording: Cisco's YANG descriptions where iosxr.md 1.1 gives them [Y], elsewhere ours.
"""

from __future__ import annotations

from router_emu.cli.grammar import MODES
from router_emu.syntax.table import Node

_SHOW_CONFIGURATION = {
    "show": "Show running system information",
    "show configuration": "Contents of Configuration buffer",
    "show configuration commit": "Show commit information",
    "show configuration commit changes": "Show the changes made by a commit",
    "show configuration commit changes <1000000001-1999999999>": "Commit ID",
    "show configuration commit changes last": "Changes made in the most recent commits",
    "show configuration commit changes last <1-100>": "Number of commits",
    "show configuration commit list": "List the commits made, the newest first",
    "show history": "Display the session command history",
    "show running-config": "Current operating configuration",
    "show running-config crypto": "Crypto configuration",
    "show running-config crypto ca": "Certification authority",
    "show running-config crypto ca trustpoint": "Trustpoints",
    "show running-config crypto ca trustpoint WORD": "Name of one trustpoint",
    "show running-config domain": "Domain service configuration",
    "show running-config hostname": "System's network name",
}

HELP: dict[str, dict[str, str]] = {
    "exec": {
        "configure": "Enter configuration mode",
        "configure exclusive": "Configure exclusively from this terminal",
        "configure terminal": "Configure from the terminal",
        "crypto": "Encryption, decryption and certificates",
        "crypto ca": "Certification authority",
        "crypto ca authenticate": "Get the certification authority certificate",  # [Y]
        "crypto ca authenticate WORD": "CA Server Name",
        "crypto ca enroll": "Request a certificate from a CA",  # [Y]
        "crypto ca enroll WORD": "CA Server Name",
        "crypto key": "Key pairs",
        "crypto key generate": "Generate key pairs",
        "crypto key generate rsa": "Generate RSA keys",
        "crypto key generate rsa WORD": "Label of the RSA key pair",
        # [Y]
        "crypto key generate rsa general-keys": (
            "Generate a general purpose RSA key pair for signing and encryption"
        ),
        "crypto key generate rsa general-keys WORD": "Label of the RSA key pair",
        "exit": "Exit from the EXEC",
        "logout": "Exit from the EXEC",
        "quit": "Exit from the EXEC",
        **_SHOW_CONFIGURATION,
        "show clock": "Display the system clock",
        "show crypto": "Encryption, decryption and certificates",
        "show crypto ca": "Certification authority",
        "show crypto ca certificates": "Display the certificates of the router and of its CAs",
        "show crypto ca certificates WORD": "CA Server Name",
        "show crypto key": "Key pairs",
        "show crypto key mypubkey": "Display the router's own public keys",
        "show crypto key mypubkey rsa": "Display the router's own RSA public keys",
        "show logging": "Show the contents of logging buffers",
        "show version": "Displays information on running software",
        "terminal": "Set terminal line parameters",
        "terminal exec": "Configure EXEC",
        "terminal exec prompt": "EXEC prompt parameters",
        "terminal exec prompt no-timestamp": "Do not print a timestamp before each command",
        "terminal exec prompt timestamp": "Print a timestamp before each command",
        "terminal length": "Set number of lines on a screen",
        "terminal length <0-512>": "Number of lines on screen (0 for no pausing)",
        "terminal monitor": "Copy log output to the current terminal line",
        "terminal monitor disable": "Stop copying log output to the current terminal line",
        "terminal no": "Negate a command or set its defaults",
        "terminal no monitor": "Stop copying log output to the current terminal line",
        "terminal width": "Set width of the display terminal",
        "terminal width <0-512>": "Number of characters on a screen line",
    },
    "config": {
        "abort": "Abort this configuration session",
        "commit": "Commit the configuration changes to running",
        "crypto": "Global Crypto configuration commands",
        "crypto ca": "Certification authority",
        "crypto ca trustpoint": "Define a CA trustpoint",
        "crypto ca trustpoint WORD": "CA Server Name",
        "do": "Run an exec command",
        "domain": "Domain service related commands",
        "domain name": "Define the default domain name",
        "domain name WORD": "Default domain name",
        "end": "Exit from configure mode",
        "exit": "Exit from this submode",
        "hostname": "Set system's network name",
        "hostname WORD": "This system's network name",
        "no": "Negate a command or set its defaults",
        "root": "Exit to the global configuration mode",
        **_SHOW_CONFIGURATION,
        "show configuration failed": "Contents of the configuration that the last commit was refused for",
    },
    "trustpoint": {
        "description": "Description for the trustpoint",  # [Y]
        "description LINE": "Up to 80 characters",
        "enrollment": "Enrollment parameters",
        "enrollment retry": "Polling parameters",
        "enrollment retry count": "How many times to poll CA for our certificate",  # [Y]
        "enrollment retry count <1-100>": "Number of times to poll a CA for a certificate",  # [Y]
        "enrollment retry period": "How long to wait between requests to CA for our certificate",  # [Y]
        "enrollment retry period <1-60>": "Period in minutes between attempts to contact a CA",  # [Y]
        "enrollment url": "CA server enrollment URL",  # [Y]
        "enrollment url WORD": "URL of the CA server",
        "rsakeypair": "RSA key pair",  # [Y]
        "rsakeypair WORD": "Label of the RSA key pair",
        "subject-name": "Subject Name",  # [Y]
        "subject-name LINE": "Subject name, such as CN=r1.example.com,O=Example",
    },
    "pipe": {
        "begin": "Begin with the line that matches",
        "begin LINE": "Regular expression",
        "exclude": "Exclude lines that match",
        "exclude LINE": "Regular expression",
        "include": "Include lines that match",
        "include LINE": "Regular expression",
    },
}
BAR_HELP = "Output Modifiers"


def help_line(node: Node) -> str:
    """The line of help for a place of the grammar."""
    path, mode = " ".join(node.path), node.mode
    while path not in HELP[mode]:
        mode = MODES[mode].parent
    return HELP[mode][path]
