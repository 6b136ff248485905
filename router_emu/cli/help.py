"""One line of help for every word of the grammar, by mode and by the words before it.

Arguments stand by their label.  Words after `no` share the line of the setting they negate; a submode shares
the lines of its parent's commands.  A test demands exactly one line for every word, and none left over.
Wording: Cisco's YANG descriptions where iosxr.md 1.1 gives them [Y], elsewhere ours.
"""

from __future__ import annotations

from router_emu.cli.grammar import MODES
from router_emu.cli.help_services import HTTP, LOGGING
from router_emu.cli.help_trustpool import TRUSTPOOL, TRUSTPOOL_COMMANDS
from router_emu.commands.ssh_server import HOST_KEY_ALGORITHMS
from router_emu.pki.self_signed import CA_LIFETIMES, CA_USAGES, KEY_KINDS, LIFETIMES, USAGES
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
    "show running-config crypto ca trustpool": "Trustpool",
    "show running-config crypto ca trustpool policy": "Policy of the trustpool",
    "show running-config domain": "Domain service configuration",
    "show running-config hostname": "System's network name",
    "show running-config http": "HTTP client and server",
    "show running-config logging": "System message logging",
    "show running-config ssh": "Secure Shell configuration",
}

_LABEL = "Label of the key pair"
_CURVES = ("nistp256", "nistp384", "nistp521")
_POSITIONS = ("second", "third", "fourth")
_IMPORT = "crypto key import authentication rsa"
_ZEROIZE = "crypto key zeroize authentication rsa"
_GENERAL_KEYS = "Generate a general purpose RSA key pair for signing and encryption"  # [Y]
_USAGE_KEYS = "Generate seperate RSA key pairs for signing and encryption"  # [Y], so spelt
_KEY_FILE = "Path to RSA pubkey file"  # [Y]; without it the key is pasted
_CRYPTO_KEY = {
    "crypto key": "Key pairs",
    "crypto key generate": "Generate key pairs",
    "crypto key generate dsa": "Generate DSA keys",  # [Y]
    "crypto key generate dsa WORD": _LABEL,
    "crypto key generate ecdsa": "Generate ECDSA keys",
    **{
        f"crypto key generate ecdsa {curve}": f"Generate a ECDSA key of curve type {curve}"
        for curve in _CURVES
    },  # [Y]
    **{f"crypto key generate ecdsa {curve} WORD": _LABEL for curve in _CURVES},
    "crypto key generate ed25519": "Generate a Ed25519 key-pair",  # [Y]
    "crypto key generate ed25519 WORD": _LABEL,
    "crypto key generate rsa": "Generate RSA keys",
    "crypto key generate rsa WORD": _LABEL,
    "crypto key generate rsa general-keys": _GENERAL_KEYS,
    "crypto key generate rsa general-keys WORD": _LABEL,
    "crypto key generate rsa usage": _USAGE_KEYS,
    "crypto key generate rsa usage keys": _USAGE_KEYS,
    "crypto key generate rsa usage keys WORD": _LABEL,
    "crypto key generate rsa usage-keys": _USAGE_KEYS,
    "crypto key generate rsa usage-keys WORD": _LABEL,
    "crypto key import": "Import a public key",
    "crypto key import authentication": "A public key by which a user logs in",
    _IMPORT: "Import an RSA public key",
    f"{_IMPORT} WORD": _KEY_FILE,
    f"{_IMPORT} general-keys": "As without the keyword",
    f"{_IMPORT} general-keys WORD": "File, or a label that has no meaning",
    f"{_IMPORT} usage": "As without the keyword",
    f"{_IMPORT} usage keys": "As without the keyword",
    f"{_IMPORT} usage keys WORD": "File, or a label that has no meaning",
    f"{_IMPORT} usage-keys": "As without the keyword",
    f"{_IMPORT} usage-keys WORD": "File, or a label that has no meaning",
    f"{_IMPORT} username": "For another user than the one who types this",
    f"{_IMPORT} username WORD": "Name of the user",
    f"{_IMPORT} username WORD WORD": _KEY_FILE,
    **{f"{_IMPORT} {position}": f"As the user's {position} key" for position in _POSITIONS},
    **{f"{_IMPORT} {position} WORD": _KEY_FILE for position in _POSITIONS},
    **{f"{_IMPORT} username WORD {position}": f"As the user's {position} key" for position in _POSITIONS},
    **{f"{_IMPORT} username WORD {position} WORD": _KEY_FILE for position in _POSITIONS},
    "crypto key zeroize": "Remove keys",
    "crypto key zeroize authentication": "Public keys by which users log in",
    _ZEROIZE: "Remove RSA authentication key",  # [Y]
    f"{_ZEROIZE} all": "The keys of all users",
    f"{_ZEROIZE} username": "The keys of another user than the one who types this",
    f"{_ZEROIZE} username WORD": "Name of the user",
    **{f"{_ZEROIZE} {position}": f"Only the {position} key" for position in _POSITIONS},
    **{f"{_ZEROIZE} all {position}": f"Only the {position} key" for position in _POSITIONS},
    **{f"{_ZEROIZE} username WORD {position}": f"Only the {position} key" for position in _POSITIONS},
    "crypto key zeroize dsa": "Remove DSA keys",
    "crypto key zeroize dsa WORD": _LABEL,
    "crypto key zeroize ecdsa": "Remove ECDSA keys",
    **{
        f"crypto key zeroize ecdsa {curve}": f"Remove the ECDSA keys of curve type {curve}"
        for curve in _CURVES
    },
    **{f"crypto key zeroize ecdsa {curve} WORD": _LABEL for curve in _CURVES},
    "crypto key zeroize ed25519": "Remove Ed25519 keys",
    "crypto key zeroize ed25519 WORD": _LABEL,
    "crypto key zeroize rsa": "Remove RSA keys",
    "crypto key zeroize rsa WORD": _LABEL,
}


_INTERFACE = "Name of the interface, such as MgmtEth0/RP0/CPU0/0"
_CRYPTO_CA = {
    "crypto ca crl": "Certification revocation list",  # [Y]
    "crypto ca crl curl-timeout": "Timeout of the fetch of a CRL",
    "crypto ca crl curl-timeout <5-300>": "timeout value in seconds for a CURL request to timeout",  # [Y]
    "crypto ca http-proxy": "Specify proxy server for http request",  # [Y]
    "crypto ca http-proxy WORD": "Http proxy server",  # [Y]
    "crypto ca http-proxy WORD port": "proxy server port number",  # [Y]
    "crypto ca http-proxy WORD port <1-65535>": "http proxy server port number",  # [Y]
    "crypto ca source-interface": "Cisco source-interface name",  # [Y]
    "crypto ca source-interface ipv4": "Choose Ipv4 address from interface",  # [Y]
    "crypto ca source-interface ipv4 WORD": _INTERFACE,
    "crypto ca source-interface ipv6": "Choose Ipv6 address from interface",  # [Y]
    "crypto ca source-interface ipv6 WORD": _INTERFACE,
}
# All but the lines of the words' arguments [Y].
_SSH_SERVER = {
    "ssh": "Secure Shell configuration",
    "ssh server": "Provide SSH server service",
    "ssh server algorithms": "server algorithms",
    "ssh server algorithms host-key": "Host key algorithms to be used",
    "ssh server algorithms host-key LINE": " ".join(HOST_KEY_ALGORITHMS),
    "ssh server certificate": "certificate related parameters",
    "ssh server certificate username": "certificate field to be used as username",
    "ssh server certificate username common-name": "user common name(CN) from subject name field",
    "ssh server certificate username user-principle-name": (
        "user principle name(UPN) from subject alternate name"
    ),
    "ssh server trustpoint": "trustpoints for server certificates",
    "ssh server trustpoint host": "trustpoint from where server will take its certificate",
    "ssh server trustpoint host WORD": "trustpoint name",
    "ssh server trustpoint user": "trustpoints used for user certificate validation",
    "ssh server trustpoint user WORD": "trustpoint name",
}


def _key_pairs(words: str) -> dict[str, str]:
    lines = {f"{words} {kind}": f"{kind} key pair" for kind in KEY_KINDS}
    return lines | {f"{words} {kind} WORD": f"{kind} key pair label" for kind in KEY_KINDS}


HELP: dict[str, dict[str, str]] = {
    "exec": {
        "clear": "Clear data",
        "clear crypto": "Encryption, decryption and certificates",
        "clear crypto ca": "Certification authority",
        "clear crypto ca certificates": "Remove all crypto certificates associated with a trustpoint.",  # [Y]
        "clear crypto ca certificates WORD": "CA Server Name",
        "clear crypto ca crl": "Forget the certificate revocation lists that were fetched",
        "configure": "Enter configuration mode",
        "configure exclusive": "Configure exclusively from this terminal",
        "configure terminal": "Configure from the terminal",
        "copy": "Copy a file",
        "copy WORD": "From http://, https://, disk0: or harddisk:",
        "copy WORD WORD": "To disk0: or harddisk:, a folder or a file",
        "crypto": "Encryption, decryption and certificates",
        "crypto ca": "Certification authority",
        "crypto ca authenticate": "Get the certification authority certificate",  # [Y]
        "crypto ca authenticate WORD": "CA Server Name",
        "crypto ca authenticate WORD WORD": "File with the CA's certificate, for local enrollment",
        "crypto ca cancel-enroll": "Cancel enrollment from a CA",  # [Y]
        "crypto ca cancel-enroll WORD": "CA Server Name",
        "crypto ca crl": "Actions on certificate revocation lists",  # [Y]
        "crypto ca crl request": "Fetch a certificate revocation list now",
        "crypto ca crl request LINE": "URL of the certificate revocation list, or a name in a directory",
        "crypto ca enroll": "Request a certificate from a CA",  # [Y]
        "crypto ca enroll WORD": "CA Server Name",
        "crypto ca enroll WORD WORD": "File for the certificate request, for local enrollment",
        "crypto ca export": "Export an identity, key and all, to a file; no XR does, the lab alone",
        "crypto ca export WORD": "CA Server Name",
        "crypto ca export WORD pkcs12": "As PKCS #12",
        "crypto ca export WORD pkcs12 WORD": "File on the router's disks, such as disk0:/r1.p12",
        "crypto ca import": "Import a certificate from a s/tftp server or the terminal",  # [Y]
        "crypto ca import WORD": "CA Server Name",
        "crypto ca import WORD certificate": "Import the router's certificate, pasted at the terminal",
        "crypto ca import WORD certificate WORD": "File with the certificate, for local enrollment",
        **TRUSTPOOL_COMMANDS,
        **_CRYPTO_KEY,
        "dir": "List files on a filesystem",
        "dir WORD": "Folder, such as disk0:/ or harddisk:/",
        "exit": "Exit from the EXEC",
        "logout": "Exit from the EXEC",
        "quit": "Exit from the EXEC",
        **_SHOW_CONFIGURATION,
        "show clock": "Display the system clock",
        "show crypto": "Encryption, decryption and certificates",
        "show crypto ca": "Certification authority",
        "show crypto ca certificates": "Display the certificates of the router and of its CAs",
        "show crypto ca certificates WORD": "CA Server Name",
        "show crypto ca crls": "Display the certificate revocation lists that were fetched",
        "show crypto key": "Key pairs",
        "show crypto key authentication": "Display the public keys by which users log in",
        "show crypto key authentication rsa": "RSA public keys",
        "show crypto key authentication rsa all": "The keys of all users",
        "show crypto key authentication rsa username": "The keys of one user",
        "show crypto key authentication rsa username WORD": "Name of the user",
        "show crypto key mypubkey": "Display the router's own public keys",
        "show crypto key mypubkey all": "Display all of the router's own public keys",
        "show crypto key mypubkey dsa": "Display the router's own DSA public keys",
        "show crypto key mypubkey ecdsa": "Display the router's own ECDSA public keys",
        "show crypto key mypubkey ed25519": "Display the router's own Ed25519 public keys",
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
        "crypto ca fqdn-check": "Whether a server's certificate must be for the name called",
        "crypto ca fqdn-check ip-address": "When the URL has an IP address in the place of a name",
        "crypto ca fqdn-check ip-address allow": "The certificate may be for another name",
        "crypto ca trustpoint": "Define a CA trustpoint",
        "crypto ca trustpoint WORD": "CA Server Name",
        "crypto ca trustpool": "Define the trustpool",
        "crypto ca trustpool policy": "Define the policy of the trustpool",
        **_CRYPTO_CA,
        "do": "Run an exec command",
        "domain": "Domain service related commands",
        "domain name": "Define the default domain name",
        "domain name WORD": "Default domain name",
        **LOGGING,
        "end": "Exit from configure mode",
        "exit": "Exit from this submode",
        "hostname": "Set system's network name",
        "hostname WORD": "This system's network name",
        **HTTP,
        "no": "Negate a command or set its defaults",
        "root": "Exit to the global configuration mode",
        **_SHOW_CONFIGURATION,
        **_SSH_SERVER,
        "show configuration failed": "Contents of the configuration that the last commit was refused for",
    },
    # [Y] marks a whole command's own words; what may follow them is described by us.
    "trustpoint": {
        "auto-enroll": "Set auto-enroll percentage at which renewal will be triggered",  # [Y]
        "auto-enroll <1-99>": "Percentage of the certificate's lifetime",
        "ca-keypair": "Self enrollment, key pair ca cert",  # [Y]
        **_key_pairs("ca-keypair"),
        "crl": "CRL options",
        "crl optional": "CRL verification as optional",  # [Y]
        "description": "Description for the trustpoint",  # [Y]
        "description LINE": "Up to 80 characters",
        "enrollment": "Enrollment parameters",
        "enrollment local": "Enroll via file present on local filesystem",  # [Y]
        "enrollment retry": "Polling parameters",
        "enrollment retry count": "How many times to poll CA for our certificate",  # [Y]
        "enrollment retry count <1-100>": "Number of times to poll a CA for a certificate",  # [Y]
        "enrollment retry period": "How long to wait between requests to CA for our certificate",  # [Y]
        "enrollment retry period <1-60>": "Period in minutes between attempts to contact a CA",  # [Y]
        # [Y]
        "enrollment self": "Enroll self create self signed CA cert and the router cert signed using the same",
        "enrollment terminal": "Enroll via the terminal (cut-and-paste)",  # [Y]
        "enrollment url": "CA server enrollment URL",  # [Y]
        "enrollment url WORD": "URL of the CA server",
        "extended-key-usage": "Extended key usage of a peer's certificate",
        # [Y]
        "extended-key-usage match": ("Validates a peer certificate only if specified attributes are present"),
        "extended-key-usage match client-auth": "Client authentication",
        "extended-key-usage match server-auth": "Server authentication",
        "ip-address": "include ip address",  # [Y]
        "ip-address A.B.C.D": "IP address that the subject name includes",
        "ip-address none": "do not include ip address",  # [Y]
        "key-usage": "key usage field for the certificate self enrollment",  # [Y]
        "key-usage ca-certificate": "key usage field for the CA certificate",  # [Y]
        "key-usage ca-certificate LINE": " ".join(CA_USAGES),
        "key-usage certificate": "key usage field for the leaf certificates",  # [Y]
        "key-usage certificate LINE": " ".join(USAGES),
        "keypair": "key pair for router/leaf cert",  # [Y]
        **_key_pairs("keypair"),
        "lifetime": "lifetime for certificate valid for self enrollment",  # [Y]
        "lifetime ca-certificate": "Lifetime of the CA certificate",
        f"lifetime ca-certificate <{CA_LIFETIMES}>": "Validity of CA certficate in days",  # [Y], so spelt
        "lifetime certificate": "Lifetime of the router's certificate",
        f"lifetime certificate <{LIFETIMES}>": "Validity of certficate in days",  # [Y], so spelt
        "message-digest": "Certificate message digest",  # [Y]
        "message-digest md5": "MD5",
        "message-digest sha1": "SHA-1",
        "message-digest sha256": "SHA-256",
        "message-digest sha384": "SHA-384",
        "message-digest sha512": "SHA-512",
        "query": "Query parameters",
        "query url": "CA server query URL",  # [Y]
        "query url LINE": "URL of the LDAP server",
        "renewal-message-type": "Set renewal message type for SCEP auto-renewal feature",  # [Y]
        "renewal-message-type pkcsreq": "Message type PKCSReq(Default)",  # [Y]
        "renewal-message-type renewalreq": "Message type RenewalReq",
        "rsakeypair": "RSA key pair",  # [Y]
        "rsakeypair WORD": "Label of the RSA key pair",
        "serial-number": "include serial number",  # [Y]
        "serial-number none": "do not include serial number",  # [Y]
        "sftp-password": "Secure FTP password",  # [Y]
        "sftp-password WORD": "The password, which the lab does not keep",
        "sftp-username": "Secure FTP username",  # [Y]
        "sftp-username WORD": "The user's name",
        # [Y]
        "skip-challenge-password": "Skip challenge password attribute for manual enrollment request",
        "subject-alternative-name": "Include Subject Alternative Name(SAN) in CSR request",  # [Y]
        "subject-alternative-name LINE": "Names, such as DNS:r1.example.com,IP:192.0.2.1,email:a@example.com",
        "subject-name": "Subject Name",  # [Y]
        "subject-name LINE": "Subject name, such as CN=r1.example.com,O=Example",
        "subject-name ca-certificate": "Ca Certificate subject name for self enrollment",  # [Y]
        "subject-name ca-certificate LINE": "Subject name, such as CN=My CA,O=Example",
        "vrf": "Source interface VRF",  # [Y]
        "vrf WORD": "Name of the VRF",
    },
    "trustpool": TRUSTPOOL,
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
