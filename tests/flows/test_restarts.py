"""What a killed router or a killed CA forgets: nothing."""

from __future__ import annotations

from datetime import timedelta

from tests.flows.conftest import Processes

MINUTE = timedelta(minutes=1)


def outcomes(fired: list) -> list[str]:
    return [each.outcome for each in fired]


def test_a_router_is_killed_while_its_request_is_pending(lab: Processes) -> None:
    lab.start_ca()
    lab.start_routers()
    lab.enrol()
    key = lab.type("show crypto key mypubkey rsa")
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        assert outcomes(lab.advance(MINUTE)) == ["pending"]

        lab.kill("routers")
        lab.start_routers()
        assert "enrollment retry count 10" in lab.type("show running-config crypto ca trustpoint")
        assert "Status         : Pending" in lab.type("show crypto ca certificates")
        data = key.partition("Data")[2].partition("RP/0")[0]
        assert data
        assert data in lab.type("show crypto key mypubkey rsa")

        fired = lab.advance(MINUTE)
        assert outcomes(fired) == ["pending"]
        assert fired[0].name == "enrolment myca: poll 2 of 10"
        operator.approve(request["id"])
        assert outcomes(lab.advance(MINUTE)) == ["issued"]
        assert operator.request(request["id"])["polls"] == 2
        assert [each["id"] for each in operator.requests()] == [request["id"]]
    assert "Status         : Available" in lab.type("show crypto ca certificates")

    lab.kill("routers")
    lab.start_routers()
    assert "Status         : Available" in lab.type("show crypto ca certificates")


def test_the_ca_is_killed_while_a_request_is_pending(lab: Processes) -> None:
    lab.start_ca()
    lab.start_routers()
    lab.enrol()
    with lab.operator as operator:
        pending = operator.wait_for_request(lambda each: each["state"] == "pending")
        before = operator.request(pending["id"])

    lab.kill("ca")
    (fired,) = lab.advance(MINUTE)
    assert fired.outcome == "no answer: connection refused"
    lab.start_ca()
    with lab.operator as operator:
        assert operator.request(before["id"]) == before
        assert outcomes(lab.advance(MINUTE)) == ["pending"]
        operator.approve(before["id"])

        lab.kill("ca")  # approved, and not yet fetched
    lab.start_ca()
    assert outcomes(lab.advance(MINUTE)) == ["issued"]
    log = lab.type("show logging | include CEPKI")
    assert "No answer from Certificate Authority for trustpoint myca: connection refused" in log
    assert "Certificate received from Certificate Authority" in log


def test_the_request_itself_is_sent_again_when_the_ca_was_down(lab: Processes) -> None:
    lab.start_ca()
    lab.start_routers()
    lab.type("configure", "hostname r1", "commit", "end")
    lab.enrol()  # takes the CA's certificate and enrols once
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        operator.deny(request["id"], "once")
        assert outcomes(lab.advance(MINUTE)) == ["refused: badRequest: once"]

    lab.kill("ca")
    lab.type("crypto ca enroll myca", "Lab-Only-1", "Lab-Only-1")
    (fired,) = lab.advance(MINUTE)
    assert fired.name == "enrolment myca: request again, 1 of 10"
    assert fired.outcome == "no answer: connection refused"
    lab.start_ca()
    assert outcomes(lab.advance(MINUTE)) == ["pending"]
    with lab.operator as operator:
        assert [each["state"] for each in operator.requests()] == ["denied", "pending"]
