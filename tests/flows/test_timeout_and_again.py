"""The chapter: "If a timeout occurs, contact your system administrator to get your request approved, and
then enter this command again."  Here in the other order: the command again, and then the approval.
"""

from __future__ import annotations

from datetime import timedelta

from tests.flows.conftest import Processes


def test_a_timeout_then_approval_then_the_command_again(lab: Processes) -> None:
    lab.start_ca()
    lab.start_routers()
    printed = lab.enrol(period=2, count=3)
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        assert request["fingerprints"]["md5"] in printed
        fired = lab.advance(timedelta(hours=1))
        assert [each.outcome for each in fired] == ["pending", "pending", "expired"]
        instants = [each.at - fired[0].at for each in fired]
        assert instants == [timedelta(0), timedelta(minutes=2), timedelta(minutes=4)]
        assert "timed out for trustpoint myca: no certificate after 3 retries" in lab.type("show logging")
        assert "Router certificate" not in lab.type("show crypto ca certificates")

        assert lab.advance(timedelta(hours=1)) == []  # the router has given up and asks no more
        printed = lab.type("crypto ca enroll myca", "Lab-Only-2", "Lab-Only-2")
        lab.advance(timedelta(0))  # waits for the exchange
        again = operator.request(request["id"])
        assert (again["state"], again["polls"]) == ("pending", 4)
        assert again["fingerprints"]["md5"] in printed  # of the request as it was sent last
        operator.approve(request["id"])
        lab.advance(timedelta(minutes=2))
        assert "Status         : Available" in lab.type("show crypto ca certificates")
        assert [each["id"] for each in operator.requests()] == [request["id"]]


def test_an_rfc8894_router_at_the_compat_path(lab: Processes) -> None:
    """POST, AES and no suffix, against the CA alone without an RA."""
    lab.start_ca()
    lab.start_routers("r1,r2", wire="rfc8894")
    url = lab.ndes.replace("/certsrv/mscep/mscep.dll", "/scep")
    lab.type(
        *("configure", "hostname r2", "domain name lab.example", "crypto ca trustpoint myca"),
        *(f"enrollment url {url}", "subject-name CN=r2,O=lab", "commit", "end"),
        *("crypto key generate rsa", "", "crypto ca authenticate myca", "yes"),
        *("crypto ca enroll myca", "", ""),
        router="r2",
    )
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        assert (request["profile"], request["challenge"]) == ("compat", "absent")
        operator.approve(request["id"])
    (fired,) = lab.advance(timedelta(minutes=1))
    assert (fired.owner, fired.outcome) == ("r2", "issued")
    assert "CN=r2" in lab.type("show crypto ca certificates", router="r2")
