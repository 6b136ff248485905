"""One operator's dialogue with a router, without I/O: a line goes in, text and the next prompt come out.

A session is always in one of three conditions: it waits for a command; it waits for the answer to a
question of the running flow; or a job of that flow is being performed.  ``Output`` says which.  All that
outlasts a command is in ``Shell``; all that outlasts the session is in ``Router``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from router_emu import dates
from router_emu.cli.grammar import EXEC
from router_emu.cli.pipes import Filter
from router_emu.cli.reading import Reader
from router_emu.commands.context import Context, Position, Router, Shell
from router_emu.commands.flow import Ask, Effect, Flow, Perform, Say
from router_emu.config.tree import BlockKey
from router_emu.syntax.kinds import KEPT_SECRET
from router_emu.syntax.match import Match
from router_emu.syntax.table import Enter, Run, Setting
from router_emu.texts import NODE, CliRefusal, Texts

# XR cuts the prompt of configuration modes; that it is at 31 characters is netmiko's word (iosxr.md 3.1 [C]).
CONFIG_PROMPT_LENGTH = 31
# In a line that was not understood, words after which somebody's secret may come, abbreviated too.  Not
# `crypto key`, `commit`, `second`, `secure-...`.
_SECRET = re.compile(
    r"(?:password|passwd|secret|(?<![^\s-])(?:pas|sec(?![ou])|challenge-p|com(?!mi)"
    r"|(?<!crypto )key(?=\s|-string)))\S*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Output:
    """What to show, and what the session waits for.

    ``text`` ends with a newline unless it is empty; ``prompt`` is raw and comes last.  With a ``job`` there
    is no prompt: perform it and call ``resume`` (or ``throw``).  A ``question`` takes any characters, `?`
    too.  ``stamped`` says that the text's first line is the date, which is no line of a page.
    """

    text: str = ""
    prompt: str = ""
    echo: bool = True
    question: bool = False
    job: object | None = None
    closed: bool = False
    failed: bool = False
    stamped: bool = False


class Session:
    """The shell behind one terminal line."""

    def __init__(self, router: Router, *, user: str, line: str, peer: str, now: datetime) -> None:
        self.shell = Shell([Position(EXEC)])
        self._context = Context(router, user, line, peer, now, self.shell)
        self._flow: Flow | None = None
        self._asking = False
        self._fresh()

    def _fresh(self) -> None:
        """Forget the last command's output."""
        self._text: list[str] = []
        self._stamped = self._failed = self._gap = False
        self._passes: Filter | None = None

    @property
    def texts(self) -> Texts:
        """The router's wording."""
        return self._context.router.texts

    @property
    def configuring(self) -> bool:
        """Whether the session is in a mode of configuration."""
        return len(self.shell.stack) > 1

    # --- the dialogue ---

    def start(self) -> Output:
        """What the operator sees first."""
        return Output("\n", self._prompt())

    def feed(self, line: str, now: datetime) -> Output:
        """Take a line: a command, or the answer to the open question."""
        self._context.now = now
        flow = self._flow
        if flow is not None:
            if not self._asking:
                raise RuntimeError("a job is being performed")
            return self._drive(lambda: flow.send(line))
        self._fresh()
        return self._idle() if self.shell.closed else self._command(line)

    def resume(self, result: object, now: datetime) -> Output:
        """Go on with what the job came to."""
        flow = self._performing(now)
        return self._drive(lambda: flow.send(result))

    def throw(self, error: BaseException, now: datetime) -> Output:
        """Go on with what the job raised; what the command does not catch comes out of here."""
        flow = self._performing(now)
        return self._drive(lambda: flow.throw(error))

    def interrupt(self, now: datetime) -> Output:
        """^C: leave the question, the job or the half-typed line."""
        self._context.now = now
        self._abandon()
        return Output(prompt=self._prompt(), failed=True)

    def recover(self) -> Output:
        """After an exception of ours: give up the command, keep the session."""
        self._abandon()
        return Output(self.texts.internal_error + "\n", self._prompt(), failed=True)

    def close(self) -> None:
        """The operator is gone: drop the running command, the candidate and its lock."""
        self._abandon()
        self.shell.leave_configuration()
        self.shell.closed = True

    # --- the two keys ---

    def help(self, line: str) -> str:
        """What `?` after ``line`` prints."""
        return self._reader().help(line)

    def complete(self, line: str) -> str:
        """``line`` as TAB leaves it."""
        return self._reader().complete(line)

    # --- commands ---

    def _command(self, line: str) -> Output:
        text = line.strip()
        if not text or text.startswith("!"):
            return self._idle()
        self.shell.history.append(text)
        try:
            command = self._reader().read(line)
        except CliRefusal as refusal:
            self._failed = True
            self._text.append(f"{refusal}\n")
            self.shell.history[-1] = _without_secret(text)
            # One word that is no command may be a password, typed where nobody had asked for it.
            told = self.shell.history[-1] if " " in text else KEPT_SECRET
            self._tell(f"{told} (refused)")
            return self._idle()
        if KEPT_SECRET in command.match.args.values.values():
            self.shell.history[-1] = command.match.canonical
        self._tell(self.shell.history[-1])
        if isinstance(command.match.row, Run):
            self._passes = command.passes
            return self._run(command.match.row, command.match)
        self._edit(command.match, command.place)
        return self._idle()

    def _tell(self, line: str) -> None:
        context = self._context
        context.router.on_command(f"{context.user} on {context.line}", line)

    def _run(self, row: Run, match: Match) -> Output:
        texts = self.texts
        if row.stamped and self.shell.terminal.timestamps:
            self._stamped, self._gap = texts.dated, not texts.dated
            if texts.dated:
                self._text.append(dates.stamp(self._context.now) + "\n")
        try:
            answer = row.handler(self._context, match.args)
        except CliRefusal as refusal:
            self._failed = True
            answer = str(refusal)
        if isinstance(answer, str):
            if answer:
                self._print(answer)
            return self._idle()
        flow: Flow = answer
        self._flow = flow
        return self._drive(lambda: next(flow))

    def _edit(self, match: Match, place: int) -> None:
        """A line of configuration; one that only a mode around this knows takes the session there."""
        shell, row = self.shell, match.row
        del shell.stack[len(shell.stack) - place :]
        path, session = shell.stack[-1].path, shell.editing()
        if isinstance(row, Setting):
            if match.negated:
                session.drop(path, match.key)
            else:
                session.put(path, match.key, match.value)
        elif isinstance(row, Enter):
            path = (*path, BlockKey(row.words, str(match.value)))
            if match.negated:
                session.remove(path)
            else:
                session.enter(path)
                shell.stack.append(Position(row.mode, path))

    def _drive(self, step: Callable[[], Effect]) -> Output:
        """Run the flow until it ends or waits."""
        flow = self._flow
        self._asking = False
        try:
            while flow is not None:
                effect = step()
                if isinstance(effect, Say):
                    self._print(effect.text)
                elif isinstance(effect, Ask):
                    self._asking = True
                    return self._output(effect.prompt, echo=effect.echo, question=True)
                elif isinstance(effect, Perform):
                    return self._output("", job=effect.job)
                step = flow.__next__
        except StopIteration:
            pass
        except CliRefusal as refusal:
            self._failed = True
            self._print(str(refusal))
        self._flow = None
        return self._idle()

    def _performing(self, now: datetime) -> Flow:
        if self._flow is None or self._asking:
            raise RuntimeError("no job is being performed")
        self._context.now = now
        return self._flow

    def _abandon(self) -> None:
        if self._flow is not None:
            self._flow.close()
        self._flow, self._asking = None, False
        self._fresh()

    # --- output ---

    def _reader(self) -> Reader:
        """Lines are looked for here and, in configuration, in the modes around this, but not in exec."""
        places = self.shell.stack[1:] or self.shell.stack
        modes = tuple(place.mode for place in reversed(places))
        return Reader(modes, self.texts, len(self._prompt()))

    def _prompt(self) -> str:
        base = f"{NODE}:{self._context.router.hostname}"
        if self.configuring:
            base = base[:CONFIG_PROMPT_LENGTH]
        return base + self.shell.stack[-1].mode.prompt

    def _print(self, text: str) -> None:
        if self._gap:
            self._text.append("\n")
            self._gap = False
        lines = f"{text}\n".splitlines(keepends=True)
        try:
            self._text += [line for line in lines if self._passes is None or self._passes(line.rstrip("\n"))]
        except TimeoutError:
            self._failed, self._passes = True, lambda _line: False
            self._text.append(f"{self._context.router.texts.bad_pipe}\n")

    def _idle(self) -> Output:
        if self.shell.closed:
            return self._output("", closed=True)
        return self._output(self._prompt())

    def _output(
        self,
        prompt: str,
        *,
        echo: bool = True,
        question: bool = False,
        job: object | None = None,
        closed: bool = False,
    ) -> Output:
        text, stamped = "".join(self._text), self._stamped
        self._text, self._stamped = [], False
        return Output(text, prompt, echo, question, job, closed, self._failed, stamped)


def _without_secret(line: str) -> str:
    """A line up to the first word after which there may be a secret, whatever the rest is."""
    found = _SECRET.search(line)
    if found is None or not line[found.end() :].strip():
        return line
    return f"{line[: found.end()]} {KEPT_SECRET}"
