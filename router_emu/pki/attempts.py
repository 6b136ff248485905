"""A running enrolment, what it has sent over the network, and what is told of it: values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from router_emu.pki.keys import Purpose
from router_emu.pki.request import Application
from router_emu.pki.wire import Exchange, ExchangeFailed
from scep_core.enrolment import Enrolment, State
from scep_core.messages import ReplyMessage

T = TypeVar("T")
Outcome = ReplyMessage | ExchangeFailed


@dataclass(frozen=True)
class Attempt:
    """A running enrolment: its application, its machine, and the label of the key that it is for.

    ``number`` tells it from earlier attempts in the same slot, whose late answers count no more.  ``told`` is
    why there was no answer the last time: it is not told again until it is another, or an answer has come.
    """

    number: int
    application: Application
    machine: Enrolment
    key_label: str
    told: str = ""

    @property
    def waits_for_the_ca(self) -> bool:
        """Whether the CA has the request, or may have: another would not be the first one's repetition."""
        return not self.application.by_hand and self.machine.state is not State.NONEXISTENT


@dataclass(frozen=True)
class Task(Generic[T]):
    """An exchange to be carried over the network for a slot.

    Whoever carries it brings what it came to, and when, to ``finish``, which says for people what that meant.
    """

    slot: str
    exchange: Exchange[T]
    finish: Callable[[T | ExchangeFailed, datetime], str]


@dataclass(frozen=True)
class Report:
    """What the operator should know of an enrolment; the words are ``texts.enrolment_log``'s.

    ``what`` is ``by-hand``, ``pending``, ``issued``, ``refused``, ``expired``, ``unanswered``, ``cancelled``,
    ``forgotten``, or one of ``ExchangeFailed``'s; of a renewal ``renewing``, ``not-renewed``,
    ``renewal-expired``, ``renewal-later``; of a rollover ``next-ca``, ``no-next-ca``, ``rolling``,
    ``shadow-issued``, ``rolled-over``, ``no-shadow``; at an end ``certificate-expired``, ``ca-expired``.
    ``details`` says more where there is more to say.
    """

    what: str
    trustpoint: str
    details: str = ""


class CertificateRefused(Exception):
    """A certificate that was pasted is none of ours; ``str()`` says why, for people."""


def title_of(trustpoint: str, purpose: Purpose) -> str:
    """How the log names an enrolment: ``myca``, ``myca (signature key)``."""
    return trustpoint if purpose is Purpose.GENERAL else f"{trustpoint} ({purpose} key)"
