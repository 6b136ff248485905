"""What is configured for the router's SSH server: its certificate, and who logs in with one (XR 7.3.1).

Cisco's models give the statements.  That a certificate is offered beside the plain host key, and at once when
it is renewed, is ours; so is what happens when a list of host key algorithms leaves nothing to offer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric import rsa

from router_emu.commands import trustpoints
from router_emu.config.store import CommitError
from router_emu.config.tree import Block
from router_emu.pki.identity import Identity, NoIdentity
from router_emu.pki.store import Pki
from router_emu.pki.wire import printable
from scep_core import asn1, names
from scep_core.certificates import SUBJECT_ALT_NAME, Certificate

HOST_KEYS = "ssh server algorithms host-key"
HOST = "ssh server trustpoint host"
USER = "ssh server trustpoint user"
USERNAME = "ssh server certificate username"

X509 = "x509v3-ssh-rsa"
_PLAIN = "ed25519"  # the kind of the host key that every router of the lab has
HOST_KEY_ALGORITHMS = (
    "dsa",
    "ecdsa-nistp256",
    "ecdsa-nistp384",
    "ecdsa-nistp521",
    _PLAIN,
    "rsa",
    "rsa-sha256",
    "rsa-sha512",
    "ssh-rsa",
    X509,
)
# Microsoft's user principal name, an otherName of the SAN.
_UPN = "1.3.6.1.4.1.311.20.2.3"


@dataclass(frozen=True)
class HostKeys:
    """What the SSH server shows of itself: its plain key, and an RSA key with its ``chain``, or one of both.

    The chain begins with the router's certificate; without a certificate it is empty and ``key`` None.
    ``lacks`` says why there is none, when there should be one.
    """

    plain: bool = True
    chain: tuple[Certificate, ...] = ()
    key: rsa.RSAPrivateKey | None = field(default=None, repr=False)
    lacks: str = ""


def host_keys(running: Block, pki: Pki) -> HostKeys:
    """What is to be offered now."""
    listed = (running.text(HOST_KEYS) or "").split()
    offered = HostKeys(plain=not listed or _PLAIN in listed)
    name = running.text(HOST)
    if name is not None and (not listed or X509 in listed):
        try:
            offered = _with_certificate(offered, trustpoints.identity(running, pki, name))
        except NoIdentity as why:
            offered = replace(offered, lacks=str(why))
    return offered if offered.plain or offered.key else HostKeys(lacks=offered.lacks)


def _with_certificate(offered: HostKeys, identity: Identity) -> HostKeys:
    if not isinstance(identity.key, rsa.RSAPrivateKey):
        raise NoIdentity("only a certificate for an RSA key can be offered")
    # RFC 6187 section 2.1: the root may be left out; IOS's manual says that it must be [D].
    return HostKeys(offered.plain, identity.chain, identity.key)


def user_trustpoints(running: Block) -> tuple[str, ...]:
    """Whose certificates let users log in."""
    return tuple(running.listed(USER))


def user_names(running: Block, certificate: Certificate) -> tuple[str, ...]:
    """Whom a certificate lets log in, by the field that is configured; nobody when none is."""
    match running.text(USERNAME):
        case "common-name":
            return _common_names(certificate)
        case "user-principle-name":
            return _principal_names(certificate)
    return ()


def why_not_his(running: Block, certificate: Certificate, user: str) -> str:
    """Why a certificate does not name the user, for people; empty when it does."""
    names_of, field = user_names(running, certificate), running.text(USERNAME)
    if user in names_of:
        return ""
    if field is None:
        return f"{USERNAME!r} is not configured"
    return f"it is for {printable(', '.join(names_of))}" if names_of else f"it names no user by {field}"


def _common_names(certificate: Certificate) -> tuple[str, ...]:
    try:
        rdns = names.parse_name(certificate.subject)
    except ValueError:
        return ()
    found = [text for rdn in rdns for kind, text in rdn if kind == names.COMMON_NAME]
    return tuple(found[-1:])


def _principal_names(certificate: Certificate) -> tuple[str, ...]:
    """The part before the @ of each user principal name: routers' users have no domain."""
    extension = certificate.extension(SUBJECT_ALT_NAME)
    found = []
    try:
        for name in asn1.items(extension.value) if extension else ():
            if name.tag_bytes == b"\xa0":
                kind, value = asn1.items(asn1.encode(asn1.SEQUENCE, bytes(name.data)))
                [text] = asn1.set_items(value, 0xA0)
                if asn1.to_oid(kind) == _UPN:
                    found.append(asn1.to_text(text).partition("@")[0])
    except ValueError:
        return ()
    return tuple(found)


def check(running: Block) -> Sequence[CommitError]:
    """What a commit of this would be refused for."""
    words = (running.text(HOST_KEYS) or "").split()
    wrong = [word for word in words if word not in HOST_KEY_ALGORITHMS]
    return [CommitError((), HOST_KEYS, f"{word!r} is no host key algorithm") for word in wrong[:1]]
