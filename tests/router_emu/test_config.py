"""The configuration tree, its text, and two operators at once."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.cli.grammar import CONFIG
from router_emu.config import text
from router_emu.config.store import CommitError, CommitRefused, ConfigStore, ExclusiveLock
from router_emu.config.tree import Block, BlockKey, Path, drop, enter, find, merge, put, remove
from router_emu.syntax.kinds import Kind, Value
from router_emu.syntax.spec import Token
from router_emu.syntax.table import Listed, Mode, Setting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MYCA = (BlockKey("crypto ca trustpoint", "myca"),)
EXAMPLE = """\
hostname myrouter
domain name mydomain.com
crypto ca trustpoint myca
 description the lab's CA, of course
 enrollment retry count 25
 enrollment url http://xyz-ultra5
 subject-name CN=r1,  O=two spaces
!
crypto ca trustpoint other
!
"""


def values(setting: Setting) -> dict[str, st.SearchStrategy[Value]]:
    """By key, what may follow it."""
    words = len(setting.words.split())
    if isinstance(setting, Listed):
        after = [each[words + 1 :] for each in setting.sequences if len(each) > words + 2 * len(setting.fill)]
        return {f"{setting.words} {name}": st.one_of(*map(_values, after)) for name in ("192.0.2.9", "x")}
    return {setting.words: st.one_of(*(_values(each[words:]) for each in setting.sequences))}


def _values(tokens: Sequence[Token]) -> st.SearchStrategy[Value]:
    if len(tokens) == 1:
        return _value(tokens[0])
    return st.tuples(*map(_value, tokens)).map(lambda words: " ".join(map(str, words)))


def _value(token: Token) -> st.SearchStrategy[Value]:
    if isinstance(token, str):
        return st.just(token)
    kind = token.kind
    if kind.label == "A.B.C.D":
        return st.ip_addresses(v=4).map(str)
    if kind.label.startswith("<"):
        low, high = kind.label.strip("<>").split("-")
        return st.integers(int(low), int(high))
    if kind.label == "LINE":
        inner = st.text("ab=,! |?ü", min_size=1, max_size=30).map(str.strip)
        return inner.filter(lambda text: _is_kept(kind, text))
    # A host made of digits alone would have to be an address.
    return st.text("ab9", max_size=9).map(lambda text: kind.convert(f"a{text}"))


def _is_kept(kind: Kind, text: str) -> bool:
    """Whether a line of this kind may say so; that of a place has spaces after ``=`` alone."""
    try:
        return kind.convert(text) == text
    except ValueError:
        return False


def trees(mode: Mode) -> st.SearchStrategy[Block]:
    every = dict(ChainMap(*(values(setting) for setting in mode.settings.values())))
    # A few of the many at a time, or finding an example takes too long.
    some = st.sets(st.sampled_from(sorted(every)), max_size=6) if every else st.just(set[str]())
    settings = some.flatmap(lambda keys: st.fixed_dictionaries({key: every[key] for key in keys}))
    children = {
        BlockKey(words, name): trees(row.mode)
        for words, row in mode.blocks.items()
        for name in (("myca", "other") if row.words == "crypto ca trustpoint" else ("",))
    }
    return st.builds(Block, st.just(mode), settings, st.fixed_dictionaries({}, optional=children))


def as_text(tree: Block) -> str:
    return "".join(line + "\n" for line in text.lines(tree))


@given(trees(CONFIG))
def test_every_setting_survives_its_text(tree: Block) -> None:
    assert text.read(CONFIG, as_text(tree)) == tree


def test_the_text_is_in_table_order_with_one_space_a_level() -> None:
    assert as_text(text.read(CONFIG, EXAMPLE)) == EXAMPLE


@pytest.mark.parametrize(
    "line", ["nonsense", "commit", "no hostname", " enrollment retry count 5", "crypto ca trustpoint"]
)
def test_text_that_is_no_configuration_is_refused(line: str) -> None:
    with pytest.raises(text.ConfigTextError, match="line 2"):
        text.read(CONFIG, f"hostname a\n{line}\n")


def test_settings_are_read_with_their_defaults() -> None:
    tree = text.read(CONFIG, EXAMPLE)
    assert tree.text("hostname") == "myrouter"
    assert tree.blocks("crypto ca trustpoint") == ("myca", "other")
    myca, other = (tree.block("crypto ca trustpoint", name) for name in ("myca", "other"))
    assert myca is not None
    assert other is not None
    assert (myca.number("enrollment retry count"), "enrollment retry count" in myca.values) == (25, True)
    assert (other.number("enrollment retry count"), "enrollment retry count" in other.values) == (10, False)
    assert other.value("enrollment url") is None
    assert tree.block("crypto ca trustpoint", "none") is None
    with pytest.raises(KeyError):
        tree.value("hotsname")


@given(trees(CONFIG), trees(CONFIG), trees(CONFIG))
def test_merge(base: Block, target: Block, running: Block) -> None:
    assert merge(base, target, base) == target
    assert merge(base, base, running) == running
    assert not list(text.difference(target, target))


def test_the_difference_says_what_to_type() -> None:
    before = text.read(CONFIG, EXAMPLE)
    after = put(drop(before, (), "domain name"), MYCA, "enrollment retry count", 7)
    after = remove(drop(after, MYCA, "description"), (BlockKey("crypto ca trustpoint", "other"),))
    after = enter(after, (BlockKey("crypto ca trustpoint", "new"),))
    assert list(text.difference(before, after)) == [
        "no domain name",
        "crypto ca trustpoint myca",
        " no description",
        " enrollment retry count 7",
        "!",
        "crypto ca trustpoint new",
        "!",
        "no crypto ca trustpoint other",
    ]


def test_edits_leave_the_old_tree_alone() -> None:
    before = text.read(CONFIG, EXAMPLE)
    remove(put(before, MYCA, "rsakeypair", "k"), MYCA)
    assert as_text(before) == EXAMPLE
    missing: Path = (BlockKey("crypto ca trustpoint", "none"),)
    assert drop(before, missing, "rsakeypair") == remove(before, missing) == before
    assert find(before, missing) is None


class TestStore:
    def test_a_commit_is_numbered_and_remembered(self) -> None:
        store = ConfigStore(CONFIG)
        session = store.open("admin", "vty0", NOW)
        session.put((), "hostname", "a")
        first = session.commit(NOW)
        assert first is not None
        assert (first.id, first.user, first.line, first.at) == (1000000001, "admin", "vty0", NOW)
        assert first.changes == ("hostname a",)
        assert not session.changed
        assert session.commit(NOW) is None
        session.put((), "hostname", "b")
        session.commit(NOW)
        assert [commit.id for commit in store.history] == [1000000001, 1000000002]

    def test_two_sessions_commit_what_each_changed(self) -> None:
        store = ConfigStore(CONFIG, running=text.read(CONFIG, EXAMPLE))
        one, other = store.open("a", "vty0", NOW), store.open("b", "vty1", NOW)
        one.put((), "hostname", "changed")
        other.put(MYCA, "rsakeypair", "mykey")
        one.commit(NOW)
        assert other.stale
        other.commit(NOW)
        assert store.running.text("hostname") == "changed"
        myca = store.running.block("crypto ca trustpoint", "myca")
        assert myca is not None
        assert myca.text("rsakeypair") == "mykey"
        assert not other.stale

    def test_the_lock_keeps_others_from_committing_until_its_session_ends(self) -> None:
        store = ConfigStore(CONFIG)
        other, holder = store.open("b", "vty1", NOW), store.open("a", "vty0", NOW, exclusive=True)
        other.put((), "hostname", "b")
        with pytest.raises(ExclusiveLock):
            store.open("c", "vty2", NOW, exclusive=True)
        with pytest.raises(ExclusiveLock):
            other.commit(NOW)
        holder.put((), "domain name", "a")
        holder.commit(NOW)
        holder.close()
        other.commit(NOW)
        assert (store.running.text("hostname"), store.running.text("domain name")) == ("b", "a")

    def test_a_check_refuses_what_would_run_and_nothing_changes(self) -> None:
        def no_url_without_domain(tree: Block) -> Sequence[CommitError]:
            if tree.block("crypto ca trustpoint", "myca") and tree.value("domain name") is None:
                return [CommitError(MYCA, "enrollment url", "no domain name")]
            return []

        store = ConfigStore(CONFIG, checks=[no_url_without_domain])
        session, other = store.open("a", "vty0", NOW), store.open("b", "vty1", NOW)
        session.put(MYCA, "enrollment url", "http://ca")
        with pytest.raises(CommitRefused) as refused:
            session.commit(NOW)
        assert refused.value.errors == session.errors
        assert store.running == Block(CONFIG)
        assert store.history == ()
        other.put((), "domain name", "lab")
        other.commit(NOW)
        assert session.commit(NOW) is not None
        assert session.errors == ()
