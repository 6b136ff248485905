"""The router's SSH server with X.509 certificates; asyncssh's own validation is the second opinion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from router_emu.adapters.ssh_certificates import key_pairs
from router_emu.commands.context import Router
from router_emu.commands.ssh_server import HostKeys
from router_emu.pki.keys import KeyPair
from router_emu.texts import MODERN
from scep_core.certificates import Certificate
from sceplab.clock import wall_time
from tests.router_emu.ca_server_stage import CaServer
from tests.router_emu.pki_lab import Lab, rsa_key
from tests.router_emu.ssh_stage import Connect, configure, serving
from tests.router_emu.tls_stage import odd_identities

# asyncssh reads certificates by what pyOpenSSL would like to be rid of.
pytestmark = pytest.mark.filterwarnings("ignore:X509.get_.* is deprecated:DeprecationWarning")


@pytest.fixture(params=[False, True], ids=["root", "intermediate"])
def lab(
    make_router: Callable[..., Router],
    make_screen: Callable[..., Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Lab]:
    """A router that has enrolled with our own CA, today by the wall clock, which clients go by."""
    screen = make_screen(make_router())
    screen.now = wall_time() - timedelta(hours=1)  # so that what is issued is valid now
    server = CaServer(tmp_path / "ca.sqlite3", lambda: screen.now, root=request.param)
    lab = Lab(screen, server)
    lab.enrol()
    approve(lab)
    assert lab.pki.trustpoint("myca").router is not None
    yield lab
    server.store.close()


def approve(lab: Lab) -> None:
    server: Any = lab.wire
    [request] = [each for each in server.operate("")["requests"] if each["state"] == "pending"]
    server.operate(f"/{request['id']}/approve")
    lab.wait(minutes=2)


def authority(lab: Lab) -> Certificate:
    """The highest CA."""
    held = lab.pki.trustpoint("myca")
    assert held.ca is not None
    return (held.ca, *held.above)[-1]


async def shown_key(connect: Connect, *algorithms: str) -> Any:
    """The host key that a client gets who understands these alone, and takes it unseen."""
    async with connect(server_host_key_algs=list(algorithms)) as connection:
        return connection.get_server_host_key()


X509 = ("x509v3-rsa2048-sha256", "x509v3-ssh-rsa")


def test_a_client_verifies_the_certificate_by_the_ca(lab: Lab, tmp_path: Path) -> None:
    configure(lab, "ssh server trustpoint host myca")

    async def story() -> None:
        async with serving(lab, tmp_path, trusted=[authority(lab)]) as (_, connect):
            async with connect(known_hosts=b"") as connection:
                assert (await connection.run("show clock")).exit_status == 0
            with pytest.raises(asyncssh.HostKeyNotVerifiable, match="host principal mismatch"):
                await connect(known_hosts=b"", host_key_alias="r2.lab.example")
            router = lab.pki.trustpoint("myca").router
            key = await shown_key(connect, X509[1])
            assert router is not None
            assert key.export_public_key("pkcs8-der") == router.public_key_info

    asyncio.run(story())


@pytest.mark.parametrize("oddity", odd_identities())
def test_a_certificate_that_cannot_be_read_is_not_offered(oddity: str) -> None:
    odd = odd_identities()[oddity]
    plain = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    offered = key_pairs(plain, HostKeys(chain=(odd.certificate,), key=odd.key))
    assert [type(each) for each in offered] == [type(asyncssh.import_private_key(plain))]


def test_a_router_that_certifies_itself(lab: Lab, tmp_path: Path) -> None:
    configure(
        lab,
        "crypto ca trustpoint system-trustpoint",
        "enrollment self",
        "root",
        "ssh server trustpoint host system-trustpoint",
    )
    lab.type("crypto ca authenticate system-trustpoint", "crypto ca enroll system-trustpoint")
    ca = lab.pki.trustpoint("system-trustpoint").ca
    assert ca is not None

    async def story() -> None:
        async with (
            serving(lab, tmp_path, trusted=[ca]) as (_, connect),
            connect(known_hosts=b"", x509_purposes="secureShellServer") as connection,
        ):
            assert (await connection.run("show clock")).exit_status == 0

    asyncio.run(story())


def test_a_plain_client_sees_the_plain_key(lab: Lab, tmp_path: Path) -> None:
    configure(lab, "ssh server trustpoint host myca")

    async def story() -> None:
        async with serving(lab, tmp_path, trusted=[authority(lab)]) as (host, connect):
            plain = asyncssh.import_private_key(host.host_key()).export_public_key()
            assert (await shown_key(connect, "ssh-ed25519")).export_public_key() == plain
            with pytest.raises(asyncssh.KeyExchangeFailed):  # the certified key is not offered bare
                await shown_key(connect, "rsa-sha2-256")

    asyncio.run(story())


def test_new_connections_follow_the_certificate_and_the_configuration(lab: Lab, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(lab, tmp_path, trusted=[authority(lab)]) as (host, connect):

            async def offered() -> bytes | None:
                try:
                    return bytes((await shown_key(connect, *X509)).public_data)
                except asyncssh.KeyExchangeFailed:
                    return None

            assert await offered() is None
            configure(lab, "ssh server trustpoint host myca")
            host.after_command()
            first = await offered()
            async with connect(known_hosts=b"") as old:
                key = KeyPair("the_default", rsa_key("another"), lab.screen.now)
                lab.pki.set_keys(key, now=lab.screen.now)
                lab.type("crypto ca enroll myca", "yes", "", "")
                approve(lab)
                host.after_command()
                second = await offered()
                assert None is not second != first
                assert (await old.run("show clock")).exit_status == 0
            lab.type("clear crypto ca certificates myca")
            host.after_command()
            assert await offered() is None

    asyncio.run(story())


@pytest.mark.parametrize(
    ("algorithms", "plain", "certificate"),
    [
        ("x509v3-ssh-rsa", False, True),
        ("ed25519 rsa", True, False),
        ("ed25519 x509v3-ssh-rsa", True, True),
        ("rsa", True, False),  # nothing of the list is there: nobody is locked out
    ],
)
def test_a_list_of_algorithms_says_what_is_offered(
    lab: Lab, tmp_path: Path, algorithms: str, plain: bool, certificate: bool
) -> None:
    configure(lab, "ssh server trustpoint host myca", f"ssh server algorithms host-key {algorithms}")

    async def story() -> None:
        async with serving(lab, tmp_path, trusted=[authority(lab)]) as (_, connect):
            for kinds, expected in ((("ssh-ed25519",), plain), (X509, certificate)):
                if expected:
                    assert await shown_key(connect, *kinds)
                else:
                    with pytest.raises(asyncssh.KeyExchangeFailed):
                        await shown_key(connect, *kinds)

    asyncio.run(story())


def test_the_log_says_once_why_no_certificate_is_offered(lab: Lab, tmp_path: Path) -> None:
    """Not at all where the list of algorithms wants none."""

    async def story() -> None:
        async with serving(lab, tmp_path) as (host, connect):
            for statement in ("host nosuch", "host myca", "host nosuch"):
                configure(lab, f"ssh server trustpoint {statement}")
                host.after_command()
                host.after_command()
            lab.type("clear crypto ca certificates myca")
            configure(lab, "ssh server trustpoint host myca")
            host.after_command()
            configure(lab, "ssh server trustpoint host nosuch", "ssh server algorithms host-key ed25519")
            host.after_command()
            assert await shown_key(connect, "ssh-ed25519")

    asyncio.run(story())
    nosuch = "trustpoint nosuch is not configured"
    assert [line.partition("offers no certificate: ")[2] for line in lab.log if "NOHOSTCERT" in line] == [
        nosuch,
        nosuch,
        "trustpoint myca: it holds no certificate of this router's to sign with",
    ]


def test_what_is_no_algorithm_is_refused_by_the_commit(lab: Lab) -> None:
    lab.type("configure", "ssh server algorithms host-key ed25519 rot13")
    assert MODERN.commit_failed in lab.type("commit").text
    assert "!!% 'rot13' is no host key algorithm" in lab.type("show configuration failed").text
