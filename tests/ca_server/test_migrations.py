"""A database comes to the present schema: made, looked at, migrated or refused."""

import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from sqlalchemy.engine import make_url

from ca_server import schema, store_opening
from ca_server.domain.ledger import (
    AuditEntry,
    AuditFilter,
    CertificateFilter,
    RequestFilter,
    Slice,
    What,
)
from ca_server.domain.requests import ChallengeState, State, WaitsFor, subject_key
from ca_server.store import SqlStore, StoreError
from scep_core import certificates, csr, names
from scep_core.values import Digest
from tests.ca_server.store_samples import NOW, WALL, a_request, add, enrol

pytest_plugins = ("tests.postgres",)

ALL = Slice()
PROCESSES = 4
SUBJECT = names.build_name(
    [[(names.ORGANIZATION, "É")], [(names.COMMON_NAME, " R1  Lab"), (names.SERIAL_NUMBER, "X")]]
)
KEY = ec.generate_private_key(ec.SECP256R1())
DER = certificates.build_certificate(
    serial_number=0xFF01,
    issuer=SUBJECT,
    subject=SUBJECT,
    public_key_info=csr.public_key_info(KEY.public_key()),
    not_before=NOW,
    not_after=NOW + timedelta(days=365),
    extensions=(),
    key=KEY,
    digest=Digest.SHA256,
).der
# Several at once over one database; each says what it has found when it is done.
START = """
import sys
from datetime import datetime, UTC
sys.stdin.readline()
from ca_server.store import SqlStore
store = SqlStore(sys.argv[1], lambda: datetime.now(UTC))
print(sum(store.request_counts().values()), "alembic" in sys.modules)
store.close()
"""


@pytest.fixture
def old_database(store_url):
    """A database of the first program: three requests, a certificate, two decisions."""
    with opened(store_url) as database, database.alone() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            ScriptDirectory(str(store_opening.MIGRATIONS)).get_revision("0001").module.upgrade()
        fill(connection)
    return store_url


def fill(connection):
    """Rows as the first program wrote them."""
    connection.execute(text("INSERT INTO lab VALUES (1)"))
    at = "2026-03-01T12:00:00.123456Z"
    for number, (state, challenge, serial) in enumerate(
        [("issued", "absent", "FF01"), ("denied", "present", None), ("pending", "present", None)], start=1
    ):
        connection.execute(
            text(
                "INSERT INTO requests (id, state, transaction_id, message_type, profile, source, "
                " sender_nonce, csr, public_key_info, signer_key, signer, subject, subject_alt_names, key,"
                " md5, sha1, sha256, challenge, received_at, polls, decided_at, decided_by, reason,"
                " serial_number)"
                " VALUES (:id, :state, :transaction, 19, 'compat', '192.0.2.1', :nonce, :csr, :spki,"
                " :signer_key, 'self-signed', 'CN=r1', :names, 'RSA 2048', 'M', 'S', 'L', :challenge, :at, 2,"
                " :decided, 'me', NULL, :serial)"
            ),
            {
                "id": number * 10,
                "state": state,
                "transaction": f"T{number}",
                "nonce": b"nonce",
                "csr": b"\x30\x00csr",
                "spki": b"spki",
                "signer_key": b"key",
                "names": '["DNS:r1.lab", "DNS:m\\u00fcller.lab"]',
                "challenge": challenge,
                "at": at,
                "decided": at if serial else None,
                "serial": serial,
            },
        )
    connection.execute(
        text("INSERT INTO certificates VALUES (7, 'FF01', 10, 'CN=r1', :at, :end, :der)"),
        {"at": at, "end": "2027-03-01T12:00:00.123456Z", "der": DER},
    )
    for number, (request, what, reason, serial) in enumerate(
        [(10, "issued", None, "FF01"), (20, "denied", "no", None)], start=1
    ):
        connection.execute(
            text("INSERT INTO decisions VALUES (:id, :request, :what, 'me', :at, :wall, :reason, :serial)"),
            {"id": number, "request": request, "what": what, "at": at, "wall": at, "reason": reason}
            | {"serial": serial},
        )


def differences(url):
    """What Alembic would change to make the database that of ``schema``."""
    with opened(url) as database, database.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), schema.metadata)


@contextmanager
def opened(url):
    """The database as it is."""
    database = store_opening._database(make_url(url))
    yield database
    database.engine.dispose()


def test_the_program_knows_all_revisions():
    scripts = ScriptDirectory(str(store_opening.MIGRATIONS))
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == schema.REVISIONS


def test_a_new_database_is_that_of_the_schema(store_url):
    SqlStore(store_url, lambda: WALL).close()
    assert differences(store_url) == []


def test_a_migrated_database_is_that_of_the_schema(old_database):
    assert differences(old_database) != []
    SqlStore(old_database, lambda: WALL).close()
    assert differences(old_database) == []


def test_migration_loses_nothing(old_database):
    with closing(SqlStore(old_database, lambda: WALL)) as store:
        requests = store.requests(RequestFilter(), ALL)
        assert [(each.id, each.state) for each in requests] == [
            (10, State.ISSUED),
            (20, State.DENIED),
            (30, State.PENDING),
        ]
        issued, denied, pending = requests
        assert issued.serial_number == 0xFF01
        assert issued.decided_at == NOW
        assert issued.challenge is ChallengeState.ABSENT
        assert pending == store.latest_request("T3")
        assert pending.challenge is denied.challenge is ChallengeState.NOT_CHECKED
        assert (pending.authority, pending.renews, pending.challenge_digest) == (1, None, None)
        assert (pending.csr, pending.public_key_info, pending.sender_nonce) == (
            b"\x30\x00csr",
            b"spki",
            b"nonce",
        )
        assert pending.subject_alt_names == ("DNS:r1.lab", "DNS:müller.lab")
        assert pending.polls == 2
        # Whatever its profile says now, a person decides about what came before profiles could say it.
        assert (pending.waits_for, pending.earlier_nonces) == (WaitsFor.PERSON, b"")
        [certificate] = store.certificates(CertificateFilter(), ALL, NOW)
        assert certificate == store.valid_certificate_of(subject_key(SUBJECT), "ca-1", NOW)
        assert (certificate.id, certificate.request_id, certificate.der) == (7, 10, DER)
        assert (certificate.issuer, certificate.revoked_at, certificate.wrong_passwords) == ("ca-1", None, 0)
        assert store.audit(AuditFilter(), ALL) == [
            AuditEntry(What.ISSUED, "me", NOW, 10, 0xFF01, None, wall_at=NOW, id=1),
            AuditEntry(What.DENIED, "me", NOW, 20, None, "no", wall_at=NOW, id=2),
        ]


def test_a_certificate_that_cannot_be_read_keeps_its_subject(old_database):
    with opened(old_database) as database, database.alone() as connection:
        connection.execute(text("UPDATE certificates SET der = :der"), {"der": b"\x30\x00der"})
    with closing(SqlStore(old_database, lambda: WALL)) as store:
        assert store.certificate(0xFF01).subject_key == "CN=r1"


def test_a_migrated_database_goes_on_counting(old_database):
    with closing(SqlStore(old_database, lambda: WALL)) as store:
        assert add(store, a_request()).id == 31
        enrol(store, 1)
        assert store.certificate(1).id == 8
        assert store.audit(AuditFilter(), Slice(newest_first=True))[0].id == 3
    with closing(SqlStore(old_database, lambda: WALL)) as store:  # and is opened as it is
        assert sum(store.request_counts().values()) == 5


def test_the_program_of_before_refuses_it(old_database):
    """It looks at ``lab.schema_version``, and knows 1."""
    SqlStore(old_database, lambda: WALL).close()
    with opened(old_database) as database:
        assert database.query("SELECT schema_version FROM lab", {}) == [(2,)]


@pytest.mark.parametrize("revision", ["9999", "later"])
def test_a_newer_database_is_refused_with_a_sentence(store_url, revision):
    SqlStore(store_url, lambda: WALL).close()
    with opened(store_url) as database, database.alone() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    with pytest.raises(StoreError, match=f"revision {revision} .* up to {schema.REVISIONS[-1]}: use"):
        SqlStore(store_url, lambda: WALL)


def test_a_migration_that_fails_leaves_the_database_as_it_was(old_database):
    with opened(old_database) as database, database.alone() as connection:
        connection.execute(text("ALTER TABLE requests DROP COLUMN polls"))
    with pytest.raises(StoreError, match="polls"):
        SqlStore(old_database, lambda: WALL)
    with opened(old_database) as database:
        assert database.query("SELECT count(*) FROM decisions", {}) == [(2,)]
        assert database.query("SELECT schema_version FROM lab", {}) == [(1,)]


def start_at_once(url):
    """What processes say that open the database at the same moment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return said


def test_of_many_that_start_on_an_empty_database_one_makes_it(store_url):
    assert start_at_once(store_url) == [["0", "False"]] * PROCESSES  # nobody needs Alembic for that
    assert differences(store_url) == []


def test_of_many_that_start_on_an_old_database_one_migrates_it(old_database):
    said = start_at_once(old_database)
    assert [count for count, _ in said] == ["3"] * PROCESSES
    assert sorted(alembic for _, alembic in said) == ["False"] * (PROCESSES - 1) + ["True"]
    assert differences(old_database) == []
