"""Bearer tokens of the operators' API: for programs, so that nobody has to give them his password.

A token is shown once.  Only a keyed hash of it is kept (see ``challenges.Hasher``), by which it is found
again; it has 256 random bits, so that nothing is told by how long the finding takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ca_server.domain.challenges import Hasher, Use
from ca_server.domain.ledger import ABOUT_TOKENS, AuditEntry, Store, Token, What
from scep_core.algorithms import RandomBytes

# So that a token is known for what it is wherever it leaks to.
PREFIX = "sceplab-"
TOKEN_BYTES = 32
MAX_NAME = 64


class BadToken(ValueError):
    """Such a token cannot be given out; the text says why."""


class NoSuchToken(LookupError):
    """There is no token with this id."""


class TokenDesk:
    """Where tokens are given out and taken back.  Each change leaves an audit line."""

    def __init__(self, store: Store, hasher: Hasher, random_bytes: RandomBytes) -> None:
        self._store = store
        self._hasher = hasher
        self._random_bytes = random_bytes

    def new(self, name: str, *, by: str, now: datetime) -> tuple[Token, str]:
        """Give out a token; return what is kept of it, and its text, which is not.

        The name is what the audit calls its holder, so no two have the same.  BadToken.
        """
        if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise BadToken(f"a token's name has 1 to {MAX_NAME} printable characters")
        text = PREFIX + self._random_bytes(TOKEN_BYTES).hex()
        with self._store.write(ABOUT_TOKENS) as ledger:
            if any(each.name == name for each in self._store.tokens()):
                raise BadToken("there is a token of this name")
            token = ledger.add_token(Token(name, self._hasher.digest(text, Use.TOKEN), now, by))
            ledger.add_audit(AuditEntry(What.TOKEN, by, now, text=f"token {token.id}: {name}"))
        return token, text

    def list(self) -> Sequence[Token]:
        """Return all tokens, oldest first."""
        return self._store.tokens()

    def withdraw(self, token_id: int, *, by: str, now: datetime) -> None:
        """Let nobody in with a token any more; NoSuchToken."""
        with self._store.write(ABOUT_TOKENS) as ledger:
            if not ledger.withdraw_token(token_id):
                raise NoSuchToken(f"there is no token {token_id}")
            ledger.add_audit(AuditEntry(What.TOKEN_WITHDRAWN, by, now, text=f"token {token_id}"))

    def whose(self, text: str) -> str | None:
        """Return what the audit calls the holder of this token, ``token NAME``; None when there is none."""
        token = self._store.token(self._hasher.digest(text, Use.TOKEN))
        return None if token is None else f"token {token.name}"
