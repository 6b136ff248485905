"""The whole grammar: every mode, every command, what it takes and who does it.

To add a command, add a row here, its handler in ``router_emu.commands`` and a line of help for each
new word in ``router_emu.cli.help``.  A setting needs only its row and its help.
"""

from __future__ import annotations

from router_emu.commands import (
    configuration,
    copy,
    crl,
    crypto_ca,
    crypto_key,
    disk,
    export,
    login_key,
    show_config,
    show_pki,
    system,
    trustpool,
)
from router_emu.pki.self_signed import CA_LIFETIME, CA_LIFETIMES, KEY_KINDS, LIFETIME, LIFETIMES
from router_emu.syntax.table import Enter, Listed, Mode, Run, Setting, Via
from router_emu.syslog import FACILITIES, HOST_LEVELS, INFORMATIONAL, LEVELS

_SHOW_RUNNING = (
    Run("show running-config", show_config.running),
    Run("show running-config crypto", show_config.crypto),
    Run("show running-config crypto ca", show_config.crypto_ca),
    Run("show running-config crypto ca trustpoint [name:WORD]", show_config.trustpoints),
    Run("show running-config crypto ca trustpool policy", show_config.trustpool),
    Run("show running-config domain", show_config.domain),
    Run("show running-config hostname", show_config.hostname),
    Run("show running-config http", show_config.http),
    Run("show running-config logging", show_config.logging),
    Run("show running-config ssh", show_config.ssh),
)
_SHOW_COMMITS = (
    Run("show configuration commit changes id:1000000001-1999999999", show_config.commit_changes),
    Run("show configuration commit changes last count:1-100", show_config.commit_changes),
    Run("show configuration commit list", show_config.commit_list),
)
_SHOW_PKI = (
    Run("show crypto ca certificates [name:WORD]", show_pki.certificates),
    Run("show crypto ca crls", crl.show),
    Run("show crypto ca trustpool", trustpool.show),
    Run("show crypto ca trustpool policy", trustpool.show_policy),
    Run("show crypto key authentication rsa [all | username user:WORD]", login_key.show_rsa),
    Run("show crypto key mypubkey {all | dsa | ecdsa | ed25519 | rsa}", crypto_key.show),
)
_SHOW_HISTORY = (Run("show history", system.show_history),)

# The chapter's words are `usage keys`, the box's `usage-keys` (iosxr.md 1.3, notes 1 and 2).
_KEYS = (
    Run("crypto key generate dsa [label:WORD]", crypto_key.generate_dsa),
    Run(
        "crypto key generate ecdsa {nistp256 | nistp384 | nistp521} [label:WORD]",
        crypto_key.generate_elliptic,
    ),
    Run("crypto key generate ed25519 [label:WORD]", crypto_key.generate_elliptic),
    Run(
        "crypto key generate rsa [general-keys | usage keys | usage-keys] [label:WORD]",
        crypto_key.generate_rsa,
    ),
    Run(
        "crypto key import authentication rsa [username user:WORD] [second | third | fourth] [path:WORD]",
        login_key.import_rsa,
    ),
    Run(
        "crypto key import authentication rsa {general-keys | usage keys | usage-keys} [path:WORD]",
        login_key.import_rsa,
    ),
    Run(
        "crypto key zeroize authentication rsa [all | username user:WORD] [second | third | fourth]",
        login_key.zeroize_rsa,
    ),
    Run("crypto key zeroize dsa [label:WORD]", crypto_key.zeroize),
    Run("crypto key zeroize ecdsa {nistp256 | nistp384 | nistp521} [label:WORD]", crypto_key.zeroize),
    Run("crypto key zeroize ed25519 [label:WORD]", crypto_key.zeroize),
    Run("crypto key zeroize rsa [label:WORD]", crypto_key.zeroize),
)

EXEC = Mode("exec", "#", (
    Run("clear crypto ca certificates name:WORD",                 crypto_ca.clear),
    Run("clear crypto ca crl",                                    crl.clear),
    Run("configure [exclusive | terminal]",                       configuration.configure),
    Run("copy source:WORD destination:WORD",                      copy.copy),
    Run("crypto ca authenticate name:WORD [path:PATH]",           crypto_ca.authenticate),
    Run("crypto ca cancel-enroll name:WORD",                      crypto_ca.cancel),
    Run("crypto ca crl request place:PLACE",                      crl.request),
    Run("crypto ca enroll name:WORD [path:PATH]",                 crypto_ca.enroll),
    Run("crypto ca export name:WORD pkcs12 path:PATH",            export.export_pkcs12),
    Run("crypto ca import name:WORD certificate [path:PATH]",     crypto_ca.import_certificate),
    Run("crypto ca trustpool import url url:URL",                 trustpool.import_bundle),
    Run("crypto ca trustpool import url clean [url:URL]",         trustpool.clean),
    *_KEYS,
    Run("dir [location:WORD]",                                    disk.show_folder),
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

# The words between braces are in `?` and in the log's tables alike.  Of the settings without an effect, which
# the lab has no console and no interface for, the forms are those of XR's manuals [D].
_LOGGING = (
    Setting(f"logging buffered [size:307200-125000000 | {' | '.join(LEVELS)}]"),
    Setting(f"logging console [disable | {' | '.join(LEVELS)}]"),
    Setting(f"logging facility {{{' | '.join(FACILITIES)}}}"),
    Setting("logging hostnameprefix name:WORD"),
    Setting(f"logging monitor [disable | {' | '.join(LEVELS)}]"),
    Setting("logging source-interface name:WORD [vrf vrf:NAME]"),
    Setting(f"logging trap [disable | {' | '.join(LEVELS)}]"),
    # XR writes all of it out [T]: `logging 192.0.2.9 vrf default severity info port default`.
    Listed(
        f"logging host:HOST [vrf name:NAME] [severity {{{' | '.join(HOST_LEVELS)}}}]"
        " [port {default | number:1-65535}]",
        fill=(("vrf", "default"), ("severity", HOST_LEVELS[INFORMATIONAL]), ("port", "default")),
    ),
)

# What else XR has there [D]; without this they would be names of hosts.
_LOGGING_STRANGERS = (
    *("archive", "container", "correlator", "disable", "events", "file", "format", "history"),
    *("ipv4", "ipv6", "localfilesize", "suppress", "yang"),
)

# Ranges and defaults from Cisco's YANG (iosxr.md 1.1).  No default for the digest there: see pki/request.py.
TRUSTPOINT = Mode("trustpoint", "(config-trustp)#", (
    Setting("auto-enroll percentage:1-99"),
    *(Setting(f"ca-keypair {kind} label:WORD") for kind in KEY_KINDS),
    Setting("crl optional"),
    Setting("description text:LINE(1-80)"),
    Setting("enrollment local"),
    Setting("enrollment retry count number:1-100",   default=10),
    Setting("enrollment retry period minutes:1-60",  default=1),
    Setting("enrollment self"),
    Setting("enrollment terminal"),
    Setting("enrollment url url:URL"),
    Setting("extended-key-usage match {client-auth | server-auth}"),
    Setting("ip-address {none | address:ADDRESS}"),
    Setting("key-usage ca-certificate usages:LINE(1-80)"),
    Setting("key-usage certificate usages:LINE(1-80)"),
    *(Setting(f"keypair {kind} label:WORD") for kind in KEY_KINDS),
    Setting(f"lifetime ca-certificate days:{CA_LIFETIMES}",  default=CA_LIFETIME),
    Setting(f"lifetime certificate days:{LIFETIMES}",        default=LIFETIME),
    Setting("message-digest {md5 | sha1 | sha256 | sha384 | sha512}"),
    Setting("query url url:PLACE"),
    Setting("renewal-message-type {pkcsreq | renewalreq}",  default="pkcsreq"),
    Setting("rsakeypair label:WORD"),
    Setting("serial-number [none]"),
    Setting("sftp-password password:SECRET"),
    Setting("sftp-username name:WORD"),
    Setting("skip-challenge-password"),
    Setting("subject-alternative-name text:LINE"),
    Setting("subject-name text:LINE"),
    Setting("subject-name ca-certificate text:LINE"),
    Setting("vrf name:NAME"),
    *_SESSION,
), parent="config")  # fmt: skip

# Exactly these, in every release [Y].  `vrf` is kept, and has no effect.
TRUSTPOOL = Mode("trustpool", "(config-trustpool)#", (
    Setting("cabundle url url:URL"),
    Setting("crl optional"),
    Setting("description text:LINE(1-80)"),
    Setting("vrf name:NAME"),
    *_SESSION,
), parent="config")  # fmt: skip

# Ranges from Cisco's YANG (iosxr.md 1.1).  The defaults are ours, and all of `http server ...` but its first
# two words and `ssl`, which manuals of XR 3 have.
_HTTP = (
    Setting("http client connection retry count:1-5",        default=0),
    Setting("http client connection timeout seconds:1-60",   default=10),
    Setting("http client response timeout seconds:1-300",    default=30),
    Setting("http client secure-verify-host disable"),
    Setting("http client secure-verify-peer disable"),
    Setting("http client source-interface name:WORD"),
    Setting("http client vrf name:NAME"),
    Setting("http server ssl"),
    Setting("http server trustpoint name:WORD"),
)  # fmt: skip

# Since XR 7.3.1.  A list of words is a line here: what it holds is looked at by the commit.
_SSH_SERVER = (
    Setting("ssh server algorithms host-key algorithms:LINE(1-200)"),
    Setting("ssh server certificate username {common-name | user-principle-name}"),
    Setting("ssh server trustpoint host name:WORD"),
    Listed("ssh server trustpoint user name:WORD"),
)

# All [Y].  The source interface is kept, and has no effect.
_CRYPTO_CA = (
    Setting("crypto ca crl curl-timeout seconds:5-300"),
    Setting("crypto ca http-proxy host:HOST port number:1-65535"),
    Setting("crypto ca source-interface {ipv4 | ipv6} name:WORD"),
)

CONFIG = Mode("config", "(config)#", (
    Setting("hostname name:HOSTNAME"),
    *_HTTP,
    *_LOGGING,
    Setting("domain name name:WORD"),
    *_CRYPTO_CA,
    Setting("crypto ca fqdn-check ip-address allow"),
    *_SSH_SERVER,
    Enter("crypto ca trustpoint name:WORD",  TRUSTPOINT),
    Enter("crypto ca trustpool policy",      TRUSTPOOL),
    *_SESSION,
), strangers=("configuration", "telnet", *(f"logging {word}" for word in _LOGGING_STRANGERS)))  # fmt: skip

MODES = {mode.name: mode for mode in (EXEC, CONFIG, TRUSTPOINT, TRUSTPOOL)}
