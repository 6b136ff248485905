"""The bundle server's faults: which requests meet them, and what they get.

What the faults of HTTP do on the wire is in tests/sceplab/test_fault_http.py.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from waitress.channel import ClientDisconnected

from bundles.faults import CATALOGUE
from sceplab.fault_http import HTTP_FAULTS
from tests.bundles.stage import SECONDS, Stage, running
from tests.ca_server.processes import fetch

FULL = "/security/pki/trs/ios.p7b"
CRL = "/crl/lab-root-m1.crl"
LOST = {"reset", "lost-answer", "delay", "drip", "truncated"}  # without a server in between


def fault(stage: Stage, name: str, **more: Any) -> None:
    answer = stage.management.post("/_lab/faults", json={"name": name, "count": 1} | more)
    assert answer.status_code == 201, answer.text


def active(stage: Stage) -> list[str]:
    return [each["name"] for each in stage.management.get("/_lab/faults").json["active"]]


def last(stage: Stage) -> Any:
    return stage.management.get("/_lab/journal?limit=1").json["entries"][0]


def test_all_are_off_and_the_api_tells_them(stage: Stage) -> None:
    told = stage.management.get("/_lab/faults").json
    assert [each["name"] for each in told["catalogue"]] == [each.name for each in CATALOGUE]
    assert told["active"] == []
    assert "X-Lab-Fault" not in stage.get(FULL).headers


@pytest.mark.parametrize("name", [each.name for each in HTTP_FAULTS])
@pytest.mark.parametrize(("path", "kind"), [(FULL, "bundle"), (CRL, "crl")])
def test_bundles_and_crls_meet_the_faults_of_http(stage: Stage, path: str, kind: str, name: str) -> None:
    fault(stage, name)
    gone = {"waitress.client_disconnected": Gone().method}
    if name in LOST:
        with pytest.raises(ClientDisconnected):
            stage.public.get(path, environ_overrides=gone)
    else:
        assert stage.get(path).headers["X-Lab-Fault"] == name
    entry = last(stage)
    assert (entry["kind"], entry["details"]["fault"]) == (kind, name)
    assert stage.get(path).status_code == 200
    assert active(stage) == []


class Gone:
    """A connection that has ended meanwhile."""

    socket = None

    def method(self) -> None:
        raise AssertionError


def test_an_empty_bundle(stage: Stage) -> None:
    true = stage.get(FULL)
    fault(stage, "empty")
    answer = stage.get(FULL, If_None_Match=true.headers["ETag"])
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"", true.content_type)
    assert answer.headers["X-Lab-Fault"] == last(stage)["details"]["fault"] == "empty"


def test_the_content_of_another_path(stage: Stage) -> None:
    true = stage.get(FULL)
    published = stage.published
    fault(stage, "other-content")
    answer = stage.get(FULL, If_None_Match=true.headers["ETag"])
    assert (answer.status_code, answer.headers["X-Lab-Fault"]) == (200, "other-content")
    assert answer.data != true.data
    assert answer.data in {content for path, content in published.items() if path != FULL}


@pytest.mark.parametrize("name", ["empty", "other-content"])
def test_a_crl_has_no_fault_of_bundles(stage: Stage, name: str) -> None:
    fault(stage, name)
    assert stage.get(CRL).data
    assert active(stage) == [name]


@pytest.mark.parametrize("path", ["/", "/index.json", "/nowhere.p7b"])
def test_what_is_no_bundle_meets_none(stage: Stage, path: str) -> None:
    fault(stage, "http-error", value=500)
    assert stage.get(path).status_code in (200, 404)
    assert active(stage) == ["http-error"]


def test_every_fault_stands_in_a_test_above() -> None:
    assert {each.name for each in CATALOGUE} - {each.name for each in HTTP_FAULTS} == {
        "empty",
        "other-content",
    }


def test_over_https_too(tmp_path: Path) -> None:
    """TLS is taken off by a front, which hands a reset on."""
    with running(tmp_path) as places:
        port = int(places["https"].rpartition(":")[2])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        @contextmanager
        def asked(name: str) -> Iterator[ssl.SSLSocket]:
            """A connection in which a request was sent that meets the fault."""
            body = json.dumps({"name": name, "count": 1}).encode()
            fetch(f"{places['management']}/_lab/faults", body=body)
            with (
                socket.create_connection(("127.0.0.1", port), SECONDS) as connection,
                context.wrap_socket(connection, server_hostname="localhost") as tls,
            ):
                tls.sendall(f"GET {FULL} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                yield tls

        def ask(name: str) -> bytes:
            with asked(name) as tls:
                return b"".join(iter(lambda: tls.recv(65536), b""))

        head, _, content = ask("truncated").partition(b"\r\n\r\n")
        (length,) = [line[15:] for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
        assert len(content) == int(length) // 2
        assert ask("lost-answer") == b""
        with asked("reset") as tls, socket.socket(fileno=os.dup(tls.fileno())) as below:
            # OpenSSL takes a reset for an end where there was something to read before it.
            below.settimeout(SECONDS)
            with pytest.raises(ConnectionResetError):
                list(iter(lambda: below.recv(65536), b""))
