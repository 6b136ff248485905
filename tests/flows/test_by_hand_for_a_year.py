"""Cut and paste with usage keys, the routers killed between; and a certificate that renews itself."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from tests.flows.conftest import Processes

USED_UP = ("Lab-Only-1", "Lab-Only-3")


def test_requests_go_and_certificates_come_by_paste(lab: Processes, tmp_path: Path) -> None:
    lab.start_ca()
    lab.start_routers()
    lab.type(
        *("configure", "hostname r1", "domain name lab.example", "crypto ca trustpoint byhand"),
        *("enrollment terminal", "rsakeypair two", "subject-name O=Lab", "commit", "end"),
        *("crypto key generate rsa usage-keys two", "1024", "1024"),
    )
    with lab.operator as operator:
        [ca] = [each for each in operator.ca()["generations"][0]["certificates"] if each["role"] == "ca"]
        lab.type(f"crypto ca authenticate byhand\n{ca['pem']}quit", "yes")
        screen = lab.type("crypto ca enroll byhand", "Lab-Only-3", "Lab-Only-3", "yes", "no", "yes", "no")
        printed = re.findall(r"Certificate Request follows:.*?---End", screen, re.DOTALL)
        assert len(printed) == 2
        lab.kill("routers")
        brought = [operator.submit(each) for each in printed]
        assert [each["state"] for each in brought] == ["pending", "pending"]
        serials = [operator.approve(each["id"])["serial_number"] for each in brought]
        lab.start_routers()
        assert lab.type("show crypto ca certificates").count("Pending") == 2
        for serial in reversed(serials):
            pem = operator.certificate(serial)["pem"]
            assert "imported" in lab.type(f"crypto ca import byhand certificate\n{pem}quit")
    shown = lab.type("show crypto ca certificates")
    assert (shown.count("Available"), shown.count("Pending")) == (2, 0)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not any(password.encode() in path.read_bytes() for password in USED_UP), path


def test_a_certificate_renews_itself(lab: Processes) -> None:
    lab.start_ca()
    lab.start_routers()
    lab.enrol()
    lab.type("configure", "crypto ca trustpoint myca", "auto-enroll 80", "commit", "end")
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        operator.approve(request["id"])
        lab.advance(timedelta(minutes=1))
        old = lab.type("show crypto ca certificates")
        fired = lab.advance(timedelta(days=292, hours=1))
        assert (fired[0].name, fired[0].outcome) == ("renewal myca", "pending")
        assert lab.type("show crypto ca certificates").count("Available") == 1
        [renewal] = operator.requests("pending")
        assert int(renewal["renews"], 16) == int(operator.request(request["id"])["serial_number"], 16)
        operator.approve(renewal["id"])
        lab.kill("routers")
        lab.start_routers()
        outcomes = [each.outcome for each in lab.advance(timedelta(days=2))]
        assert outcomes == ["issued"]
        new = lab.type("show crypto ca certificates")
    assert (new.count("Available"), new.count("Pending")) == (1, 0)
    assert new != old
