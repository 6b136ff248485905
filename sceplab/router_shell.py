"""A person's session with a router, for programs: type a line, read the screen.

Knows what an IOS XR prompt and its questions look like, nothing of the emulator behind.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import asyncssh

from sceplab.errors import ServiceUnreachable, ShellFailed

LOGIN_SECONDS = 15
# A 4096-bit key takes its time on a small machine.
ANSWER_SECONDS = 90
# A line that merely looks like a question is one when nothing follows it for so long.
QUIET_SECONDS = 0.3

_NODE = r"\w+(?:/\w+)+:"  # RP/0/RP0/CPU0: begins a prompt, and a line of the log
_PROMPT = _NODE + r"[\w.-]+(?:\([\w-]+\))?#"
PROMPT = re.compile(rf"(?:^|[\r\n]){_PROMPT} ?$")
# How a command ends that was not done: "%" begins the last line before the prompt, log lines apart.
# Such lines before others are only news, and so is the one below in any place: IOS's words.
REFUSAL = re.compile(
    rf"^%(?! Router Certificate successfully imported$).*\n(?:(?:{_NODE}.*)?\n)*(?={_PROMPT})", re.MULTILINE
)
PASSWORD = re.compile(r"[Pp]assword: ?$")
QUESTION = re.compile(r"\[[^\]\r\n]*\] ?[:?] ?$")
# No prompt asks for the lines of a paste.  An empty one ends it or, where the router says so, "quit"; that
# of a key, too, which says nothing.
PASTE = re.compile(
    r'(?:End with a blank line(?P<quit> or the word "quit")?|(?P<key>Enter the public key))[^\r\n]*\s*$'
)
PERHAPS_QUESTION = re.compile(r"[^\r\n][:?\]] ?$")
MORE = re.compile(r"\r? ?--More-- ?$")
LITERALLY = "\x16"  # ^V: the next key is a character


@dataclass(frozen=True)
class Screen:
    """What the router printed until it waited; ``text`` has the echo, and the prompt or question."""

    text: str
    waits_for: str  # "prompt", "question", "password", "paste", or "nothing": the session is over

    @property
    def at_prompt(self) -> bool:
        """Tell whether the router waits for a command."""
        return self.waits_for == "prompt"

    @property
    def refused(self) -> bool:
        """Tell whether a command was not done: the last thing that the router says of it begins with "%"."""
        return REFUSAL.search(self.text) is not None


class RouterShell:
    """One SSH session.  ``with RouterShell(...) as shell: shell.run("show clock")``; not thread-safe.

    The router's host key is taken as it comes: the lab made it itself, on this machine's loopback, and
    the password that the session sends comes from the same endpoints file that the address comes from.
    What else that says of the router is not the shell's concern.
    """

    def __init__(
        self, name: str, *, host: str, port: int, username: str, password: str, **_more: object
    ) -> None:
        self._name = name
        self._address: dict[str, Any] = {"host": host, "port": port}
        self._login: dict[str, Any] = {"username": username, "password": password}
        self.greeting = Screen("", "nothing")
        self._paste_ends: tuple[str, ...] = ()
        self._pasted = False

    def __enter__(self) -> RouterShell:
        self._runner = asyncio.Runner()
        try:
            self._runner.run(self._open())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._runner.run(self._close())
        finally:
            self._runner.close()

    def run(self, text: str) -> Screen:
        """Type a line and return, or several, each when the router waits; read until it waits again.

        A "?" is typed as a character, never as the key that asks for help, and a TAB as a space.
        Inside of a paste nothing is read before its end.  ShellFailed when the session is over, or the router
        stays silent.
        """
        screens = [self._runner.run(self._run(line.removesuffix("\r"))) for line in lines_of(text)]
        return Screen("".join(screen.text for screen in screens), screens[-1].waits_for)

    def end_paste(self) -> Screen:
        """Say that what is pasted is whole."""
        self._pasted = True
        return self.run(self._paste_ends[-1])

    def take_file(self, path: str) -> bytes:
        """Fetch a file from the router's disks, and remove it there; ShellFailed when that cannot be done."""
        return self._runner.run(self._take_file(path))

    async def _open(self) -> None:
        try:
            self._connection = await asyncssh.connect(
                **self._address,
                **self._login,
                known_hosts=None,
                client_keys=None,
                agent_path=None,
                config=None,
                preferred_auth="password",
                login_timeout=LOGIN_SECONDS,
                connect_timeout=LOGIN_SECONDS,
            )
        except (OSError, asyncssh.Error, TimeoutError) as error:
            place = f"{self._address['host']} port {self._address['port']}"
            raise ServiceUnreachable(f"{self._name} does not let us in at {place}: {error}.") from error
        try:
            # Wide enough for any line, no height: nothing wraps and nothing is paged.
            self._process: Any = await self._connection.create_process(
                term_type="vt100", term_size=(511, 0), encoding="utf-8", errors="replace"
            )
            self.greeting = await self._read_until_waiting()
        except (OSError, asyncssh.Error) as error:
            raise ShellFailed(f"{self._name} gives us no shell: {error}.") from error
        finally:
            if not self.greeting.text:
                self._connection.abort()

    async def _close(self) -> None:
        self._connection.close()
        await self._connection.wait_closed()

    async def _run(self, line: str) -> Screen:
        if self._process.stdout.at_eof():
            raise ShellFailed(f"The session with {self._name} is over; {line!r} was not typed.")
        if self._paste_ends and not line.strip() and not self._pasted:
            return Screen("", "paste")  # an empty line would end some pastes before they began
        self._process.stdin.write(line.replace("\t", " ").replace("?", LITERALLY + "?") + "\r")
        if self._paste_ends and line.strip().lower() not in self._paste_ends:
            self._pasted = True
            return Screen("", "paste")
        return await self._read_until_waiting()

    async def _take_file(self, path: str) -> bytes:
        try:
            async with self._connection.start_sftp_client() as disks:
                try:
                    async with disks.open(path, "rb", encoding=None) as file:
                        content: bytes = await file.read()
                        return content
                finally:
                    await disks.remove(path)
        except (OSError, asyncssh.Error) as error:
            raise ShellFailed(f"{self._name} does not give us {path}: {error}.") from error

    async def _read_until_waiting(self) -> Screen:
        text, self._paste_ends, self._pasted = "", (), False
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        while True:
            if waits_for := known_sign(text):
                return Screen(_clean(text), waits_for)
            if more := MORE.search(text):
                text = text[: more.start()]
                self._process.stdin.write(" ")
            rest = deadline - asyncio.get_running_loop().time()
            waiting_perhaps = PERHAPS_QUESTION.search(text) or PASTE.search(text)
            patience = QUIET_SECONDS if waiting_perhaps else rest
            try:
                chunk = await asyncio.wait_for(self._process.stdout.read(65536), min(patience, rest))
            except TimeoutError:
                if patience < rest:
                    if paste := PASTE.search(text):
                        self._paste_ends = (
                            ("", "quit") if paste["quit"] else ("quit", "") if paste["key"] else ("",)
                        )
                    return Screen(_clean(text), "paste" if paste else "question")
                raise ShellFailed(
                    f"{self._name} came to no prompt within {ANSWER_SECONDS} s.  Its screen:\n{_clean(text)}"
                ) from None
            if not chunk:
                return Screen(_clean(text), "nothing")
            text += chunk


def lines_of(text: str) -> list[str]:
    """The lines to be typed for a text: one at least."""
    return text.removesuffix("\n").split("\n")


def known_sign(text: str) -> str | None:
    """Tell what the router surely waits for, by the end of its screen; None when it may go on."""
    if PROMPT.search(text):
        return "prompt"
    if PASSWORD.search(text):
        return "password"
    return "question" if QUESTION.search(text) else None


def _clean(text: str) -> str:
    """Return the screen with plain newlines."""
    return text.replace("\r\n", "\n").replace("\r", "")
