"""A client's enrolment as a table: RFC 8894 section 2.5.1, and one state more.

The RFC names three states: CERT-NONEXISTENT, CERT-REQ-PENDING and CERT-ISSUED.  Between sending a
request and its first answer there is a fourth, SENT: a *request* that got lost has to be sent
again, while a lost *poll* is only a poll spent.  Without it a client would poll for a request that
the CA has never seen.

A person's ``crypto ca enroll`` (START) sends the request.  PENDING, and no answer at all, set the
timer to one retry period.  Each TIMER spends one of the retries: in PENDING it polls, in
NONEXISTENT it sends the request again.  PENDING or no answer when no retry is left is EXHAUSTED,
and the attempt has EXPIRED: ten retries of one minute last ten minutes.  SUCCESS ends it in ISSUED,
FAILURE in REFUSED, CANCEL in CANCELLED.  The four have no way out: another ``enroll`` starts
another enrolment.

The machine does no I/O and keeps no time: ``step`` takes the instant and returns what to do.  What
is absent from TABLE is a LocalError and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from scep_core.errors import LocalError


class State(StrEnum):
    """Where an enrolment stands."""

    NONEXISTENT = "nonexistent"
    SENT = "sent"
    PENDING = "pending"
    ISSUED = "issued"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to it."""

    START = "start"
    TIMER = "timer"
    NO_ANSWER = "no answer"
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    EXHAUSTED = "exhausted"  # made by step() from PENDING and NO_ANSWER
    CANCEL = "cancel"


class Effect(StrEnum):
    """What the owner has to do."""

    SEND_REQUEST = "send request"
    SEND_POLL = "send poll"
    INSTALL = "install"
    REPORT_REFUSED = "report refused"
    REPORT_EXPIRED = "report expired"
    REPORT_CANCELLED = "report cancelled"


@dataclass(frozen=True)
class Enrolment:
    """One attempt to enrol.

    ``retries`` counts the sends and polls after the first; ``wake_at`` is when TIMER is due, None
    when nothing is.
    """

    retry_period: timedelta
    retry_count: int
    state: State = State.NONEXISTENT
    retries: int = 0
    wake_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return not any(state is self.state for state, _ in TABLE)


# (state, event) -> (next state, what to do)
TABLE: dict[tuple[State, Event], tuple[State, Effect | None]] = {
    (State.NONEXISTENT, Event.START): (State.SENT, Effect.SEND_REQUEST),
    (State.NONEXISTENT, Event.TIMER): (State.SENT, Effect.SEND_REQUEST),
    (State.NONEXISTENT, Event.CANCEL): (State.CANCELLED, Effect.REPORT_CANCELLED),
    (State.SENT, Event.NO_ANSWER): (State.NONEXISTENT, None),
    (State.SENT, Event.PENDING): (State.PENDING, None),
    (State.SENT, Event.EXHAUSTED): (State.EXPIRED, Effect.REPORT_EXPIRED),
    (State.SENT, Event.SUCCESS): (State.ISSUED, Effect.INSTALL),
    (State.SENT, Event.FAILURE): (State.REFUSED, Effect.REPORT_REFUSED),
    (State.SENT, Event.CANCEL): (State.CANCELLED, Effect.REPORT_CANCELLED),
    (State.PENDING, Event.TIMER): (State.PENDING, Effect.SEND_POLL),
    (State.PENDING, Event.NO_ANSWER): (State.PENDING, None),
    (State.PENDING, Event.PENDING): (State.PENDING, None),
    (State.PENDING, Event.EXHAUSTED): (State.EXPIRED, Effect.REPORT_EXPIRED),
    (State.PENDING, Event.SUCCESS): (State.ISSUED, Effect.INSTALL),
    (State.PENDING, Event.FAILURE): (State.REFUSED, Effect.REPORT_REFUSED),
    (State.PENDING, Event.CANCEL): (State.CANCELLED, Effect.REPORT_CANCELLED),
}

_WAITING = {Event.PENDING, Event.NO_ANSWER}


def step(enrolment: Enrolment, event: Event, now: datetime) -> tuple[Enrolment, Effect | None]:
    """The enrolment after ``event`` at ``now``, and what its owner has to do; LocalError if absent."""
    if event in _WAITING and enrolment.retries >= enrolment.retry_count:
        event = Event.EXHAUSTED
    try:
        state, effect = TABLE[enrolment.state, event]
    except KeyError:
        raise LocalError(f"an enrolment that is {enrolment.state} takes no {event}") from None
    return replace(
        enrolment,
        state=state,
        retries=enrolment.retries + (event is Event.TIMER),
        wake_at=now + enrolment.retry_period if event in _WAITING else None,
    ), effect
