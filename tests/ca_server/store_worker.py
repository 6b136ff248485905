"""A process that uses the store beside others: ``python -m tests.ca_server.store_worker HOW URL``.

``race``: threads that all want the same few transactions and challenges; says in JSON what they got.
``acknowledge``: for each line on stdin, a child that enrols for ever and says what it has committed, until
it is killed.  Its process ID is the first line; it is forked, so that dying fifty times does not take long.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from datetime import UTC, datetime

from ca_server.domain.ledger import AuditEntry, StoreBusy, What, about_transaction
from ca_server.domain.requests import State
from ca_server.store import SqlStore
from tests.ca_server.store_samples import NOW, a_certificate, a_request, enrol

THREADS = 4
TRANSACTIONS = [f"SHARED {number}" for number in range(20)]
CHALLENGES = [b"challenge %d" % number for number in range(10)]


def open_store(url: str) -> SqlStore:
    return SqlStore(url, lambda: datetime.now(UTC))


def enrol_once(store: SqlStore, transaction_id: str) -> int | None:
    """Issue in a transaction in which nobody has; the serial number, None when somebody has."""
    with store.write(about_transaction(transaction_id)) as ledger:
        if ledger.latest_request(transaction_id):
            return None
        serial_number = secrets.randbits(128)
        request = a_request(
            transaction_id=transaction_id, state=State.ISSUED, serial_number=serial_number, reason=None
        )
        request = ledger.add_request(request)
        ledger.add_certificate(a_certificate(serial_number, request.id))
        ledger.add_audit(AuditEntry(What.ISSUED, "policy", NOW, request.id, serial_number))
        return serial_number


def take_challenge(store: SqlStore, digest: bytes) -> bool:
    """Enrol with a one-time challenge, in a transaction of this thread's own; whether it was still unused."""
    known = store.challenge(digest)
    assert known is not None
    request = a_request(transaction_id=secrets.token_hex(8))
    with store.write(about_transaction(request.transaction_id)) as ledger:
        request = ledger.add_request(request)
        return ledger.use_challenge(known, by=request.id, now=NOW)


def race(url: str) -> None:
    store = open_store(url)
    issued: list[int] = []
    won: list[str] = []
    busy: list[StoreBusy] = []
    barrier = threading.Barrier(THREADS)

    def run() -> None:
        barrier.wait()
        try:
            for transaction_id in TRANSACTIONS:
                if (serial_number := enrol_once(store, transaction_id)) is not None:
                    issued.append(serial_number)
            for digest in CHALLENGES:
                if take_challenge(store, digest):
                    won.append(digest.decode())
        except StoreBusy as error:
            busy.append(error)

    print("ready", flush=True)
    sys.stdin.readline()
    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    print(json.dumps({"issued": issued, "won": won, "busy": [str(each) for each in busy]}))


def acknowledge(url: str) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            enrol_for_ever(url)
        os.waitpid(child, 0)
        os.write(1, b"dead\n")


def enrol_for_ever(url: str) -> None:
    os.write(1, b"%d\n" % os.getpid())
    store = open_store(url)
    while True:
        serial_number = secrets.randbits(128)
        request = enrol(store, serial_number, transaction_id=secrets.token_hex(8))
        os.write(1, b"%d %d\n" % (request.id, serial_number))


if __name__ == "__main__":
    {"race": race, "acknowledge": acknowledge}[sys.argv[1]](sys.argv[2])
