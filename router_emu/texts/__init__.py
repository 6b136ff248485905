"""Every fixed sentence that the router prints, in its two wordings; a module of this package for each field.

``MODERN`` is XR 7, what real tools expect; ``CLASSIC`` is the chapter's (2003).  A name in braces is filled
in where the sentence is printed.  Each sentence says where it is from: a tag of iosxr.md
([T] transcript, [C] a client's source, [S] the chapter), or "ours" where no source was found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from router_emu.texts.events import EventTexts
from router_emu.texts.files import FileTexts
from router_emu.texts.identity import IdentityTexts
from router_emu.texts.keys import KeyTexts
from router_emu.texts.logging import LoggingTexts
from router_emu.texts.peers import PeerTexts
from router_emu.texts.release import DEFAULT_HOSTNAME, NODE, VERSION
from router_emu.texts.shell import ShellTexts
from router_emu.texts.ssh import SshTexts
from router_emu.texts.trustpoints import TrustpointTexts
from router_emu.texts.trustpool import TrustpoolTexts
from router_emu.texts.web import WebTexts

__all__ = ["CLASSIC", "DEFAULT_HOSTNAME", "MODERN", "NODE", "VERSION", "WORDINGS", "CliRefusal", "Texts"]


class CliRefusal(Exception):
    """A sentence for the operator; the command ends with it.  Not an error of ours, so never logged."""


@dataclass(frozen=True)
class Texts(
    EventTexts,
    FileTexts,
    IdentityTexts,
    KeyTexts,
    LoggingTexts,
    PeerTexts,
    ShellTexts,
    SshTexts,
    TrustpointTexts,
    TrustpoolTexts,
    WebTexts,
):
    """The sentences of one wording."""

    name: str = "modern"


MODERN = Texts()
CLASSIC = replace(
    MODERN,
    name="classic",
    dated=False,
    uncommitted="\nUncommitted changes found, commit them? [yes]:",  # [S], with the empty line before it
    uncommitted_default="yes",
    copy_mark="C",  # this and the next are XR 5.1.3's [T]
    copy_done="{marks}\n{size} bytes copied in   {seconds} sec",
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
