"""A CA that is silent or slow: one deadline for all that a search asks it, and nobody waits for it twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ldap_mock import source as source_module
from ldap_mock.asking import AskedCa
from ldap_mock.kept import KeptCopy
from ldap_mock.source import Source
from tests.ldap_mock.published_ca import CA, PublishedCa, crl, served
from tests.ldap_mock.stage import CRL, Stage
from tests.ldap_mock.wire import BASE, Client, search


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A directory that knows its CA, which is silent from now on."""
    with ExitStack() as stack:
        stage = Stage(stack, tmp_path)
        stage.crl()
        go = threading.Event()
        stack.callback(go.set)
        content = stage.ca._content

        def silent(path: str):
            go.wait(20)
            return content(path)

        stage.ca._content = silent
        monkeypatch.setattr(source_module, "ROUND_SECONDS", 1.0)
        yield stage


def test_who_waits_behind_a_question_that_is_given_up_waits_no_longer(stage: Stage) -> None:
    held = stage.ca.crls["ca-1"]
    asked = search(1, CA, BASE, attributes=[CRL])
    with Client(stage.port) as first, Client(stage.port) as second:
        began = time.monotonic()
        first.send(asked)
        second.send(asked)
        for client in (first, second):
            assert next(iter(client)).attributes[CRL] == [held]
        assert time.monotonic() - began < 1.8


def test_the_root_dse_and_the_schema_wait_for_no_ca(stage: Stage) -> None:
    with Client(stage.port) as waiting, Client(stage.port) as client:
        waiting.send(search(1, CA, BASE))
        began = time.monotonic()
        assert client.ask(search(1, "", BASE, attributes=["namingContexts"]))[0].attributes
        assert client.ask(search(2, "cn=subschema", BASE))[-1].code == 0
        assert time.monotonic() - began < 0.8


def test_all_questions_of_a_search_have_one_deadline(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(source_module, "ROUND_SECONDS", 0.5)
    ca = PublishedCa()
    content = ca._content
    with served(ca) as url, closing(AskedCa(url, url)) as asked:
        source = Source(asked, KeptCopy(tmp_path))
        before = source.now()
        for number in range(2, 9):
            ca.certificates[f"ca-{number}"] = ca.certificates["ca-1"]
            ca.crls[f"ca-{number}"] = crl(number)

        def slow(path: str):
            time.sleep(0.15)  # the CA's own slowness, not a wait of the test's
            return content(path)

        ca._content = slow
        began = time.monotonic()
        assert source.now() is before
        assert time.monotonic() - began < 1.2  # one after the other they take more than 2 s
        assert source.facts()["ca_answers"] is False
