"""The ledger in a database: by default SQLite beside the CA's keys, PostgreSQL by its URL.

``schema`` has the tables, ``store_records`` how dataclasses become rows, ``store_statements`` what is asked,
``store_databases`` and ``store_postgresql`` how it is asked durably and alone, ``store_opening`` how a
database comes to the present schema.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.sql.elements import ClauseElement

from ca_server import store_statements as sql
from ca_server.domain.ledger import (
    ABOUT_ISSUING,
    AuditEntry,
    AuditFilter,
    CertificateFilter,
    Challenge,
    IssuedCertificate,
    IssuedCrl,
    RequestFilter,
    Slice,
    Token,
)
from ca_server.domain.requests import CertificateRequest, State
from ca_server.store_databases import Session, StoreError
from ca_server.store_opening import open_database
from ca_server.store_records import (
    AUDIT_ENTRY,
    CERTIFICATE,
    CHALLENGE,
    CRL,
    REQUEST,
    TOKEN,
    Record,
    instant_text,
    serial_number_text,
)

__all__ = ["SqlStore", "SqlTransaction", "StoreError"]

T = TypeVar("T")


class SqlReader(ABC):
    """Looking things up; whether in a transaction is the subclass's business."""

    @abstractmethod
    def _rows(self, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Any]:
        """The rows of a statement."""

    def _one(self, record: Record[T], statement: ClauseElement, **values: object) -> T | None:
        rows = self._rows(statement, values)
        return record.restore(rows[0]) if rows else None

    def latest_request(self, transaction_id: str) -> CertificateRequest | None:
        """Return the newest request of a SCEP transaction."""
        return self._one(REQUEST, sql.SELECT_LATEST_REQUEST, wanted=transaction_id)

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        return self._one(REQUEST, sql.SELECT_REQUEST, wanted=sql.id_parameter(request_id))

    def certificate(self, serial_number: int) -> IssuedCertificate | None:
        """Return one certificate."""
        return self._one(CERTIFICATE, sql.SELECT_CERTIFICATE, wanted=serial_number_text(serial_number))

    def valid_certificate_of(self, subject_key: str, issuer: str, now: datetime) -> IssuedCertificate | None:
        """Return the newest valid or held certificate of a subject from one CA."""
        return self._one(
            CERTIFICATE,
            sql.SELECT_VALID_CERTIFICATE_OF,
            wanted=subject_key,
            issuer=issuer,
            now=instant_text(now),
        )

    def requests_of(self, transaction_id: str) -> Sequence[CertificateRequest]:
        """Return the requests of a SCEP transaction, newest first."""
        return [
            REQUEST.restore(row) for row in self._rows(sql.SELECT_REQUESTS_OF, {"wanted": transaction_id})
        ]

    def revoked_certificates(self, issuer: str, now: datetime) -> Sequence[IssuedCertificate]:
        """Return one CA's revoked and held certificates that have not ended, by serial number's arrival."""
        rows = self._rows(sql.SELECT_REVOKED_CERTIFICATES, {"wanted": issuer, "now": instant_text(now)})
        return [CERTIFICATE.restore(row) for row in rows]

    def latest_crl(self, issuer: str) -> IssuedCrl | None:
        """Return the CRL with the highest number of one CA."""
        return self._one(CRL, sql.SELECT_CRL, wanted=issuer)

    def challenge(self, digest: bytes) -> Challenge | None:
        """Return the challenge with this keyed hash."""
        return self._one(CHALLENGE, sql.SELECT_CHALLENGE, wanted=digest)

    def open_challenges(self, now: datetime) -> int:
        """Count the one-time challenges without a device that are neither used nor at their end."""
        count: int = self._rows(sql.COUNT_OPEN_CHALLENGES, {"now": instant_text(now)})[0][0]
        return count

    def token(self, digest: bytes) -> Token | None:
        """Return the token with this hash."""
        return self._one(TOKEN, sql.SELECT_TOKEN, wanted=digest)

    def setting(self, name: str) -> str | None:
        """Return a setting that operators change while the CA runs."""
        rows = self._rows(sql.SELECT_SETTING, {"wanted": name})
        return rows[0][0] if rows else None


class SqlStore(SqlReader):
    """The ledger behind a URL.  Safe to use from several threads and processes.

    A process that forks does so before it makes its store.  ``wall`` tells the world's time, which the
    audit keeps beside the lab's.
    """

    def __init__(self, url: str, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._database = open_database(url)

    def close(self) -> None:
        """Close all connections."""
        self._database.engine.dispose()

    @contextmanager
    def write(self, about: str) -> Iterator[SqlTransaction]:
        """Begin a transaction that is alone with its thing; on disk when the block ends, or undone."""
        with self._database.transaction(about) as session:
            yield SqlTransaction(session, self._wall)

    def _rows(self, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Any]:
        return self._database.rows(statement, values)

    def requests(self, wanted: RequestFilter, part: Slice) -> Sequence[CertificateRequest]:
        """Return a part of the requests that are wanted."""
        return [REQUEST.restore(row) for row in self._database.rows_once(sql.list_requests(wanted, part))]

    def request_counts(self) -> dict[State, int]:
        """Count the requests in each state."""
        return dict.fromkeys(State, 0) | {
            State(state): count for state, count in self._rows(sql.COUNT_REQUESTS_BY_STATE, {})
        }

    def certificates(
        self, wanted: CertificateFilter, part: Slice, now: datetime
    ) -> Sequence[IssuedCertificate]:
        """Return a part of the certificates that are wanted."""
        rows = self._database.rows_once(sql.list_certificates(wanted, part, now))
        return [CERTIFICATE.restore(row) for row in rows]

    def last_issued(self) -> int:
        """Return the id of the newest certificate, with no lower one to come; 0: there is none."""
        last: int | None = self._database.rows_alone(ABOUT_ISSUING, sql.SELECT_LAST_ISSUED, {})[0][0]
        return last or 0

    def issued_between(self, after: int, upto: int) -> Sequence[IssuedCertificate]:
        """Return the first certificates with an id above ``after`` and up to ``upto``."""
        values = {"after": min(after, sql.LARGEST), "upto": upto}
        return [CERTIFICATE.restore(row) for row in self._rows(sql.SELECT_ISSUED_BETWEEN, values)]

    def challenges(self, part: Slice) -> Sequence[Challenge]:
        """Return a part of the challenges."""
        return [CHALLENGE.restore(row) for row in self._database.rows_once(sql.list_challenges(part))]

    def audit(self, wanted: AuditFilter, part: Slice) -> Sequence[AuditEntry]:
        """Return a part of the audit."""
        return [AUDIT_ENTRY.restore(row) for row in self._database.rows_once(sql.list_audit(wanted, part))]

    def tokens(self) -> Sequence[Token]:
        """Return all tokens."""
        return [TOKEN.restore(row) for row in self._rows(sql.SELECT_TOKENS, {})]


class SqlTransaction(SqlReader):
    """One open transaction."""

    def __init__(self, session: Session, wall: Callable[[], datetime]) -> None:
        self._session = session
        self._wall = wall
        # The requests as they are kept, for ``update_request`` to write no more than what has changed.
        self._kept: dict[int, CertificateRequest] = {}

    def _rows(self, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Any]:
        return self._session.rows(statement, values)

    def _keep(self, request: CertificateRequest) -> CertificateRequest:
        self._kept[request.id] = request
        return request

    def also(self, about: str) -> None:
        """Be alone with a second thing, too."""
        self._session.also(about)

    def latest_request(self, transaction_id: str) -> CertificateRequest | None:
        """Return the newest request of a SCEP transaction."""
        found = super().latest_request(transaction_id)
        return found and self._keep(found)

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        found = super().request(request_id)
        return found and self._keep(found)

    def _add(self, record: Record[T], statement: ClauseElement, new: T) -> int:
        """Insert a row that is given its id by the database."""
        values = record.keep(new)
        del values["id"]
        added: int = self._rows(statement, values)[0][0]
        return added

    def add_request(self, request: CertificateRequest) -> CertificateRequest:
        """Keep a new request; return it with its id."""
        return self._keep(replace(request, id=self._add(REQUEST, sql.INSERT_REQUEST, request)))

    def update_request(self, request: CertificateRequest) -> None:
        """Keep what has changed of a request."""
        kept, values = self._kept.get(request.id), REQUEST.keep(request)
        del values["id"]
        if kept is not None:
            values = {
                name: new for name, new in values.items() if getattr(kept, name) != getattr(request, name)
            }
        if values:
            statement = sql.update_request(tuple(values))
            self._session.run(
                statement, {"wanted": request.id, **{f"new_{name}": new for name, new in values.items()}}
            )
            self._keep(request)

    def add_certificate(self, certificate: IssuedCertificate) -> None:
        """Keep a certificate."""
        values = CERTIFICATE.keep(certificate)
        del values["id"]
        self._session.share(ABOUT_ISSUING)  # from before it has an id until it is to be seen
        self._session.run(sql.INSERT_CERTIFICATE, values)

    def update_certificate(self, certificate: IssuedCertificate) -> None:
        """Keep what has changed of a certificate: its revocation."""
        values = CERTIFICATE.keep(certificate)
        changed = {f"new_{name}": values[name] for name in sql.REVOCATION}
        self._session.run(sql.UPDATE_CERTIFICATE, {"wanted": values["serial_number"], **changed})

    def add_crl(self, crl: IssuedCrl) -> None:
        """Keep a CRL in place of its predecessor; StoreBusy when that has no lower number."""
        self._session.run(sql.DELETE_EARLIER_CRL, {"wanted": crl.issuer, "below": crl.number})
        self._session.run(sql.INSERT_CRL, CRL.keep(crl))

    def add_challenge(self, challenge: Challenge) -> Challenge:
        """Keep a new challenge; return it with its id."""
        return replace(challenge, id=self._add(CHALLENGE, sql.INSERT_CHALLENGE, challenge))

    def use_challenge(self, challenge: Challenge, *, by: int, now: datetime) -> bool:
        """Mark a challenge as used by a request; False when somebody has used it in the meantime."""
        values = {"wanted": challenge.id, "by": by, "now": instant_text(now)}
        return bool(self._rows(sql.USE_CHALLENGE, values))

    def withdraw_challenge(self, challenge_id: int) -> bool:
        """Forget a challenge; False when there is none."""
        return bool(self._rows(sql.DELETE_CHALLENGE, {"wanted": sql.id_parameter(challenge_id)}))

    def add_token(self, token: Token) -> Token:
        """Keep a new token; return it with its id."""
        return replace(token, id=self._add(TOKEN, sql.INSERT_TOKEN, token))

    def withdraw_token(self, token_id: int) -> bool:
        """Forget a token; False when there is none."""
        return bool(self._rows(sql.DELETE_TOKEN, {"wanted": sql.id_parameter(token_id)}))

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._session.run(sql.DELETE_SETTING, {"wanted": name})
        self._session.run(sql.INSERT_SETTING, {"name": name, "value": value})

    def add_audit(self, entry: AuditEntry) -> None:
        """Add a line to the audit, with the world's time."""
        values = AUDIT_ENTRY.keep(entry)
        del values["id"]
        values["wall_at"] = instant_text(self._wall())
        self._session.run(sql.INSERT_AUDIT_ENTRY, values)
