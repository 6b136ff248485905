"""Who may change the configuration, and how: XR's two stages.

The *running* configuration is what the router does.  A session edits a *target* of its own, which began
as its *base*, the running configuration of that moment.  A commit merges what changed from base to
target into the running configuration of now, so two sessions that touch different things do not undo each
other.  Commit checks see the merged result and may refuse it; then nothing changes.

A session in exclusive mode holds the lock: nobody else commits while it is open (iosxr.md 3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from router_emu.config import text, tree
from router_emu.config.tree import Block, Path
from router_emu.syntax.kinds import Value
from router_emu.syntax.table import Mode

FIRST_COMMIT = 1000000001


@dataclass(frozen=True)
class CommitError:
    """Why a check refused: the block, the setting in it (none: the block itself), a reason for people."""

    path: Path
    setting: str | None
    reason: str


Check = Callable[[Block], Sequence[CommitError]]


@dataclass(frozen=True)
class Commit:
    """An entry of the history.  ``changes`` is the text that made it."""

    id: int
    user: str
    line: str
    at: datetime
    changes: tuple[str, ...]


class ExclusiveLock(Exception):
    """Another session holds the configuration in exclusive mode."""


class CommitRefused(Exception):
    """The checks refused; ``errors`` says which settings, and why."""

    def __init__(self, errors: Sequence[CommitError]) -> None:
        super().__init__("; ".join(error.reason for error in errors))
        self.errors = tuple(errors)


class ConfigStore:
    """The running configuration of one router, its history and its open sessions."""

    def __init__(
        self,
        schema: Mode,
        *,
        running: Block | None = None,
        history: Sequence[Commit] = (),
        checks: Sequence[Check] = (),
    ) -> None:
        self.schema = schema
        self.running = running or Block(schema)
        self.history: tuple[Commit, ...] = tuple(history)
        self.checks = list(checks)
        self.sessions: list[ConfigSession] = []
        self._opened = 0

    def open(self, user: str, line: str, now: datetime, *, exclusive: bool = False) -> ConfigSession:
        """Begin a configuration session; ExclusiveLock when the lock is asked for and taken."""
        if exclusive and self.locked_for(None):
            raise ExclusiveLock
        self._opened += 1
        session = ConfigSession(self, self._opened, user, line, now, exclusive=exclusive)
        self.sessions.append(session)
        return session

    def locked_for(self, session: ConfigSession | None) -> bool:
        """Whether a session other than this one holds the lock."""
        return any(other.exclusive for other in self.sessions if other is not session)

    def next_id(self) -> int:
        """The number that the next commit will have."""
        return self.history[-1].id + 1 if self.history else FIRST_COMMIT


class ConfigSession:
    """One operator's candidate configuration."""

    def __init__(
        self, store: ConfigStore, number: int, user: str, line: str, now: datetime, *, exclusive: bool
    ) -> None:
        self.store = store
        # XR's ids look like 00000000-04c990b0-00000000; the middle is ours, a running number.
        self.id = f"00000000-{number:08x}-00000000"
        self.user, self.line, self.opened_at, self.exclusive = user, line, now, exclusive
        self.errors: tuple[CommitError, ...] = ()
        self.refused: Block | None = None
        self._begin()

    def _begin(self) -> None:
        self.base = self.target = self.store.running
        self._seen = self.store.next_id()

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit."""
        return self.base != self.target

    @property
    def stale(self) -> bool:
        """Whether others committed since this session began or last committed."""
        return self._seen != self.store.next_id()

    def changes(self) -> tuple[str, ...]:
        """What is to be committed, as configuration text."""
        return tuple(text.difference(self.base, self.target))

    def put(self, path: Path, words: str, value: Value) -> None:
        """Set a setting."""
        self.target = tree.put(self.target, path, words, value)

    def drop(self, path: Path, words: str) -> None:
        """Unset a setting."""
        self.target = tree.drop(self.target, path, words)

    def enter(self, path: Path) -> None:
        """Open a block, which makes it when it is new."""
        self.target = tree.enter(self.target, path)

    def remove(self, path: Path) -> None:
        """Remove a block."""
        self.target = tree.remove(self.target, path)

    def commit(self, now: datetime) -> Commit | None:
        """Make the changes run; None when there were none.  ExclusiveLock, CommitRefused: nothing changed."""
        if not self.changed:
            return None
        if self.store.locked_for(self):
            raise ExclusiveLock
        merged = tree.merge(self.base, self.target, self.store.running)
        errors = [error for check in self.store.checks for error in check(merged)]
        if errors:
            self.errors, self.refused = tuple(errors), merged
            raise CommitRefused(errors)
        commit = Commit(self.store.next_id(), self.user, self.line, now, self.changes())
        self.store.running = merged
        self.store.history = (*self.store.history, commit)
        self.errors, self.refused = (), None
        self._begin()
        return commit

    def close(self) -> None:
        """Forget the candidate and give up the lock."""
        if self in self.store.sessions:
            self.store.sessions.remove(self)
