"""Every fixed sentence that the router prints, in its two wordings.

``MODERN`` is XR 7, what real tools expect; ``CLASSIC`` is the chapter's (2003).  A name in braces is filled
in where the sentence is printed.  Each sentence says where it is from: a tag of iosxr.md
([T] transcript, [C] a client's source, [S] the chapter), or "ours" where no source was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# What the emulated software calls itself.  One of the releases whose wording MODERN follows.
VERSION = "7.11.1"
NODE = "RP/0/RP0/CPU0"
DEFAULT_HOSTNAME = "ios"


class CliRefusal(Exception):
    """A sentence for the operator; the command ends with it.  Not an error of ours, so never logged."""


@dataclass(frozen=True)
class Texts:
    """The sentences of one wording."""

    name: str

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

    # --- show version, show logging ---
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
    logging_title: str = (  # the shape of genieparser's captures, the numbers are the lab's
        "Syslog logging: enabled (0 messages dropped, 0 flushes, 0 overruns)\n"
        "    Console logging: Disabled\n"
        "    Monitor logging: level debugging, {written} messages logged\n"
        "    Trap logging: Disabled\n"
        "    Buffer logging: level debugging, {written} messages logged\n"
        "\n"
        "Log Buffer ({capacity} lines):\n"
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

    # --- crypto key, iosxr.md 1.4 [T] ---
    key_name: str = "The name for the keys will be: {label}"
    key_exists: str = "% You already have keys defined for {label}"  # [U]
    key_replace: str = "Do you really want to replace them? [yes/no]: "  # [U]
    key_size_range: str = (
        "  Choose the size of the key modulus in the range of {low} to {high} for your {purpose} "
        "Keypair. Choosing a key modulus greater than 512 may take a few minutes.\n"
    )
    key_purposes: Mapping[str, str] = field(  # the latter two [U], after IOS's "Signature Keys"
        default_factory=lambda: {
            "general": "General Purpose",
            "signature": "Signature",
            "encryption": "Encryption",
        }
    )
    key_size_question: str = "How many bits in the modulus [{default}]: "
    dsa_sizes: str = (  # [T], as it was recorded: the sentence ends there
        "  Choose the size of your DSA key modulus. Modulus size can be 512, 768, or 1024 bits. "
        "Choosing a key modulus\n"
    )
    dsa_wrong_size: str = "% A modulus of 512, 768, 1024 or 2048 bits."  # ours; 2048 is [T]
    key_generating: str = "Generating {kind} keys ..."  # [T] for RSA and DSA
    key_done: str = "Done w/ crypto generate keypair\n[OK]\n"
    key_shown: str = (
        "Key label: {label}\n"
        "Type     : {type}\n"
        "{measure:<9}: {size}\n"
        "{dated:<9}: {date}\n"
        "Data     : \n"
        "{data}\n"
    )
    # By kind, and RSA's by purpose.  The first is [T], the others [U].
    key_types: Mapping[str, str] = field(
        default_factory=lambda: {
            "general": "RSA General purpose",
            "signature": "RSA Signature",
            "encryption": "RSA Encryption",
            "dsa": "DSA",
            "nistp256": "ECDSA General Curve Nistp256",
            "nistp384": "ECDSA General Curve Nistp384",
            "nistp521": "ECDSA General Curve Nistp521",
            "ed25519": "ED25519",
        }
    )
    key_size_label: str = "Size"
    key_degree_label: str = "Degree"  # an ECDSA key's: the model's field [Y]
    key_created_label: str = "Created"
    rsa_range: tuple[int, int] = (512, 4096)
    rsa_default: int = 2048
    zeroize_names: str = "% Keys to be removed are named {labels}"  # [T]; several with commas: ours
    zeroize_question: str = "Do you really want to remove these keys ?? [yes/no]: "  # [T]
    zeroize_none: str = "% There are no {kind} keys."  # ours, as is the next
    zeroize_no_label: str = "% There are no {kind} keys named {label}."

    # --- crypto key import authentication; show crypto key authentication rsa [T] ---
    login_key_prompt: str = "Enter the public key"  # [T] a blog of 2023; an empty line ends it
    login_key_refused: str = "% The public key cannot be imported: {why}"  # ours, as is the next
    login_key_none: str = "% There is no authentication key of {users}."
    login_key_type: str = "RSA public key authentication"  # [T]
    login_key_imported_label: str = "Imported"  # [T]

    # --- disks: the shape of XR's, from memory [U]; netmiko looks for the first line [C] ---
    no_file: str = "% The file cannot be read: {why}"  # ours
    directory_title: str = "\nDirectory of {place}"
    directory_line: str = "{number:>5} {mode}. 1 {size:>10} {date} {name}"

    # --- crypto ca authenticate: the chapter's layout, with the single "?" that pyATS answers [C] ---
    no_trustpoint: str = "% The trustpoint {name} is not configured."  # ours, as are all down to the question
    no_enrollment_url: str = "% The trustpoint {name} has no enrollment url."
    bad_enrollment_url: str = "% The enrollment url is not http://host[:port][/path]: {url}"
    authenticate_failed: str = "% Failed to get the CA certificate of {name}: {why}"
    authenticate_refused: str = "% The CA certificate is refused: {why}"
    authenticate_other_ca: str = (
        "% The CA certificate is refused: {name} holds a router certificate of another CA."
    )
    authenticate_again: str = "% The trustpoint {name} holds a CA certificate already."
    authenticate_sure: str = "Are you sure you want to do this? [yes/no] "  # [C] pyATS
    authenticate_fingerprint: str = "SHA1 Fingerprint:\n       {fingerprint}"
    fingerprint_digest: str = "sha1"
    fingerprint_separator: str = ""
    authenticate_question: str = "Do you accept this certificate? [yes/no]: "

    # --- crypto ca enroll: the chapter's words ---
    not_authenticated: str = "% Authenticate the CA of {name} first."  # ours, as are the next five
    no_key: str = "% There is no RSA key pair named {label}. Generate it first."
    no_domain_name: str = "% Configure the domain name of the router first."
    already_enrolling: str = (
        "% An enrollment request of {name} is already pending. 'crypto ca cancel-enroll {name}' gives it up."
    )
    nothing_to_cancel: str = "% There is no enrollment of {name} to cancel."
    enroll_again: str = "% The router already has a certificate from this CA. Request another? [yes/no]: "
    no_request: str = "% The certificate request cannot be made: {why}"
    enroll_start: str = "% Start certificate enrollment ... "
    enroll_password: str = (
        "% Create a challenge password. You will need to verbally provide this\n"
        "  password to the CA Administrator in order to revoke your certificate.\n"
        "% For security reasons your password will not be saved in the configuration.\n"
        "% Please make a note of it.\n"
    )
    password_question: str = "Password: "
    password_again: str = "Re-enter Password: "
    password_mismatch: str = "% The passwords do not match."  # ours, as is the next
    password_given_up: str = "% No enrollment: the passwords did not match."
    enroll_fingerprint: str = "    Fingerprint: {fingerprint} "

    # --- cut and paste: IOS's dialogue [U]; that XR's paste ends alike is [C] (pyATS) ---
    paste_certificate: str = (
        "\nEnter the base64/PEM encoded certificate.\n"
        'End with a blank line or the word "quit" on a line by itself\n'
    )
    paste_refused: str = "% The certificate cannot be read: {why}"  # ours
    request_title: str = "{usage} key certificate request -"
    request_question: str = "Display Certificate Request to terminal? [yes/no]: "
    request_shown: str = (
        "Certificate Request follows:\n\n"
        "{request}\n\n"
        "---End - This line not part of the certificate request---\n"
    )
    request_again: str = "Redisplay enrollment request? [yes/no]: "
    import_not_terminal: str = "% The trustpoint {name} does not enroll via the terminal."  # ours
    import_refused: str = "% The certificate is refused: {why}."
    imported: str = "% Router Certificate successfully imported"

    # --- show crypto ca certificates: the layout of the chapter's trust pool listing, which is newer ---
    trustpoint_title: str = "Trustpoint       : {name}\n=================================================="
    ca_title: str = "CA certificate"
    router_title: str = "Router certificate"
    key_usage: str = "  Key usage      : {usage}"
    status: str = "  Status         : {status}"
    serial_label: str = "Serial Number  : "
    subject_label: str = "Subject:"
    issuer_label: str = "Issued By      :"
    start_label: str = "Validity Start : "
    end_label: str = "Validity End   : "
    crl_label: str = "CRL Distribution Point"
    sha1_label: str = "SHA1 Fingerprint:"
    request_fingerprint: str = "  Request Fingerprint MD5 : {fingerprint}"  # ours: a pending request's
    serial_separator: str = ":"
    lower_case_names: bool = False

    # --- what became of an enrolment.  Process and facility are XR's; the mnemonics and the words are ours,
    # the words after IOS's %PKI-6-CERTRET and %PKI-6-CERTREJECT (scep.md 3.2) ---
    enrolment_log: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "pending": (
                "SECURITY-CEPKI-6-CERTPENDING",
                "Certificate enrollment request is pending at Certificate Authority for trustpoint {name}",
            ),
            "issued": (
                "SECURITY-CEPKI-6-CERTRET",
                "Certificate received from Certificate Authority for trustpoint {name}",
            ),
            "refused": (
                "SECURITY-CEPKI-6-CERTREJECT",
                "Certificate enrollment request was rejected by Certificate Authority for trustpoint {name}: "
                "{details}",
            ),
            "expired": (
                "SECURITY-CEPKI-4-CERTTIMEOUT",
                "Certificate enrollment timed out for trustpoint {name}: "
                "no certificate after {details} retries. "
                # The chapter's advice, "Request Your Own Certificates".
                "Contact the CA's administrator to get the request approved, and then enroll again",
            ),
            "cancelled": (
                "SECURITY-CEPKI-6-CERTCANCEL",
                "Certificate enrollment was cancelled for trustpoint {name}",
            ),
            # The four ways in which an exchange gives no answer; it is tried again.
            "unreachable": (
                "SECURITY-CEPKI-4-CAUNREACHABLE",
                "No answer from Certificate Authority for trustpoint {name}: {details}",
            ),
            "http-error": (
                "SECURITY-CEPKI-4-HTTPERROR",
                "Certificate Authority answered with an HTTP error for trustpoint {name}: {details}",
            ),
            "not-believed": (
                "SECURITY-CEPKI-3-NOTBELIEVED",
                "An answer that cannot be believed came for trustpoint {name}: {details}",
            ),
            "not-sent": (
                "SECURITY-CEPKI-3-NOTSENT",
                "Nothing was sent to Certificate Authority for trustpoint {name}: {details}",
            ),
            "forgotten": (
                "SECURITY-CEPKI-4-CERTFORGOTTEN",
                "Certificate enrollment request cannot be sent again for trustpoint {name}: "
                "its challenge password is not kept over a restart. Enroll again",
            ),
            "renewing": (
                "SECURITY-CEPKI-6-CERTRENEW",
                "Certificate renewal is started for trustpoint {name}",
            ),
            "not-renewed": (
                "SECURITY-CEPKI-3-CERTNOTRENEWED",
                "Certificate cannot be renewed for trustpoint {name}: {details}",
            ),
        }
    )


MODERN = Texts("modern")
CLASSIC = replace(
    MODERN,
    name="classic",
    dated=False,
    uncommitted="\nUncommitted changes found, commit them? [yes]:",  # [S], with the empty line before it
    uncommitted_default="yes",
    # Everything below is the chapter's example [S].
    key_name="The name for the keys will be:{label}",
    key_size_range=(
        "Choose the size of the key modulus in the range of {low} to {high} for your {purpose} "
        "Keypair\n"
        "Choosing a key modulus greater than 512 may take a few minutes."
    ),
    key_size_question="How many bits in the modulus [{default}]:",
    key_done="Done w/ crypto generate keypair\n[OK]",
    key_shown=(
        "Key label:{label}\nType     :{type}\n{measure:<9}:{size}\n{dated:<9}:{date}\nData     :\n{data}"
    ),
    rsa_range=(360, 2048),
    rsa_default=1024,
    authenticate_fingerprint="Fingerprint:{fingerprint} ",
    fingerprint_digest="md5",
    fingerprint_separator=" ",
    authenticate_question="Do you accept this certificate?? [yes/no]:",
    password_question="Password:",
    password_again="Re-enter Password:",
    trustpoint_title=("Trustpoint       :{name}\n=========================================================="),
    ca_title="CA certificate ",
    key_usage="  Key usage      :{usage} ",
    status="  Status         :{status} ",
    serial_label="Serial Number  :",
    subject_label="Subject Name   :",
    start_label="Validity Start :",
    end_label="Validity End   :",
    sha1_label="",
    serial_separator="",
    lower_case_names=True,
)
WORDINGS = {texts.name: texts for texts in (MODERN, CLASSIC)}
