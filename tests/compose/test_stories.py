"""Stories between containers: what is stopped, killed or cut off comes back, and the lab's time with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from cryptography import x509

from sceplab.advance import LabTime
from sceplab.bundles_client import BundleServer
from sceplab.remote import RemoteService
from tests.compose.containers import PASSWORD, Containers

pytestmark = pytest.mark.compose

DAY = timedelta(days=1)
BUNDLE = "/security/pki/trs/ios.p7b"


def approve(lab: Containers, number: int) -> None:
    """As an operator does in the containers."""
    lab.inside("sceplab", "requests", "approve", str(number))


def outcomes(lab: Containers, router: str, by: timedelta = timedelta(minutes=1)) -> list[str]:
    return [fired.outcome for fired in lab.advance(router, by)]


def has_certificate(lab: Containers, router: str) -> bool:
    return "Status         : Available" in lab.type(router, "show crypto ca certificates")


def test_a_router_enrols_over_the_network_once_an_operator_approves(lab: Containers, router: str) -> None:
    request = lab.enrol(router)
    assert request["state"] == "pending"
    [network] = lab.container("routers").attrs["NetworkSettings"]["Networks"].values()
    assert request["source"] == network["IPAddress"]
    assert outcomes(lab, router) == ["pending"]
    approve(lab, request["id"])
    assert outcomes(lab, router) == ["issued"]
    assert has_certificate(lab, router)


def test_a_router_gives_up_while_the_ca_is_stopped_and_enrols_when_it_is_back(
    lab: Containers, router: str
) -> None:
    request = lab.enrol(router, retries=3)
    with lab.stopped("ca"):
        fired = outcomes(lab, router, timedelta(minutes=10))
        assert [each.partition(":")[0] for each in fired] == ["no answer", "no answer", "expired"]
        assert "timed out for trustpoint myca" in lab.type(router, "show logging")
    assert len(lab.clocks()) == 1  # the CA's has not stood still
    approve(lab, request["id"])
    lab.type(router, "crypto ca enroll myca", PASSWORD, PASSWORD)
    lab.advance(router)
    assert has_certificate(lab, router)


@pytest.mark.parametrize("how", ["stopped and started", "killed"])
def test_the_routers_come_back_while_a_request_is_pending(lab: Containers, router: str, how: str) -> None:
    request = lab.enrol(router)
    assert outcomes(lab, router) == ["pending"]
    if how == "killed":
        lab.container("routers").kill()
        lab.compose("start", "--wait", "routers")
    else:
        with lab.stopped("routers"):
            lab.inside("sceplab", "clock", "advance", "30s", service="ca")
    assert len(lab.clocks()) == 1
    assert "Status         : Pending" in lab.type(router, "show crypto ca certificates")
    approve(lab, request["id"])
    assert outcomes(lab, router) == ["issued"]
    assert has_certificate(lab, router)


@contextmanager
def cut_off(lab: Containers, service: str) -> Iterator[None]:
    """A service without its network, for as long as the block lasts."""
    container, network = lab.container(service), lab.network
    network.disconnect(container)
    try:
        yield
    finally:
        network.connect(container, aliases=[service])


def test_a_ca_that_was_cut_off_from_the_network_is_found_again(lab: Containers, router: str) -> None:
    request = lab.enrol(router)
    with lab.lab() as reachable:
        others = {**reachable.endpoints["management"]}
        del others["ca"]
    with cut_off(lab, "ca"):
        services = [RemoteService(name, url) for name, url in others.items()]
        fired = [each for each in LabTime(services).advance(timedelta(minutes=1)) if each.owner == router]
        for service in services:
            service.close()
        assert [each.outcome.partition(":")[0] for each in fired] == ["no answer"]
    assert len(lab.clocks()) == 2  # nobody could tell the CA
    assert outcomes(lab, router) == ["pending"]
    assert len(lab.clocks()) == 1
    approve(lab, request["id"])
    assert outcomes(lab, router) == ["issued"]


def test_a_trust_pool_is_refreshed_when_the_bundle_server_is_back(lab: Containers, router: str) -> None:
    url = f"http://bundles:8088{BUNDLE}"
    with lab.lab() as here, BundleServer(here.endpoints) as server:
        server.publish(BUNDLE, "expiring")
    lab.type(router, "configure", "crypto ca trustpool policy", f"cabundle url {url}", "commit", "end")
    assert "succeeded" in lab.type(router, f"crypto ca trustpool import url {url}")
    with lab.stopped("bundles"):
        tries = outcomes(lab, router, 16 * DAY)
        assert len(tries) == 2
        assert all(each.startswith("not refreshed: ") for each in tries)
    with lab.lab() as here, BundleServer(here.endpoints) as server:
        server.publish(BUNDLE, "successor")
    assert [each.partition(":")[0] for each in outcomes(lab, router, 5 * DAY)] == ["refreshed"]


def test_the_directory_has_the_crl_that_a_certificate_names_though_the_ca_is_stopped(
    lab: Containers, router: str
) -> None:
    request = lab.enrol(router, profile="ldap")
    approve(lab, request["id"])
    assert outcomes(lab, router) == ["issued"]
    with lab.lab() as here:
        serial = here.request(request["id"])["serial_number"]
        certificate = x509.load_pem_x509_certificate(here.certificate(serial)["pem"].encode())
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    [url] = [name.value for point in points for name in point.full_name or ()]
    assert url.startswith("ldap://ldap:3890/")
    lab.type(router, f"crypto ca crl request {url}", "clear crypto ca crl")
    with lab.stopped("ca"):
        lab.type(router, f"crypto ca crl request {url}")
        assert "ldap://ldap:3890/" in lab.type(router, "show crypto ca crls")
    with lab.stopped("ldap"):
        said = lab.type(router, "clear crypto ca crl", f"crypto ca crl request {url}")
        assert "ldap://ldap:3890/" not in lab.type(router, "show crypto ca crls"), said


def test_all_is_stopped_and_started_and_nothing_is_lost(lab: Containers, router: str) -> None:
    request = lab.enrol(router)
    before = lab.clocks()
    lab.compose("stop")
    lab.compose("start", "--wait")
    assert lab.clocks() == before
    assert lab.advance(router)
    approve(lab, request["id"])
    assert outcomes(lab, router) == ["issued"]
