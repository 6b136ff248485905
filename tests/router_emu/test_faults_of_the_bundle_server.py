"""A router's trust pool at a bundle server that does something wrong: what the router says of each fault.

The server is a process of its own, and the router's requests go over real sockets.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bundles.faults import CATALOGUE
from router_emu.adapters import http
from router_emu.pki.wire import HttpRequest, HttpResponse, Limits, NoResponse
from sceplab.clock import ClockState
from tests.bundles.stage import running
from tests.ca_server.processes import fetch
from tests.router_emu.pki_lab import Lab
from tests.router_emu.pool_stage import EPOCH
from tests.router_emu.trustpool_stage import a_lab, a_router

FULL = "/security/pki/trs/ios.p7b"
CORE = "/security/pki/trs/ios_core.p7b"
SHORT = Limits(connect=10, response=1)  # of real time
Places = dict[str, Any]


def wire(request: HttpRequest) -> HttpResponse | NoResponse:
    return asyncio.run(http.send(replace(request, limits=SHORT)))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    clock = json.dumps(ClockState("frozen", frozen_at=EPOCH).to_json())
    with running(tmp_path_factory.mktemp("bundles"), environment={"SCEPLAB_CLOCK": clock}) as places:
        yield places


@pytest.fixture
def lab(make_screen: Callable[..., Any]) -> Lab:
    return a_lab(make_screen, a_router(), wire)


def import_with(lab: Lab, server: Places, fault: str, path: str = FULL) -> str:
    """What the router prints last when its import meets this fault."""
    fetch(f"{server['management']}/_lab/faults", body=json.dumps({"name": fault, "count": 1}).encode())
    start = len(lab.screen.text)
    lab.type(f"crypto ca trustpool import url {server['http']}{path}")
    assert json.loads(fetch(f"{server['management']}/_lab/faults"))["active"] == []
    return str(lab.screen.text[start:].splitlines()[-2])


CUT_OFF = "the answer is not HTTP, or was cut off"
NOT_FETCHED = {
    "http-error": "HTTP status 503",
    "reset": "connection reset by peer",
    "lost-answer": CUT_OFF,
    "delay": "timed out",
    "drip": "timed out",
    "truncated": CUT_OFF,
}


@pytest.mark.parametrize("fault", NOT_FETCHED)
def test_a_bundle_that_does_not_come(lab: Lab, server: Places, fault: str) -> None:
    line = import_with(lab, server, fault)
    start = f"% Failed to get the CA certificate bundle from {server['http']}{FULL}: "
    assert line == start + NOT_FETCHED[fault]
    assert lab.pki.pool.pool.downloaded == ()


def test_an_empty_bundle_leaves_the_pool_as_it_was(lab: Lab, server: Places) -> None:
    lab.type(f"crypto ca trustpool import url {server['http']}{CORE}")
    before = lab.pki.pool.dump()
    line = import_with(lab, server, "empty")
    assert line.startswith("% The CA certificate bundle is refused: ")
    assert "empty" in line
    assert lab.pki.pool.dump() == before


def test_nobody_looks_at_the_type(lab: Lab, server: Places) -> None:
    line = import_with(lab, server, "wrong-content-type")
    assert line == "% CA certificate bundle import succeeded: 11 certificates"


def test_the_content_of_another_path_is_taken_where_it_is_a_bundle(lab: Lab, server: Places) -> None:
    """A router cannot tell: only the number is not what it was."""
    line = import_with(lab, server, "other-content")
    assert line.startswith("% CA certificate bundle import succeeded: ")
    assert len(lab.pki.pool.pool.downloaded) != 11


def test_every_fault_of_the_bundle_server_is_met_by_a_router() -> None:
    seen = {*NOT_FETCHED, "empty", "wrong-content-type", "other-content"}
    assert seen == {each.name for each in CATALOGUE}
