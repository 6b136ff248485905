"""A trustpoint: authenticate, enroll, import, show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrustpointTexts:
    """What `crypto ca` commands print about one trustpoint."""

    # --- crypto ca authenticate: the chapter's layout, with the single "?" that pyATS answers [C] ---
    no_trustpoint: str = "% The trustpoint {name} is not configured."  # ours, as are all down to the question
    no_enrollment_url: str = "% The trustpoint {name} has no enrollment url."
    bad_enrollment_url: str = "% The enrollment url is not http://host[:port][/path]: {url}"
    authenticate_failed: str = "% Failed to get the CA certificate of {name}: {why}"
    authenticate_refused: str = "% The CA certificate is refused: {why}"
    authenticate_other_ca: str = (
        "% The CA certificate is refused: {name} holds a router certificate of another CA. "
        "'clear crypto ca certificates {name}' forgets it."
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
    password_too_long: str = "% No enrollment: the password is longer than {most} characters."  # ours
    password_given_up: str = "% No enrollment: the passwords did not match."
    enroll_fingerprint: str = "    Fingerprint: {fingerprint} "

    # --- cut and paste: IOS's dialogue [U]; that XR's paste ends alike is [C] (pyATS) ---
    paste_certificate: str = (
        "\nEnter the base64/PEM encoded certificate.\n"
        'End with a blank line or the word "quit" on a line by itself\n'
    )
    paste_refused: str = "% The certificate cannot be read: {why}"  # ours, as is the next
    nothing_pasted: str = "nothing was pasted"
    request_title: str = "{usage} key certificate request -"
    request_question: str = "Display Certificate Request to terminal? [yes/no]: "
    request_shown: str = (
        "Certificate Request follows:\n\n"
        "{request}\n\n"
        "---End - This line not part of the certificate request---\n"
    )
    request_again: str = "Redisplay enrollment request? [yes/no]: "
    import_not_terminal: str = (
        "% The trustpoint {name} enrolls neither via the terminal nor via files."  # ours
    )
    import_refused: str = "% The certificate is refused: {why}."
    imported: str = "% Router Certificate successfully imported"

    # --- enrollment local, enrollment self: all ours ---
    local_needs_path: str = "% The trustpoint {name} enrolls via files: name the file."
    local_not_configured: str = "% The trustpoint {name} does not enroll via files: no file can be named."
    local_written: str = "The certificate request is written to {path}"
    self_removes_own: str = "% The router certificate that it has issued goes with it."
    self_refused: str = "% The certificate cannot be made: {why}."
    self_no_more: str = "% The trustpoint {name} is not configured for self enrollment."
    self_no_key: str = "% There is no {kind} key pair named {label}. Generate it first."
    self_ca_expired: str = (
        "% The CA certificate of {name} is not valid now. 'crypto ca authenticate {name}' makes another."
    )
    self_ca_key_lost: str = (
        "% The key pair of the CA of {name} is no more. 'crypto ca authenticate {name}' makes another CA."
    )
    self_issued: str = "The router certificate is issued by the router itself"

    # --- show crypto ca certificates: the layout of the chapter's trust pool listing, which is newer ---
    trustpoint_title: str = "Trustpoint       : {name}\n=================================================="
    ca_title: str = "CA certificate"
    router_title: str = "Router certificate"
    rollover_title: str = "{title} (Rollover)"  # the next CA's; as IOS marks them [C] (pyATS)
    key_usage: str = "  Key usage      : {usage}"
    status: str = "  Status         : {status}"
    serial_label: str = "Serial Number  : "
    subject_label: str = "Subject:"
    unreadable_name: str = "a name that cannot be read"  # ours
    issuer_label: str = "Issued By      :"
    start_label: str = "Validity Start : "
    end_label: str = "Validity End   : "
    crl_label: str = "CRL Distribution Point"
    sha1_label: str = "SHA1 Fingerprint:"
    request_fingerprint: str = "  Request Fingerprint MD5 : {fingerprint}"  # ours: a pending request's
    serial_separator: str = ":"
    lower_case_names: bool = False
