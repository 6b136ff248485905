"""How a command talks while it runs: a generator that yields effects and is sent their results.

The idiom is httpx's ``auth_flow``.  A handler that only prints returns a string.  One that asks, or that
needs work which takes time, is a generator::

    def generate(context: Context, args: Args) -> Flow:
        bits = yield Ask("How many bits in the modulus [2048]: ")
        yield Say("Generating RSA keys ...")
        key = yield Perform(MakeKey(int(bits or 2048)))
        yield Say("[OK]\\n")

Nothing blocks, and nothing here does I/O: the session passes text on, the adapter performs the jobs.  A
``CliRefusal`` from either kind of handler is printed and ends the command.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from router_emu.pki.wire import Exchange


@dataclass(frozen=True)
class Say:
    """Print a line, or several; the newline at its end is added, as by ``print``."""

    text: str = ""


@dataclass(frozen=True)
class Ask:
    """Print ``prompt`` raw and wait for a line, which is sent back as it was typed.

    Without ``echo`` the answer does not show: passwords.  When the operator leaves the question
    (^C, a lost connection), the generator is closed where it waits.
    """

    prompt: str
    echo: bool = True


@dataclass(frozen=True)
class Perform:
    """Have the adapter do ``job`` (a key, an HTTP exchange) and send its result back.

    What the job raises is thrown in at the ``yield``.
    """

    job: object


Effect = Say | Ask | Perform
Flow = Generator[Effect, Any, None]

T = TypeVar("T")


def carry(exchange: Exchange[T]) -> Generator[Effect, Any, T]:
    """Perform an exchange while the operator waits: its result, or the ExchangeFailed that it raises."""
    try:
        request = next(exchange)
        while True:
            request = exchange.send((yield Perform(request)))
    except StopIteration as done:
        result: T = done.value
        return result
