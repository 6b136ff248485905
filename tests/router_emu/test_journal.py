"""What the journal tells of a router: the lines that are typed, without secrets."""

from __future__ import annotations

import asyncio
from time import process_time
from types import SimpleNamespace
from typing import cast

import pytest

from router_emu.adapters.fleet import Fleet
from router_emu.adapters.host import RouterHost
from router_emu.commands.context import Router
from sceplab.clock import LabClock
from sceplab.journal import Wanted
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
    assert "sesame" not in "".join(typed)
    assert typed[-2] == "admin on vty0: username x secret ****** (refused)"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("username bob sec 0 sesame", "username bob sec"),
        ("passw sesame now", "passw"),
        ("PASS sesame", "PASS"),
        ("chalenge-password sesame", "chalenge-password"),
        ("challenge-p sesame", "challenge-p"),
        (
            "crypto ca import x pkcs12 url ftp://h/x pass sesame",
            "crypto ca import x pkcs12 url ftp://h/x pass",
        ),
        ("tacacs-server key 7 sesame", "tacacs-server key"),
        ("pre-shared-key sesame", "pre-shared-key"),
        ("key-string sesame", "key-string"),
        ("snmp-server community sesame ro", "snmp-server community"),
        ("snmp-server comm sesame", "snmp-server comm"),
    ],
)
def test_what_may_be_a_secret_in_a_refused_line_is_not_told(
    screen: Screen, typed: list[str], line: str, told: str
) -> None:
    screen(line)
    assert typed == [f"admin on vty0: {told} ****** (refused)"]
    screen("show history")
    assert "sesame" not in screen.output.text


@pytest.mark.parametrize(
    "line",
    [
        "crypto key genrate rsa",
        "commitx 3",
        "http client secure-verify-peer off",
        "crypto key import authentication rsa second x y z",
    ],
)
def test_what_is_no_secret_is_told(screen: Screen, typed: list[str], line: str) -> None:
    screen(line)
    assert typed == [f"admin on vty0: {line} (refused)"]


def test_a_refused_line_is_cleaned_in_no_time(screen: Screen, typed: list[str]) -> None:
    began = process_time()
    screen("x" + "-pas" * 50_000)
    assert process_time() - began < 1
    assert typed[0].endswith("(refused)")


def test_passwords_of_urls_stay_out_of_the_journal(screen: Screen, router: Router) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    fleet = Fleet(LabClock(), loop)
    fleet.follow(cast(RouterHost, SimpleNamespace(router=router)))
    screen("coppy http://me:ses/ame@h/x disk0:", "copy http://me:sesame@h/x disk0:/a@b")
    told = [entry.summary for entry in fleet.journal.find(Wanted(kind="command"), 9)]
    assert told == [
        "admin on vty0: coppy http://h/x disk0: (refused)",
        "admin on vty0: copy http://h/x disk0:/a@b",
    ]


def test_the_answer_to_a_question_is_not_told(screen: Screen, typed: list[str]) -> None:
    screen("crypto key generate rsa", "sesame")
    assert typed == ["admin on vty0: crypto key generate rsa"]


def test_one_word_that_is_no_command_is_not_told(screen: Screen, typed: list[str]) -> None:
    """A password, where `crypto ca enroll` has not come to its question."""
    screen("crypto ca enroll nobody", "s3kr1tpw")
    assert typed[1:] == ["admin on vty0: ****** (refused)"]
