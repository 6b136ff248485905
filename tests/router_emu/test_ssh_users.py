"""Users who log in by an X.509 certificate; the lab's clock and the router's CRLs decide, not asyncssh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from router_emu.adapters.host import RouterHost
from router_emu.adapters.ssh_certificates import sent_chain
from router_emu.commands import ssh_server
from router_emu.pki.trustpoint import TrustpointState
from scep_core import asn1, certificates
from scep_core.certificates import Certificate, Extension
from scep_core.cms import Identity
from scep_core.crls import RevokedEntry, build_crl, read_crl
from scep_core.values import Digest
from sceplab.clock import ClockState, LabClock, wall_time
from tests.router_emu.pki_lab import PASSWORD, Lab, make_ca, make_identity, rsa_key
from tests.router_emu.ssh_stage import configure, serving

# asyncssh reads certificates by what pyOpenSSL would like to be rid of.
pytestmark = pytest.mark.filterwarnings("ignore:X509.get_.* is deprecated:DeprecationWarning")

# Long ago by the wall clock, which must not matter.
CA = make_ca("users", "CN=Users CA")
STATEMENTS = ("ssh server trustpoint user users", "ssh server certificate username common-name")
CLIENT = certificates.ext_extended_key_usage(certificates.CLIENT_AUTH)


def certified(subject: str, *extensions: Extension, issuer: Identity = CA, **options: Any) -> Identity:
    return make_identity("somebody", subject, *extensions, issuer=issuer, **options)


def upn(name: str) -> Extension:
    """A SAN with Microsoft's user principal name."""
    value = asn1.oid("1.3.6.1.4.1.311.20.2.3") + asn1.encode(0xA0, asn1.printable_or_utf8(name))
    return Extension(certificates.SUBJECT_ALT_NAME, False, asn1.sequence_of(asn1.encode(0xA0, value)))


def ssh_key(identity: Identity) -> asyncssh.SSHKey:
    pem = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return asyncssh.import_private_key(pem)


def log_in(
    lab: Lab, folder: Path, user: Identity, name: str = "admin", signer: Identity | None = None
) -> bool:
    """Whether the user got in, at the time of the lab's screen; by a ``signer`` another key signs for his."""
    [pair] = asyncssh.load_keypairs(ssh_key(user))
    mine = [(pair, [asyncssh.import_certificate(user.certificate.der)])]
    if signer is not None:
        other = ssh_key(signer)
        pair.sign = lambda data: other.sign(data, pair.sig_algorithm)  # type: ignore[method-assign]
    offset = (lab.screen.now - wall_time()).total_seconds()

    async def story() -> bool:
        clock = LabClock(state=ClockState("offset", offset))
        async with serving(lab, folder, clock=clock) as (_, connect):
            try:
                async with connect(username=name, password=None, client_keys=mine) as connection:
                    return bool((await connection.run("show clock")).exit_status == 0)
            except asyncssh.PermissionDenied:
                return False

    return asyncio.run(story())


@pytest.fixture
def trusting(lab: Lab) -> Lab:
    """A router that lets the users of CA in, whose CRL it need not have."""
    configure(lab, "crypto ca trustpoint users", "enrollment terminal", "crl optional", "root", *STATEMENTS)
    lab.pki.authenticate("users", TrustpointState(ca=CA.certificate), lab.screen.now)
    return lab


def refusals(lab: Lab) -> list[str]:
    return [line for line in lab.log if "SSHD-4-CERTREFUSED" in line]


def test_by_the_common_name(trusting: Lab, tmp_path: Path) -> None:
    assert log_in(trusting, tmp_path, certified("O=Lab,CN=admin", CLIENT))
    assert log_in(trusting, tmp_path, certified("CN=noc"), name="noc")
    assert refusals(trusting) == []
    assert not log_in(trusting, tmp_path, certified("CN=noc"), name="admin")
    assert not log_in(trusting, tmp_path, certified("CN=admin,CN=noc"), name="admin")
    told = "SECURITY-SSHD-4-CERTREFUSED : The certificate of user admin is not accepted: it is for noc"
    assert refusals(trusting) == [told, told]


def test_by_the_user_principal_name(trusting: Lab, tmp_path: Path) -> None:
    configure(trusting, "ssh server certificate username user-principle-name")
    assert log_in(trusting, tmp_path, certified("CN=Ann Other", upn("ann@lab.example")), name="ann")
    assert not log_in(trusting, tmp_path, certified("CN=ann"), name="ann")
    assert refusals(trusting)[0].endswith("user ann is not accepted: it names no user by user-principle-name")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            lambda: certified("CN=admin", issuer=make_ca("strangers", "CN=Users CA")),
            "not signed with the key",
        ),
        (
            lambda: certified("CN=admin", certificates.ext_extended_key_usage(certificates.SERVER_AUTH)),
            "client",
        ),
        (lambda: certified("CN=admin", life=(CA.certificate.not_before, THEN)), "was valid until"),
    ],
    ids=["of another CA", "for servers", "expired"],
)
def test_what_is_not_good_is_refused_and_logged(
    trusting: Lab, tmp_path: Path, make: Callable[[], Identity], why: str
) -> None:
    assert not log_in(trusting, tmp_path, make())
    [line] = refusals(trusting)
    assert line.startswith("SECURITY-SSHD-4-CERTREFUSED : The certificate of user admin is not accepted: ")
    assert why in line


THEN = CA.certificate.not_before + timedelta(days=1)


def test_a_certificate_ends_by_the_labs_clock(trusting: Lab, tmp_path: Path) -> None:
    user = certified("CN=admin", life=(CA.certificate.not_before, trusting.screen.now + timedelta(days=1)))
    assert log_in(trusting, tmp_path, user)
    trusting.screen.now += timedelta(days=2)
    assert not log_in(trusting, tmp_path, user)


def test_a_revoked_certificate_and_no_crl(trusting: Lab, tmp_path: Path) -> None:
    now = trusting.screen.now
    good, revoked = certified("CN=admin", serial_number=7), certified("CN=admin", serial_number=8)
    assert log_in(trusting, tmp_path, revoked)
    configure(trusting, "crypto ca trustpoint users", "no crl optional")
    assert not log_in(trusting, tmp_path, good)
    crl = build_crl(
        issuer=CA.certificate.subject,
        key=CA.key,
        digest=Digest.SHA256,
        this_update=now - timedelta(hours=1),
        next_update=now + timedelta(days=1),
        revoked=[RevokedEntry(8, now - timedelta(hours=2))],
        number=1,
        authority_key_id=certificates.key_identifier(CA.certificate.public_key_info),
    )
    trusting.pki.crls.put(read_crl(crl), CA.certificate, "http://ca.lab/users.crl", now)
    assert log_in(trusting, tmp_path, good)
    assert not log_in(trusting, tmp_path, revoked)
    assert len(refusals(trusting)) == 2


@pytest.mark.parametrize(
    ("statement", "why"),
    [(STATEMENTS[0], "trustpoint"), (STATEMENTS[1], "'ssh server certificate username' is not configured")],
)
def test_nobody_without_the_statements(trusting: Lab, tmp_path: Path, statement: str, why: str) -> None:
    configure(trusting, f"no {statement}")
    assert not log_in(trusting, tmp_path, certified("CN=admin"))
    [line] = refusals(trusting)
    assert why in line


def test_only_the_trustpoints_that_are_named_count(trusting: Lab, tmp_path: Path) -> None:
    others = make_ca("others", "CN=Other CA")
    configure(trusting, "crypto ca trustpoint others", "enrollment terminal", "crl optional")
    trusting.pki.authenticate("others", TrustpointState(ca=others.certificate), trusting.screen.now)
    user = certified("CN=admin", issuer=others)
    assert not log_in(trusting, tmp_path, user)
    configure(trusting, "ssh server trustpoint user others")
    assert log_in(trusting, tmp_path, user)
    shown = trusting.type("show running-config").text
    assert shown.count("ssh server trustpoint user") == 2


def test_the_password_still_serves(trusting: Lab, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(trusting, tmp_path) as (_, connect), connect() as connection:
            assert (await connection.run("show clock")).exit_status == 0

    assert PASSWORD
    asyncio.run(story())


class TestJudging:
    def test_a_login_is_judged_once(
        self, trusting: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        judge = RouterHost.may_log_in_by

        async def note(host: RouterHost, username: str, chain: Sequence[Certificate]) -> bool:
            asked.append(username)
            return await judge(host, username, chain)

        monkeypatch.setattr(RouterHost, "may_log_in_by", note)
        assert log_in(trusting, tmp_path, certified("CN=admin"))
        assert asked == ["admin"]
        assert not log_in(trusting, tmp_path, certified("CN=noc"))
        assert asked == ["admin"] * 2

    def test_whoever_has_seen_a_certificate_makes_the_router_do_nothing(
        self, trusting: Lab, tmp_path: Path
    ) -> None:
        """The CRL would be fetched, and the refusal be logged, in the name of somebody else."""
        configure(trusting, "crypto ca trustpoint users", "no crl optional")
        seen = certified("CN=admin", certificates.ext_crl_distribution_points("http://127.0.0.1:1/x.crl"))
        assert not log_in(trusting, tmp_path, seen, signer=replace(seen, key=rsa_key("thief")))
        assert refusals(trusting) == []
        assert not log_in(trusting, tmp_path, seen)
        [line] = refusals(trusting)
        assert "http://127.0.0.1:1/x.crl" in line


def chain_of(*parts: bytes, count: int) -> bytes:
    strings = b"".join(len(part).to_bytes(4) + part for part in parts)
    return b"\0\0\0\x01x" + count.to_bytes(4) + strings


DER = CA.certificate.der


@pytest.mark.parametrize(
    "blob",
    [b"", b"\0\0", b"\0\0\0\x09x", chain_of(count=1), chain_of(DER, count=2), chain_of(b"junk", count=1)],
)
def test_a_blob_that_is_no_chain(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sent_chain(blob)


def test_of_a_long_chain_the_beginning_is_read() -> None:
    assert sent_chain(chain_of(*[DER] * 20, count=20)) == [CA.certificate] * 10


@pytest.mark.parametrize(
    "san", [b"", b"\x30\x03\xa0\x01\x06", b"\x30\x02\xa0\x00", b"\x30\x04\xa0\x02\x05\x00"]
)
def test_a_broken_alternative_name_is_nobodys(trusting: Lab, san: bytes) -> None:
    configure(trusting, "ssh server certificate username user-principle-name")
    user: Certificate = certified("CN=x", Extension(certificates.SUBJECT_ALT_NAME, False, san)).certificate
    assert ssh_server.user_names(trusting.router.config.running, user) == ()
