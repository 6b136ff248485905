"""The directory's entries follow the CA; they outlast it; and what the CA says is not believed blindly."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import structlog.testing

from ldap_mock import asking
from ldap_mock import source as source_module
from ldap_mock.app import Shared
from ldap_mock.asking import AskedCa
from ldap_mock.directory import NoSuchObject, Tree
from ldap_mock.dn import parse_dn
from ldap_mock.kept import CAS, ISSUED, KeptCopy
from ldap_mock.server import DirectoryUnavailable
from ldap_mock.source import Source
from tests.ldap_mock.published_ca import CA, PublishedCa, certificate, crl, served

NOWHERE = "http://127.0.0.1:1"
CRL = "certificateRevocationList"
CRL_PATH = "/_lab/crl/ca-1.crl"


@pytest.fixture
def ca() -> PublishedCa:
    return PublishedCa()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@contextmanager
def source_of(url: str, folder: Path) -> Iterator[Source]:
    with closing(AskedCa(url, url)) as asked:
        yield Source(asked, KeptCopy(folder))


@pytest.fixture
def source(ca: PublishedCa, folder: Path) -> Iterator[Source]:
    with served(ca) as url, source_of(url, folder) as source:
        yield source


def values(tree: Tree, dn: str, kind: str) -> tuple[bytes, ...]:
    return tree.find(parse_dn(dn)).attributes[kind]


def test_each_question_is_answered_with_what_the_ca_has_then(ca, source) -> None:
    assert values(source.now().tree, CA, CRL) == (ca.crls["ca-1"],)
    with pytest.raises(NoSuchObject):
        source.now().tree.find(parse_dn("CN=r1"))
    ca.crls["ca-1"] = crl(2)
    ca.issued.append(certificate("CN=r1"))
    tree = source.now().tree
    assert values(tree, CA, CRL) == (ca.crls["ca-1"],)
    assert values(tree, "CN=r1", "userCertificate") == (ca.issued[0],)
    ca.crls["ca-1"] = None
    with pytest.raises(KeyError):
        values(source.now().tree, CA, CRL)


def test_a_ca_that_has_nothing_new_costs_three_small_answers_and_no_new_tree(ca, source) -> None:
    ca.issued += [certificate(f"CN=r{number}") for number in range(8)]
    before = source.now()
    assert sum(path.startswith("/ca/issued.json") for path, _ in ca.answers) == 3  # pages
    ca.answers.clear()
    assert source.now() is before
    assert ca.answers == [("/ca/index.json", 304), ("/ca/ca-1.cer", 304), (CRL_PATH + "?as=normal", 304)]


def test_who_issues_now_is_first(ca, source) -> None:
    ca.certificates["ca-2"], ca.crls["ca-2"] = certificate(CA, 2, by=2), crl(1, by=2)
    assert values(source.now().tree, CA, CRL) == (ca.crls["ca-1"], ca.crls["ca-2"])
    ca.chain = ["ca-2"]
    assert values(source.now().tree, CA, CRL) == (ca.crls["ca-2"], ca.crls["ca-1"])


def test_what_was_published_outlasts_the_ca_and_a_restart(ca, folder) -> None:
    ca.issued += [certificate(f"CN=r{number}") for number in range(5)]
    with served(ca) as url:
        port = int(url.rpartition(":")[2])
        with source_of(url, folder) as source:
            source.now()
    with source_of(url, folder) as source, structlog.testing.capture_logs() as logged:
        tree = source.now().tree
        assert source.now().tree is tree
        assert values(tree, "CN=r4", "userCertificate") == (ca.issued[4],)
        assert values(tree, CA, CRL) == (ca.crls["ca-1"],)
        assert source.facts()["ca_answers"] is False
        assert [each["event"] for each in logged] == ["ca-does-not-answer"]  # once
        ca.issued.append(certificate("CN=new"))
        with served(ca, port):
            ca.answers.clear()
            assert values(source.now().tree, "CN=new", "userCertificate") == (ca.issued[5],)
        assert sum(path.startswith("/ca/issued.json") for path, _ in ca.answers) == 1  # not all over again
        assert source.facts()["certificates"] == 6
        assert [each["event"] for each in logged] == ["ca-does-not-answer", "ca-answers"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}


def test_before_the_ca_was_ever_there_the_directory_is_unavailable(folder) -> None:
    with source_of(NOWHERE, folder) as source:
        assert source.facts()["ca_answers"] is None
        with pytest.raises(DirectoryUnavailable, match="not yet told"):
            source.now()


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (CAS, lambda kept: kept[:-20]),
        (CAS, lambda kept: b'[{"name": "x"}]'),
        (CAS, lambda kept: b"[1]"),
        (CAS, lambda kept: b"[" * 100_000),
        (ISSUED, lambda kept: kept[:-20]),
        (ISSUED, lambda kept: b"\xff\xfe"),
        (ISSUED, lambda kept: b"[1]\n"),
    ],
)
def test_a_damaged_copy_is_told_and_fetched_anew(
    ca, folder, file: str, damage: Callable[[bytes], bytes]
) -> None:
    ca.issued.append(certificate("CN=r1"))
    with served(ca) as url:
        with source_of(url, folder) as source:
            source.now()
        (folder / file).write_bytes(damage((folder / file).read_bytes()))
        with structlog.testing.capture_logs() as logged, source_of(url, folder) as source:
            assert source.facts()["certificates"] == 0
            assert values(source.now().tree, "CN=r1", "userCertificate") == (ca.issued[0],)
        assert [each["event"] for each in logged] == ["copy-damaged", "ca-answers"]
    with source_of(NOWHERE, folder) as source:
        assert values(source.now().tree, "CN=r1", "userCertificate") == (ca.issued[0],)


def test_half_a_copy_is_none(ca, folder) -> None:
    ca.issued.append(certificate("CN=r1"))
    with served(ca) as url:
        with source_of(url, folder) as source:
            source.now()
        (folder / CAS).unlink()  # as if it had ended before it had all
        with source_of(url, folder) as source:
            source.now()
            assert source.facts()["certificates"] == 1
    assert len((folder / ISSUED).read_text().splitlines()) == 1


def test_the_copy_of_another_ca_is_forgotten(ca, folder) -> None:
    ca.issued.append(certificate("CN=r1"))
    with served(ca) as url, source_of(url, folder) as source:
        source.now()
        other = PublishedCa()
        other.certificates, other.crls = {"ca-1": certificate(CA, by=2)}, {"ca-1": crl(1, by=2)}
        other.issued = [certificate("CN=other", by=2)]
        ca.certificates, ca.crls, ca.issued = other.certificates, other.crls, other.issued
        tree = source.now().tree
    assert values(tree, "CN=other", "userCertificate") == (other.issued[0],)
    with pytest.raises(NoSuchObject):
        tree.find(parse_dn("CN=r1"))
    with source_of(NOWHERE, folder) as source:
        assert len(source.now().tree) == len(tree)


def test_a_ca_whose_database_is_new_is_asked_for_everything(ca, source) -> None:
    ca.issued += [certificate("CN=r1"), certificate("CN=r2")]
    source.now()
    ca.issued[:] = [certificate("CN=r3")]
    tree = source.now().tree
    assert values(tree, "CN=r3", "userCertificate") == (ca.issued[0],)
    with pytest.raises(NoSuchObject):
        tree.find(parse_dn("CN=r1"))


INDEX, ISSUED_PATH = "/ca/index.json", "/ca/issued.json"
ENTRY = {
    "name": "ca-1",
    "certificate": "/ca/ca-1.cer",
    "crl": "/crl/ca-1.crl",
    "dn": CA,
    "cdp_dn": CA,
    "aia_dn": CA,
}


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (INDEX, 500, b""),
        (INDEX, 302, b""),
        (INDEX, 404, b""),
        (INDEX, 200, b"<html>"),
        (INDEX, 200, b"[" * 2900),
        (INDEX, 200, b"\xff"),
        (INDEX, 200, b"[]"),
        (INDEX, 200, b'{"cas": {}, "issued": 1}'),
        (INDEX, 200, b'{"cas": [1], "issued": 1}'),
        (INDEX, 200, json.dumps({"cas": [ENTRY | {"dn": "no name"}], "issued": 1}).encode()),
        (
            INDEX,
            200,
            json.dumps({"cas": [ENTRY | {"certificate": "http://192.0.2.1/"}], "issued": 1}).encode(),
        ),
        (INDEX, 200, json.dumps({"cas": [ENTRY | {"name": 7}], "issued": 1}).encode()),
        (INDEX, 200, b"x" * 4000),
        (CRL_PATH, 503, b""),
        (ISSUED_PATH, 200, b'{"issued": [{}], "more": false}'),
        (ISSUED_PATH, 200, b'{"issued": [{"sequence": 0, "certificate": ""}], "more": true}'),
        (ISSUED_PATH, 200, b'{"issued": [{"sequence": 3, "certificate": "\\u00e9"}], "more": true}'),
    ],
)
def test_what_makes_no_sense_leaves_what_was_there(ca, source, monkeypatch, path, status, body) -> None:
    monkeypatch.setattr(asking, "MAX_OCTETS", 3000)
    ca.issued.append(certificate("CN=r1"))
    before = source.now()
    ca.issued.append(certificate("CN=r2"))
    ca.broken[path] = status, body
    assert source.now() is before
    assert source.facts()["ca_answers"] is False
    del ca.broken[path]
    assert values(source.now().tree, "CN=r2", "userCertificate") == (ca.issued[1],)


def test_an_error_in_the_middle_of_many_pages_loses_nothing(ca, source) -> None:
    source.now()
    ca.issued += [certificate(f"CN=r{number}") for number in range(3)]
    whole = ca._content

    def only_one_page(path: str):
        if path == ISSUED_PATH and any(asked.startswith(path) for asked, _ in ca.answers):
            ca.broken[path] = 500, b""
        return whole(path)

    ca.issued += [certificate("CN=last")]
    ca._content = only_one_page
    before = source.now()
    assert source.facts()["ca_answers"] is False
    ca._content, ca.broken = whole, {}
    after = source.now()
    assert len(after.tree) == len(before.tree) + 4


def test_a_silent_ca_is_given_up(folder, monkeypatch) -> None:
    monkeypatch.setattr(source_module, "ROUND_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with source_of(url, folder) as source, pytest.raises(DirectoryUnavailable):
            source.now()


def test_a_full_disk_stops_the_copy_and_not_the_directory(ca, folder, monkeypatch) -> None:
    def full(_self: KeptCopy, _issued: object) -> None:
        raise OSError(28, "No space left on device")

    with served(ca) as url, source_of(url, folder) as source, structlog.testing.capture_logs() as logged:
        source.now()
        ca.issued.append(certificate("CN=r1"))
        with monkeypatch.context() as patch:
            patch.setattr(KeptCopy, "add_issued", full)
            assert values(source.now().tree, "CN=r1", "userCertificate") == (ca.issued[0],)
        ca.issued.append(certificate("CN=r2"))
        assert values(source.now().tree, "CN=r2", "userCertificate") == (ca.issued[1],)
    assert [each["event"] for each in logged] == ["ca-answers", "copy-not-kept"]
    assert list(folder.iterdir()) == []


def test_who_asks_at_the_same_time_shares_a_call_that_began_later() -> None:
    """The first call is under way when the others ask: they get the second's answer, all of them."""
    go, calls = threading.Event(), []

    def function(since: float) -> int:
        calls.append(len(calls))
        began = len(calls)
        go.wait(10)
        return began

    async def play() -> list[int]:
        shared = Shared(function)
        first = asyncio.ensure_future(shared.call())
        while not calls:
            await asyncio.sleep(0)
        others = [asyncio.ensure_future(shared.call()) for _ in range(50)]
        await asyncio.sleep(0)
        others[7].cancel()
        go.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
        assert isinstance(results[8], asyncio.CancelledError)
        return [each for each in results if isinstance(each, int)]

    assert asyncio.run(play()) == [1] + [2] * 49
    assert len(calls) == 2


def test_an_exception_reaches_all_who_wait() -> None:
    def function(since: float) -> None:
        raise DirectoryUnavailable("no CA")

    async def play() -> list[object]:
        shared = Shared(function)
        return await asyncio.gather(*(shared.call() for _ in range(3)), return_exceptions=True)

    assert [str(each) for each in asyncio.run(play())] == ["no CA"] * 3
