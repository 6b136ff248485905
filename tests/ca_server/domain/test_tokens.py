"""Bearer tokens: given out once, known again, taken back."""

import os
from datetime import UTC, datetime

import pytest

from ca_server.domain.challenges import Hasher
from ca_server.domain.ledger import AuditFilter, Slice
from ca_server.domain.tokens import BadToken, NoSuchToken, TokenDesk
from ca_server.store import SqlStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(database_url):
    store = SqlStore(database_url, lambda: NOW)
    yield store
    store.close()


@pytest.fixture
def desk(store):
    return TokenDesk(store, Hasher(bytes(32)), os.urandom)


def test_a_token_is_known_by_its_text_alone(store, desk):
    token, text = desk.new("ci", by="operator", now=NOW)
    other, _ = desk.new("cron", by="operator", now=NOW)
    assert desk.list() == [token, other]
    assert desk.whose(text) == "token ci"
    assert [desk.whose(each) for each in ("", text[:-1], text + "0", "ci", token.digest.hex())] == [None] * 5
    with_another_key = TokenDesk(store, Hasher(b"k" * 32), os.urandom)
    assert with_another_key.whose(text) is None


def test_a_token_that_is_withdrawn_is_nobodys(store, desk):
    token, text = desk.new("ci", by="operator", now=NOW)
    desk.withdraw(token.id, by="operator", now=NOW)
    assert (desk.whose(text), desk.list()) == (None, [])
    with pytest.raises(NoSuchToken):
        desk.withdraw(token.id, by="operator", now=NOW)
    lines = store.audit(AuditFilter(), Slice())
    assert [(line.what, line.text) for line in lines] == [
        ("token", f"token {token.id}: ci"),
        ("token-withdrawn", f"token {token.id}"),
    ]


def test_a_name_is_taken_until_it_is_free_again(desk):
    token, _ = desk.new("ci", by="operator", now=NOW)
    with pytest.raises(BadToken, match="of this name"):
        desk.new("ci", by="operator", now=NOW)
    desk.withdraw(token.id, by="operator", now=NOW)
    desk.new("ci", by="operator", now=NOW)
