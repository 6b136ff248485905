"""A terminal line: joins keys (``Terminal``), the shell (``Session``), pages and jobs.  No transport.

Bytes go in and come out.  What is typed ahead waits, unechoed, until the command before it is done, so
a pasted configuration runs in order.  After each call look at ``job`` (perform it, then ``finish`` or
``fail``), at ``cancelled`` (^C: stop performing it), ``acted`` (a command ran) and ``closed``.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from router_emu.adapters.terminal import NEWLINE, Event, Key, Terminal
from router_emu.cli.session import Output, Session

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Style:
    """How a line behaves: with a pseudo-terminal, without one, or for one command (`ssh r1 "show clock"`)."""

    keys: bool = True
    prompts: bool = True
    newline: str = NEWLINE


INTERACTIVE = Style()
PLAIN = Style(keys=False, newline="\n")
ONE_COMMAND = Style(keys=False, prompts=False, newline="\n")


class Vty:
    """One operator's terminal line.  ``height`` is the client's window, in lines; 0 when it has none."""

    def __init__(
        self, session: Session, now: Callable[[], datetime], style: Style = INTERACTIVE, height: int = 0
    ) -> None:
        self.height = height
        self.job: object | None = None
        self.cancelled = self.closed = self.failed = self.acted = False
        self._session, self._now, self._style = session, now, style
        self._terminal = Terminal(lambda: session.shell.history)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._typed: list[str] = []
        self._page: list[str] = []
        self._page_end = Output()
        self._asking = self._after_return = self._calling = False
        self._prompt = ""
        self._held: list[str] = []

    @property
    def backlog(self) -> int:
        """How many characters wait for the running command."""
        return len(self._typed)

    @property
    def idle(self) -> bool:
        """Whether everything typed is done and the next command is awaited."""
        return self.job is None and not self._typed and not self._asking and not self._page

    @property
    def asking(self) -> bool:
        """Whether an answer is awaited."""
        return self._asking

    def start(self) -> bytes:
        """What the operator sees first."""
        output = self._session.start()
        return self._work_off(self._show(output) if self._style.prompts else "")

    def receive(self, data: bytes) -> bytes:
        """Take what was typed."""
        characters = self._one_return(self._decoder.decode(data))
        if self.job is not None and "\x03" in characters and self._style.keys:
            self._typed = list(characters[characters.rindex("\x03") + 1 :])
            self.job, self.cancelled = None, True
            return self._work_off(
                NEWLINE + self._show(self._call(lambda: self._session.interrupt(self._now())))
            )
        self._typed += characters
        return self._work_off("")

    def finish(self, result: object) -> bytes:
        """The job came to ``result``."""
        self.job = None
        return self._work_off(self._show(self._call(lambda: self._session.resume(result, self._now()))))

    def fail(self, error: Exception) -> bytes:
        """The job raised."""
        self.job = None
        return self._work_off(self._show(self._call(lambda: self._session.throw(error, self._now()))))

    def log_line(self, text: str) -> bytes:
        """A new line of the router's log: shown on a terminal that monitors."""
        if not self._session.shell.terminal.monitor or not self._style.prompts:
            return b""
        return self.notice(text)

    def notice(self, text: str) -> bytes:
        """A line that is no command's output, with the prompt and what was typed again below."""
        if self._page or self._calling:
            self._held.append(text)
            return b""
        if self.job is not None or self.closed or not self._style.prompts:
            return self._work_off(text + NEWLINE)
        return self._work_off(NEWLINE + text + NEWLINE + self._terminal.retype())

    def close(self) -> None:
        """The client is gone."""
        self.closed = True
        self._typed.clear()
        self._session.close()

    def _one_return(self, characters: str) -> str:
        """CR LF (most clients) and CR NUL (telnet) are one key, also when they come in two packets."""
        if self._after_return and characters[:1] in ("\n", "\0"):
            characters = characters[1:]
            self._after_return = False
        if characters:
            self._after_return = characters.endswith("\r")
        return characters.replace("\r\n", "\r").replace("\r\0", "\r")

    def _work_off(self, text: str) -> bytes:
        """``text``, and all that follows from what is typed ahead, in the line's own newlines."""
        parts = [text]
        waiting = self._typed[::-1]  # reversed once: a long paste is then taken from the end of a list
        self._typed = []
        while waiting and self.job is None and not self.closed:
            parts.append(self._key(waiting.pop()))
        self._typed = waiting[::-1]
        return "".join(parts).replace(NEWLINE, self._style.newline).encode()

    def _key(self, character: str) -> str:
        if self._page:
            return self._more(character)
        if self._style.keys:
            echo, event = self._terminal.key(character)
            return echo if event is None else echo + self._act(event)
        if character not in "\r\n":
            self._terminal.insert(character)
            return ""
        return self._whole_line(character)

    def _whole_line(self, newline: str) -> str:
        """Without a pseudo-terminal lines come, not keys; their echo makes the transcript whole."""
        echo = self._terminal.echoes
        _, event = self._terminal.key(newline)
        line = event.text if event is not None else ""
        shown = line if echo and self._style.prompts else ""
        shown += NEWLINE if self._style.prompts or self._asking else ""
        if line.rstrip().endswith("?") and not self._asking:
            text = self._session.help(line.rstrip()[:-1]).replace("\n", NEWLINE)
            return shown + text + self._terminal.prompt(self._shown_prompt(), echo=True, command=True)
        return shown + self._act(Event(Key.LINE, line))

    def _act(self, event: Event) -> str:
        session = self._session
        if event.key is Key.LINE:
            return self._show(self._call(lambda: session.feed(event.text, self._now())))
        if event.key is Key.HELP:
            return session.help(event.text).replace("\n", NEWLINE) + self._terminal.retype()
        if event.key is Key.TAB:
            return self._terminal.insert(session.complete(event.text)[len(event.text) :])
        if event.key is Key.INTERRUPT:
            return self._show(self._call(lambda: session.interrupt(self._now())))
        if session.configuring and not self._asking:  # ^Z
            return NEWLINE + self._show(self._call(lambda: session.feed("end", self._now())))
        return ""

    def _call(self, step: Callable[[], Output]) -> Output:
        """An exception of ours costs the operator the command, not the session."""
        self._calling = True
        try:
            output = step()
        except Exception:
            _log.exception("a command of the router raised")
            output = self._session.recover()
        self._calling = False
        self.acted = True
        self.failed = self.failed or output.failed
        return output

    def _show(self, output: Output) -> str:
        lines = output.text.splitlines(keepends=True)
        length = self._session.shell.terminal.length
        length = self.height if length is None else length
        if self._style.keys and length:
            first = length + output.stamped
            self._page, lines = lines[first:], lines[:first]
        text = "".join(lines).replace("\n", NEWLINE)
        if self._page:
            self._page_end = output
            return text + self._session.texts.more
        return text + self._settle(output)

    def _more(self, character: str) -> str:
        """A key at ` --More-- `: space a page, Enter a line, q or ^C no more."""
        if character in "qQ\x03":
            count, self._page = 0, []
        elif character == " ":
            count = self._session.shell.terminal.length or self.height or len(self._page)
        elif character in "\r\n":
            count = 1
        else:
            return ""
        lines, self._page = self._page[:count], self._page[count:]
        wipe = "\r" + " " * len(self._session.texts.more) + "\r"
        text = wipe + "".join(lines).replace("\n", NEWLINE)
        if self._page:
            return text + self._session.texts.more
        return text + self._settle(self._page_end)

    def _settle(self, output: Output) -> str:
        """After the text: log lines that waited, then the job, the end, or the next prompt."""
        held = "".join(line + NEWLINE for line in self._held)
        self._held.clear()
        self.job, self.closed, self._asking = output.job, output.closed, output.question
        self._prompt = output.prompt.replace("\n", NEWLINE)
        shown = self._prompt if self._asking else self._shown_prompt()
        return held + self._terminal.prompt(shown, echo=output.echo, command=not output.question)

    def _shown_prompt(self) -> str:
        return self._prompt if self._style.prompts else ""
