"""Many clients at the same time: what they cost the CA, and a CA that is silent."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ldap_mock.published_ca import CA, crl
from tests.ldap_mock.stage import CRL, Stage
from tests.ldap_mock.wire import BASE, Client, bind, search

MANY = 100


def test_many_searches_share_few_questions_and_none_is_answered_with_what_was(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = Stage(stack, tmp_path)
        stage.crl()
        clients = [stack.enter_context(Client(stage.port)) for _ in range(MANY)]
        stage.ca.answers.clear()
        stage.ca.crls["ca-1"] = crl(2)
        for client in clients:
            client.send(search(1, CA, BASE, attributes=[CRL]))
        for client in clients:
            assert next(iter(client)).attributes[CRL] == [stage.ca.crls["ca-1"]]
        asked = [path for path, _ in stage.ca.answers].count("/ca/index.json")
        assert 1 <= asked < MANY / 2


def test_a_silent_ca_holds_up_searches_alone(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = Stage(stack, tmp_path)
        go = threading.Event()
        stack.callback(go.set)
        content = stage.ca._content

        def slowly(path: str):
            go.wait(20)
            return content(path)

        stage.crl()
        stage.ca._content = slowly
        waiting, other = (stack.enter_context(Client(stage.port)) for _ in range(2))
        waiting.send(search(1, CA, BASE, attributes=[CRL]))
        [bound] = other.ask(bind(1))
        assert bound.code == 0
        assert stage.management.get("/_lab/health").json["ca_answers"] is True
        go.set()
        assert next(iter(waiting)).attributes[CRL] == [stage.ca.crls["ca-1"]]


@pytest.mark.parametrize("leave", [1, MANY])
def test_clients_that_leave_take_nothing_from_the_others(tmp_path: Path, leave: int) -> None:
    with ExitStack() as stack:
        stage = Stage(stack, tmp_path)
        go, asked = threading.Event(), threading.Event()
        stack.callback(go.set)
        content = stage.ca._content

        def slowly(path: str):
            asked.set()
            go.wait(20)
            return content(path)

        stage.ca._content = slowly
        leaving = [Client(stage.port) for _ in range(leave)]
        for client in leaving:
            client.send(search(1, CA, BASE, attributes=[CRL]))
        assert asked.wait(20)
        staying = stack.enter_context(Client(stage.port))
        staying.send(search(1, CA, BASE, attributes=[CRL]))
        for client in leaving:
            client.socket.close()
        go.set()
        assert next(iter(staying)).attributes[CRL] == [stage.ca.crls["ca-1"]]
