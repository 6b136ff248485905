"""strongSwan's `pki --scep` at a CA that does something wrong: it names each fault in its own words.

What it lets pass is noted too, as measured with 5.9.8: it does not look at the recipientNonce.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ca_server.faults import CATALOGUE
from tests.ca_server.processes import fetch
from tests.interop.strongswan_client import Pki
from tests.programs import SECONDS, Ca

pytestmark = pytest.mark.interop

REFUSED = {
    "http-error": "HTTP 503",
    "reset": "libcurl request failed",
    "lost-answer": "libcurl request failed",
    "truncated": "transfer closed with",
    "empty-capabilities": "digest algorithm not supported by CA",
    "fail-badAlg": "failInfo:     badAlg",
    "fail-badMessageCheck": "failInfo:     badMessageCheck",
    "fail-badRequest": "failInfo:     badRequest",
    "fail-badTime": "failInfo:     badTime",
    "fail-badCertId": "failInfo:     badCertId",
    "bad-signature": "unable to verify pkcs7 attributes signature",
    "wrong-transaction-id": "transaction ID of scep response does not match",
    "wrong-recipient": "no private key found to decrypt pkcs7",
    "expired-ra": "subject certificate invalid (valid from",
}
# With the fault's value, where it has one: a client that waits gets its certificate.
TAKEN: dict[str, float | None] = {
    "delay": 0.5,
    "drip": 0.001,
    "wrong-content-type": None,
    "pending": None,
    "wrong-nonce": None,
    "des-only": None,
}
NOT_MET = {"iis-query-limit"}  # it posts
AT_GET_CA_CERT = {"changed-certificate"}


class Faults:
    """The CA's, over its management port."""

    def __init__(self, ca: Ca) -> None:
        self._url = f"{ca.operator.endpoints['management']['ca']}/_lab/faults"

    def add(self, name: str, value: float | None = None) -> None:
        wanted = {"name": name, "count": 1} | ({} if value is None else {"value": value})
        fetch(self._url, body=json.dumps(wanted).encode())

    @property
    def left(self) -> int:
        return len(json.loads(fetch(self._url))["active"])

    def clear(self) -> None:
        urllib.request.urlopen(urllib.request.Request(self._url, method="DELETE"), timeout=SECONDS).close()


@pytest.fixture
def faults(granting_ca: Ca) -> Iterator[Faults]:
    faults = Faults(granting_ca)
    yield faults
    faults.clear()


@pytest.fixture
def client(pki: str, granting_ca: Ca, tmp_path: Path) -> Pki:
    return Pki(pki, tmp_path, granting_ca.at("compat"))


def scep(client: Pki, faults: Faults, fault: str, value: float | None = None) -> tuple[int, bytes, str]:
    """How an enrolment goes that meets the fault: status, certificate, words."""
    command = client.scep(f"fault-{fault}", "--interval", "1")
    faults.add(fault, value)
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    assert faults.left == 0
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize("fault", REFUSED)
def test_it_says_what_is_wrong(client: Pki, faults: Faults, fault: str) -> None:
    status, certificate, said = scep(client, faults, fault)
    assert (status, certificate) == (1, b"")
    assert REFUSED[fault] in said


@pytest.mark.parametrize("fault", TAKEN)
def test_it_gets_its_certificate_all_the_same(client: Pki, faults: Faults, fault: str) -> None:
    status, certificate, said = scep(client, faults, fault, TAKEN[fault])
    assert status == 0, said
    client.check(certificate, f"fault-{fault}")


def test_it_is_shown_another_ca(client: Pki, faults: Faults) -> None:
    (true,) = client.authorities().cas
    before = true.read_bytes()
    faults.add("changed-certificate")
    (changed,) = client.authorities().cas
    assert changed.read_bytes() != before
    (true,) = client.authorities().cas
    assert true.read_bytes() == before


def test_every_fault_of_the_ca_is_looked_at() -> None:
    assert {*REFUSED, *TAKEN, *NOT_MET, *AT_GET_CA_CERT} == {each.name for each in CATALOGUE}
