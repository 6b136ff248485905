"""Exactly one line of help for every word of the grammar."""

from __future__ import annotations

from router_emu.cli.grammar import MODES
from router_emu.cli.help import HELP, help_line
from router_emu.cli.pipes import PIPE

ALL_MODES = {**MODES, PIPE.name: PIPE}


def test_every_word_has_a_line_of_help_and_none_is_left_over() -> None:
    used: dict[str, set[str]] = {name: set() for name in HELP}
    for mode in ALL_MODES.values():
        for node in mode.trie.walk():
            if node.path:
                path, name = " ".join(node.path), node.mode
                while name and path not in HELP[name]:
                    name = ALL_MODES[name].parent
                assert name, f"no line of help for {path!r} in mode {mode.name}"
                assert help_line(node) == HELP[name][path]
                used[name].add(path)
    left_over = {name: sorted(set(lines) - used[name]) for name, lines in HELP.items()}
    assert not any(left_over.values()), left_over


def test_a_submode_does_not_repeat_its_parents_help() -> None:
    for name, mode in ALL_MODES.items():
        if mode.parent:
            assert not set(HELP[name].items()) & set(HELP[mode.parent].items())
