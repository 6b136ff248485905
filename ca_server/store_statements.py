"""Every statement of the SCEP path, built once, and the lists of operators, built when they are asked for.

Building a statement costs SQLAlchemy more time than a signature (``libraries.md`` 7), so none is built
while a client waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql import Select, Update

from ca_server import schema
from ca_server.domain.ledger import (
    ISSUED_AT_ONCE,
    AuditFilter,
    CertificateFilter,
    CertificateState,
    RequestFilter,
    Slice,
)
from ca_server.schema import audit, certificates, challenges, crls, requests, settings, tokens
from ca_server.store_records import (
    AUDIT_ENTRY,
    CERTIFICATE,
    CHALLENGE,
    CRL,
    REQUEST,
    TOKEN,
    instant_text,
    serial_number_text,
)

HOLD = 6  # RFC 5280 section 5.3.1: certificateHold
LARGEST = 2**31 - 1  # what PostgreSQL's integers hold: no id is larger

_wanted: ColumnElement[Any] = bindparam("wanted")
_now: ColumnElement[Any] = bindparam("now")

# ---------------------------------------------------------------------------------------- looking up

SELECT_REVISION = select(schema.alembic_version.c.version_num)
SELECT_REQUEST = select(*REQUEST.columns).where(requests.c.id == _wanted)
SELECT_LATEST_REQUEST = select(*REQUEST.columns).where(
    requests.c.id
    == select(func.max(requests.c.id)).where(requests.c.transaction_id == _wanted).scalar_subquery()
)
SELECT_REQUESTS_OF = (
    select(*REQUEST.columns)
    .where(requests.c.transaction_id == _wanted)
    .order_by(requests.c.id.desc())
    .suffix_with("LIMIT 100")  # limit() would make it a value that has to be given each time
)
SELECT_CERTIFICATE = select(*CERTIFICATE.columns).where(certificates.c.serial_number == _wanted)
SELECT_VALID_CERTIFICATE_OF = select(*CERTIFICATE.columns).where(
    certificates.c.id
    == select(func.max(certificates.c.id))
    .where(
        certificates.c.subject_key == _wanted,
        certificates.c.issuer == bindparam("issuer"),
        or_(certificates.c.revoked_at.is_(None), certificates.c.reason == literal_column(str(HOLD))),
        certificates.c.not_after > _now,
    )
    .scalar_subquery()
)
SELECT_REVOKED_CERTIFICATES = (
    select(*CERTIFICATE.columns)
    .where(
        certificates.c.issuer == _wanted,
        certificates.c.revoked_at.is_not(None),
        certificates.c.not_after > _now,
    )
    .order_by(certificates.c.id)
)
SELECT_LAST_ISSUED = select(func.max(certificates.c.id))
SELECT_ISSUED_BETWEEN = (
    select(*CERTIFICATE.columns)
    .where(certificates.c.id > bindparam("after"), certificates.c.id <= bindparam("upto"))
    .order_by(certificates.c.id)
    .suffix_with(f"LIMIT {ISSUED_AT_ONCE}")
)
SELECT_CRL = select(*CRL.columns).where(crls.c.issuer == _wanted)
SELECT_CHALLENGE = select(*CHALLENGE.columns).where(challenges.c.digest == _wanted)
COUNT_OPEN_CHALLENGES = (
    select(func.count())
    .select_from(challenges)
    .where(
        challenges.c.once.is_(true()),
        challenges.c.device.is_(None),
        challenges.c.used_at.is_(None),
        or_(challenges.c.expires_at.is_(None), challenges.c.expires_at > _now),
    )
)
SELECT_TOKEN = select(*TOKEN.columns).where(tokens.c.digest == _wanted)
SELECT_TOKENS = select(*TOKEN.columns).order_by(tokens.c.id)
SELECT_SETTING = select(settings.c.value).where(settings.c.name == _wanted)
COUNT_REQUESTS_BY_STATE = select(requests.c.state, func.count()).group_by(requests.c.state)

# ------------------------------------------------------------------------------------------- writing

INSERT_REQUEST = insert(requests).returning(requests.c.id)
INSERT_CERTIFICATE = insert(certificates)
REVOCATION = ("revoked_at", "reason", "invalidity_date", "wrong_passwords")
UPDATE_CERTIFICATE = (
    update(certificates)
    .where(certificates.c.serial_number == _wanted)
    .values({name: bindparam(f"new_{name}") for name in REVOCATION})
)
# One CRL is kept of each issuer; one with a number that is no higher meets its predecessor's row.
DELETE_EARLIER_CRL = delete(crls).where(crls.c.issuer == _wanted, crls.c.number < bindparam("below"))
INSERT_CRL = insert(crls)
INSERT_CHALLENGE = insert(challenges).returning(challenges.c.id)
USE_CHALLENGE = (
    update(challenges)
    .where(challenges.c.id == _wanted, challenges.c.used_at.is_(None))
    .values(used_at=_now, used_by=bindparam("by"))
    .returning(challenges.c.id)
)
DELETE_CHALLENGE = delete(challenges).where(challenges.c.id == _wanted).returning(challenges.c.id)
INSERT_TOKEN = insert(tokens).returning(tokens.c.id)
DELETE_TOKEN = delete(tokens).where(tokens.c.id == _wanted).returning(tokens.c.id)
DELETE_SETTING = delete(settings).where(settings.c.name == _wanted)
INSERT_SETTING = insert(settings)
INSERT_AUDIT_ENTRY = insert(audit)


@cache
def update_request(names: tuple[str, ...]) -> Update:
    """Set these columns, which are parameters ``new_...``, of the request ``wanted``."""
    return update(requests).where(requests.c.id == _wanted).values({n: bindparam(f"new_{n}") for n in names})


# ------------------------------------------------------------------------------------ operators' lists


def list_requests(wanted: RequestFilter, part: Slice) -> Select[Any]:
    """A part of the requests."""
    return _part(select(*REQUEST.columns).where(*_requests_wanted(wanted)), requests.c.id, part)


def list_certificates(wanted: CertificateFilter, part: Slice, now: datetime) -> Select[Any]:
    """A part of the certificates."""
    return _part(
        select(*CERTIFICATE.columns).where(*_certificates_wanted(wanted, now)), certificates.c.id, part
    )


def list_challenges(part: Slice) -> Select[Any]:
    """A part of the challenges."""
    return _part(select(*CHALLENGE.columns), challenges.c.id, part)


def list_audit(wanted: AuditFilter, part: Slice) -> Select[Any]:
    """A part of the audit."""
    conditions = []
    if wanted.what is not None:
        conditions.append(audit.c.what == str(wanted.what))
    if wanted.request_id is not None:
        conditions.append(audit.c.request_id == id_parameter(wanted.request_id))
    if wanted.serial_number is not None:
        conditions.append(audit.c.serial_number == serial_number_text(wanted.serial_number))
    return _part(select(*AUDIT_ENTRY.columns).where(*conditions), audit.c.id, part)


def id_parameter(number: int) -> int:
    """A number that PostgreSQL can compare with an id; none that is out of its range is one."""
    return number if 0 <= number <= LARGEST else LARGEST


def _part(statement: Select[Any], key: ColumnElement[int], part: Slice) -> Select[Any]:
    if part.after is not None:
        after = max(0, min(part.after, LARGEST))
        statement = statement.where(key < after if part.newest_first else key > after)
    return statement.order_by(key.desc() if part.newest_first else key).limit(min(part.limit, LARGEST))


def _requests_wanted(wanted: RequestFilter) -> Iterable[ColumnElement[bool]]:
    if wanted.state is not None:
        yield requests.c.state == str(wanted.state)
    for name in ("profile", "source", "transaction_id"):
        if (text := getattr(wanted, name)) is not None:
            yield requests.c[name] == _without_nul(text)
    if wanted.search is not None:
        names = ("subject", "subject_alt_names", "transaction_id")
        found = _contains(wanted.search, *(requests.c[name] for name in names))
        if digits := _digits(wanted.search):
            prints = (requests.c[name] for name in ("md5", "sha1", "sha256"))
            found = or_(found, *(func.replace(each, " ", "").contains(digits) for each in prints))
        yield found


def _certificates_wanted(wanted: CertificateFilter, now: datetime) -> Iterable[ColumnElement[bool]]:
    if wanted.state is not None:
        yield _in_state(wanted.state, now)
    if wanted.issuer is not None:
        yield certificates.c.issuer == _without_nul(wanted.issuer)
    if wanted.search is not None:
        found = _contains(wanted.search, certificates.c.subject)
        if digits := _digits(wanted.search):
            # Programs print whole octets; a nought in front is not kept.
            found = or_(found, certificates.c.serial_number.contains(digits.lstrip("0") or "0"))
        yield found


def _digits(text: str) -> str:
    """The hexadecimal digits of a number, however programs print it (``0xecdb``, ``EC:DB``); else nothing."""
    digits = re.sub(r"[\s:.-]", "", text).upper().removeprefix("0X")
    return digits if re.fullmatch("[0-9A-F]+", digits) else ""


def _contains(text: str, *places: Column[Any]) -> ColumnElement[bool]:
    return or_(*(place.icontains(_without_nul(text), autoescape=True) for place in places))


def _without_nul(text: str) -> str:
    """PostgreSQL takes no NUL, even to find nothing; no text that is kept has a NUL or this instead."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _in_state(state: CertificateState, now: datetime) -> ColumnElement[bool]:
    """As ``IssuedCertificate.state`` says it."""
    held = certificates.c.reason.is_not_distinct_from(HOLD)
    revoked, ended = certificates.c.revoked_at.is_not(None), certificates.c.not_after <= instant_text(now)
    match state:
        case CertificateState.VALID:
            return and_(~revoked, ~ended)
        case CertificateState.EXPIRED:
            return and_(~revoked, ended)
        case CertificateState.HELD:
            return and_(revoked, held)
        case CertificateState.REVOKED:
            return and_(revoked, ~held)
