"""The sequence diagram of a transaction, from entries of the journal."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from sceplab.diagram import as_svg, as_text, diagram
from sceplab.journal import Entry

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def entry(minutes, service, kind, who, summary):
    at = NOON + timedelta(minutes=minutes)
    return Entry(minutes, at, at, service, kind, who, summary, "AB")


@pytest.fixture
def drawn():
    """A poll while the CA is down, then an approval and a certificate."""
    return diagram(
        [
            entry(0, "ca", "scep", "127.0.0.1", "PKCSReq -> PENDING"),
            entry(0, "routers", "scep", "r1", "GET http://ca/?operation=PKIOperation -> 200, 1833 octets"),
            entry(1, "routers", "scep", "r1", "GET http://ca/?operation=PKIOperation -> connection refused"),
            entry(2, "ca", "management", "operator", "POST /api/requests/1/approve -> 200"),
            entry(2, "ca", "scep", "127.0.0.1", "CertPoll -> SUCCESS"),
        ]
    )


def test_the_text_has_an_arrow_for_each_message(drawn) -> None:
    heads, *lines = as_text(drawn).splitlines()
    assert [(name, heads.index(name)) for name in heads.split()] == [("r1", 26), ("ca", 60), ("operator", 94)]
    assert lines == [
        "2030-01-01 12:00:00 UTC    |----------- PKCSReq ------------>|                                 |",
        "                           |<........... PENDING ............|                                 |",
        "2030-01-01 12:01:00 UTC    |------ connection refused ------x|                                 |",
        "2030-01-01 12:02:00 UTC    |                                 |<-------- approve (200) ---------|",
        "                           |----------- CertPoll ----------->|                                 |",
        "                           |<........... SUCCESS ............|                                 |",
    ]


def test_the_svg_is_well_formed_and_says_the_same(drawn) -> None:
    document = ElementTree.fromstring(as_svg(drawn))
    texts = [each.text for each in document.iter(f"{SVG}text")]
    assert texts[:3] == ["r1", "ca", "operator"]
    assert [each for each in texts[3:] if not each.endswith("UTC")] == [
        *("PKCSReq", "PENDING", "connection refused", "approve (200)", "CertPoll", "SUCCESS")
    ]
    kinds = [each.get("class") for each in document.iter(f"{SVG}line")]
    assert kinds[3:] == ["ask", "answer", "lost", "ask", "ask", "answer"]


def test_a_client_that_is_no_router_is_told_by_its_address() -> None:
    drawn = diagram([entry(0, "ca", "scep", "192.0.2.1", "PKCSReq -> FAILURE badRequest: no")])
    assert drawn.parts == ("192.0.2.1", "ca")
    assert drawn.steps[1].text == "FAILURE badRequest: no"


def test_what_a_peer_has_written_does_no_harm() -> None:
    drawn = diagram(
        [entry(0, "ca", "scep", "::1", "PKCSReq -> FAILURE badRequest: <script>\x1b[2J" + "x" * 200)]
    )
    assert "\x1b" not in as_text(drawn)
    assert max(map(len, as_text(drawn).splitlines())) < 100
    svg = as_svg(drawn)
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg
    ElementTree.fromstring(svg)


def test_nothing_is_drawn_of_nothing() -> None:
    assert as_text(diagram([])).strip() == "ca"
