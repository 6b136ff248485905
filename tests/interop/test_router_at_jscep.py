"""The emulated router at jscep's servlet (2.5.8), behind it the small CA of jscep/JscepServer.java.

The one CA of other people's here that holds requests back, so that the router's CertPoll is read by a
stranger: jscep calls it GetCertInitial and hands us the issuer, the subject and the transaction, and all
three have to be the request's.  It is an RA with one certificate for both purposes, whose answers are always
in 3DES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial

import pytest

from tests.interop.foreign_ca import PASSWORD, Device
from tests.interop.jscep_client import JscepServer

pytestmark = pytest.mark.interop

# A retry period and a little: the clock runs on while a poll is under way.
PERIOD = timedelta(seconds=61)
MakeCa = Callable[..., str]


@pytest.fixture(scope="session")
def server() -> Iterator[JscepServer]:
    with closing(JscepServer()) as server:
        yield server


@pytest.fixture
def make_ca(server: JscepServer) -> MakeCa:
    return partial(server.ca, PASSWORD)


def test_polled_for_until_it_is_issued(make_ca: MakeCa, device: Device) -> None:
    assert "CN=jscep CA" in device.trust(make_ca(pending=3), "subject-name CN=r1,OU=routers,O=Lab")
    device.enrol()
    assert device.log.count("CERTPENDING") == 1
    assert device.wait(2 * PERIOD) == ["pending", "pending"]
    assert device.serial_number == ""
    assert device.wait(PERIOD) == ["issued"]
    assert device.serial_number == "03"
    assert device.log.count("CERTRET") == 1


def test_refused_after_a_while(make_ca: MakeCa, device: Device) -> None:
    device.trust(make_ca(pending=2, refuses=True))
    device.enrol()
    assert device.wait(2 * PERIOD) == ["pending", "refused: badRequest"]
    assert device.log.count("CERTREJECT") == 1
    assert device.wait(10 * PERIOD) == []


def test_given_up_after_ten_polls_and_asked_for_again(make_ca: MakeCa, device: Device) -> None:
    """The same key is the same transaction: jscep takes the second PKCSReq for a new request."""
    device.trust(make_ca(pending=12))
    device.enrol()
    assert device.wait(20 * PERIOD) == ["pending"] * 9 + ["expired"]
    device.enrol()
    assert device.wait(PERIOD) == ["pending"]


def test_the_wrong_challenge(make_ca: MakeCa, device: Device) -> None:
    device.trust(make_ca())
    device.enrol("something else")
    assert "trustpoint myca: badMessageCheck" in device.log
    assert device.serial_number == ""


def test_usage_keys_are_two_transactions(make_ca: MakeCa, device: Device) -> None:
    device.configure(f"enrollment url {make_ca(pending=1)}")
    device.type("crypto key generate rsa usage-keys", "2048", "2048")
    device.type("crypto ca authenticate myca", "yes")
    device.enrol()
    assert device.wait(PERIOD) == ["issued", "issued"]
    assert device.log.count("CERTRET") == 2


def test_renewed_by_a_pkcsreq(make_ca: MakeCa, device: Device) -> None:
    """Signed with the certificate that it renews, without a challenge."""
    device.trust(make_ca(), "auto-enroll 80")
    device.enrol()
    assert device.wait(timedelta(hours=20)) == ["issued"]
    assert device.serial_number == "04"
    assert device.wait(timedelta(days=30)) == []


def test_a_renewalreq_is_nothing_that_jscep_knows(make_ca: MakeCa, device: Device) -> None:
    """It says that it can Renewal, and means the drafts' way: message type 17 is an HTTP error."""
    device.trust(make_ca(), "auto-enroll 80", "renewal-message-type renewalreq")
    device.enrol()
    outcomes = device.wait(timedelta(hours=20))
    assert outcomes == ["no answer: HTTP status 500"] * 10 + ["expired: HTTP status 500"]
    assert "HTTPERROR" in device.log
    assert device.serial_number == "03"
    device.configure("renewal-message-type pkcsreq")
    assert device.wait(timedelta(hours=3)) == ["issued"]
    assert device.serial_number == "04"
