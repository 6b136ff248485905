"""What the journal tells of a router: the lines that are typed, without secrets."""

from __future__ import annotations

import pytest

from router_emu.commands.context import Router
from tests.router_emu.conftest import Screen


@pytest.fixture
def typed(screen: Screen, router: Router) -> list[str]:
    lines: list[str] = []
    router.on_command = lambda operator, line: lines.append(f"{operator}: {line}")
    return lines


def test_a_line_is_told_with_who_typed_it_where(screen: Screen, typed: list[str]) -> None:
    screen("show clock")
    assert typed == ["admin on vty0: show clock"]


def test_what_is_no_command_is_not_told(screen: Screen, typed: list[str]) -> None:
    screen("", "! a comment")
    assert typed == []


def test_a_refused_line_is_told_as_such(screen: Screen, typed: list[str]) -> None:
    screen("shwo clock")
    assert typed == ["admin on vty0: shwo clock (refused)"]


def test_secrets_are_not_told(screen: Screen, typed: list[str]) -> None:
    screen(
        "configure",
        "crypto ca trustpoint myca",
        "sftp-password sesame",
        "sftp-pasword sesame-1",
        "sftp-password sesame sesame",
        "username x secret 0 sesame",
        "password 0 sesame",
    )
    assert "sesame" not in "".join(typed[2:3] + typed[4:])
    assert typed[-2] == "admin on vty0: username x secret ****** (refused)"


def test_the_answer_to_a_question_is_not_told(screen: Screen, typed: list[str]) -> None:
    screen("crypto key generate rsa", "sesame")
    assert typed == ["admin on vty0: crypto key generate rsa"]
