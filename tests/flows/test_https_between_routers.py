"""One router fetches from another over TLS, for as long as that one's certificate is good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.flows.conftest import Processes


def issue(lab: Processes, operator: Any, router: str) -> str:
    """Enrol a router that can be called by its address; the certificate's serial number."""
    lab.type(
        *("configure", "crypto ca trustpoint myca", "subject-alternative-name IP:127.0.0.1"),
        *("commit", "end"),
        router=router,
    )
    lab.enrol(router)
    request = operator.wait_for_request(lambda each: each["state"] == "pending")
    serial = str(operator.approve(request["id"])["serial_number"])
    lab.advance(timedelta(minutes=1))
    return serial


def test_a_copy_is_made_until_the_certificate_is_revoked(lab: Processes, tmp_path: Path) -> None:
    lab.start_ca()
    lab.start_routers("r1,r2")
    url = lab.endpoints["routers"]["r1"]["https"]
    copy = f"copy {url}/ disk0:/page"
    page = tmp_path / "routers" / "r2" / "disks" / "disk0:" / "page"
    with lab.operator as operator:
        serial = issue(lab, operator, "r1")
        lab.type(
            *("configure", "crypto ca trustpoint myca", f"enrollment url {lab.ndes}", "commit", "end"),
            *("crypto ca authenticate myca", "yes"),
            router="r2",
        )
        assert f"%Error opening {url}/: connection refused" in lab.type(copy, "", router="r2")
        lab.type("configure", "http server ssl", "commit", "end")
        assert "presents the certificate of trustpoint myca" in lab.type("show logging")

        screen = lab.type(copy, "", router="r2")
        assert "Copy operation success" in screen, screen
        assert page.read_text() == "r1\ntrustpoint myca\n"

        by_name = f"copy https://localhost:{urlsplit(url).port}/ disk0:/other"
        screen = lab.type(by_name, "", router="r2")
        assert "the server's certificate is not accepted: " in screen, screen
        lab.type("configure", "http client secure-verify-host disable", "commit", "end", router="r2")
        assert "Copy operation success" in lab.type(by_name, "", router="r2")

        operator.revoke(serial)
        lab.type("clear crypto ca crl", router="r2")
        refused = lab.type(copy, "", "", router="r2")
        assert "the server's certificate is not accepted: " in refused, refused
        assert "revoked" in refused
        lab.type("configure", "http client secure-verify-peer disable", "commit", "end", router="r2")
        assert "Copy operation success" in lab.type(copy, "", "", router="r2")

    lab.kill("routers")
    lab.start_routers("r1,r2")
    assert "presents the certificate of trustpoint myca" in lab.type("show logging")
