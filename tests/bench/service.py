"""The CA as its clients and operators meet it: `make bench`; see the README beside this file.

Everything that is compared is measured in turns in one run, and told as a ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from messages import Clients, Sealed, check, write
from servers import MicromdmScepserver, OurCa, Server, build_scepserver

from scep_core import algorithms
from scep_core.values import PKCS1, Digest, PkiStatus

FIRST_PAGE = "/api/requests?state=pending"
_SESSION_BYTES = bytes(16)


@dataclass
class Figures:
    """What the rounds of one kind came to: seconds of server CPU each, and each second's number."""

    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def row(self, name: str, bare: float) -> str:
        cpu, rate = statistics.median(self.cpu), statistics.median(self.rate)
        return (
            f"  {name:34}{rate:8.0f}/s{cpu * 1e6:9.0f} us{cpu / bare:8.2f}"
            f"{statistics.median(self.p99) * 1e3 if self.p99 else 0:10.1f} ms"
        )


class Ratios(NamedTuple):
    """The server's CPU time beside the bare operations'."""

    enrolment: float
    poll: float


def bare_operations(seconds: float, operations: int) -> float:
    """CPU seconds of ``operations`` private RSA-2048 operations: decrypting, then signatures."""
    key = rsa.generate_private_key(65537, 2048)
    wrapped = algorithms.wrap_key(key.public_key(), PKCS1, _SESSION_BYTES)
    count, until, begun = 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < until:
        algorithms.unwrap_key(key, PKCS1, wrapped, _SESSION_BYTES)
        for _ in range(operations - 1):
            algorithms.sign(key, Digest.SHA256, b"bench")
        count += 1
    return (time.process_time() - begun) / count


class Bench:
    """One run."""

    def __init__(self, arguments: argparse.Namespace, scratch: Path, pool: ProcessPoolExecutor) -> None:
        self.arguments, self.scratch, self.pool = arguments, scratch, pool
        self.clients = Clients(arguments.keys)
        self.folders = 0

    def bare(self, operations: int) -> float:
        """On all cores at once, since the servers and their load use all: what shares a core slows both."""
        cores = os.cpu_count() or 1
        times = self.pool.map(bare_operations, [self.arguments.bare_seconds] * cores, [operations] * cores)
        return statistics.mean(times)

    def load(self, server: Server, messages: list[Sealed], status: PkiStatus, into: Figures | None) -> None:
        """Send ``messages``; every reply must be ``status``."""
        self.folders += 1
        folder = self.scratch / f"load{self.folders}"
        write(messages, folder)
        before = server.cpu_seconds()
        script = str(Path(__file__).with_name("load.py"))
        command = [sys.executable, script, str(folder), str(self.arguments.connections), server.scep]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        cpu = server.cpu_seconds() - before
        if ran.returncode:
            raise RuntimeError(f"{server.name}: {ran.stderr}")
        said = json.loads(ran.stdout)
        check(messages, folder, status, server.ca())
        if into is not None:
            into.cpu.append(cpu / len(messages))
            into.rate.append(len(messages) / said["seconds"])
            into.p99.append(said["p99"])

    def enrol(
        self, server: Server, count: int, into: Figures | None, *, pending: bool = False
    ) -> list[Sealed]:
        messages = self.clients.enrolments(count, server.ca())
        self.load(server, messages, PkiStatus.PENDING if pending else PkiStatus.SUCCESS, into)
        return messages

    def measure(self, title: str, automatic: OurCa, manual: OurCa, other: Server | None) -> Ratios:
        """Enrolments and polls in turns, and the first page."""
        count, rounds = self.arguments.count, self.arguments.rounds
        figures = {name: Figures() for name in ("bare3", "bare2", "ours", "other", "polls")}
        waiting = self.enrol(manual, count, None, pending=True)
        for server in (automatic, other):  # connections, caches
            if server is not None:
                self.enrol(server, max(20, count // 10), None)
        for _ in range(rounds):
            figures["bare3"].cpu.append(self.bare(3))
            self.enrol(automatic, count, figures["ours"])
            if other is not None:
                self.enrol(other, count, figures["other"])
            figures["bare2"].cpu.append(self.bare(2))
            ca = manual.ca()
            self.load(manual, self.clients.polls(waiting, ca), PkiStatus.PENDING, figures["polls"])
        bare3, bare2 = (statistics.median(figures[name].cpu) for name in ("bare3", "bare2"))
        print(f"{title}")
        print(f"  {'':34}{'':>8}  {'CPU each':>9}   {'/ bare':>7}{'99 %':>12}")
        print(f"  {'three private operations':34}{'':10}{bare3 * 1e6:9.0f} us{1:8.2f}")
        print(figures["ours"].row("ca_server, enrolment", bare3))
        if other is not None:
            print(figures["other"].row(f"{other.name}, enrolment", bare3))
            ours, theirs = (statistics.median(figures[name].cpu) for name in ("ours", "other"))
            print(f"  {'ca_server / scepserver':34}{'':21}{ours / theirs:9.2f}")
        print(f"  {'two private operations':34}{'':10}{bare2 * 1e6:9.0f} us{1:8.2f}")
        print(figures["polls"].row("ca_server, pending poll", bare2))
        print(f"  first page of the list, median of 9:  {first_page(manual) * 1e3:.1f} ms\n")
        return Ratios(
            statistics.median(figures["ours"].cpu) / bare3, statistics.median(figures["polls"].cpu) / bare2
        )


def first_page(server: OurCa) -> float:
    """Seconds until an operator has the first page of what waits."""
    operator = server.ready["operator"]
    credentials = (operator["username"], operator["password"])
    times = []
    with requests.Session() as session:
        for _ in range(9):
            begun = time.perf_counter()
            answer = session.get(server.ready["console"] + FIRST_PAGE, auth=credentials, timeout=300)
            times.append(time.perf_counter() - begun)
            answer.raise_for_status()
    return statistics.median(times)


def fill_queue(server: OurCa, count: int) -> None:
    """Put ``count`` requests that wait into the queue: copies of one that came over the wire.

    By SQL and whatever the columns, since what is measured is the queue's length and not its making.
    """
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(requests)")]
        columns.remove("id")
        copied = ["'BACKLOG' || n" if name == "transaction_id" else name for name in columns]
        database.execute(
            f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count:d})"
            f" INSERT INTO requests ({', '.join(columns)}) SELECT {', '.join(copied)} FROM counted, "
            "(SELECT * FROM requests WHERE state = 'pending' ORDER BY id LIMIT 1)"
        )
        database.commit()


def read_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Measure the CA over HTTP.")
    add: Callable[..., object] = parser.add_argument
    add("--count", type=int, default=400, help="messages in a round")
    add("--rounds", type=int, default=5, help="rounds, in turns; medians are told")
    add("--backlog", type=int, default=100_000, help="requests in the queue for the second part; 0 for none")
    add("--connections", type=int, default=4, help="connections of the load")
    add("--workers", type=int, default=1, help="worker processes of ca_server")
    add("--keys", type=int, default=24, help="RSA keys that play the clients")
    add("--bare-seconds", type=float, default=0.5, help="how long the bare operations run in a round")
    add("--no-scepserver", action="store_true", help="do not measure micromdm's scepserver")
    add("--build", type=Path, default=Path("build/bench"), help="where scepserver is built")
    return parser.parse_args()


def main() -> None:
    """Measure, and print."""
    arguments = read_arguments()
    program = None if arguments.no_scepserver else build_scepserver(arguments.build)
    if program is None:
        print("(micromdm's scepserver is not measured: no Go here, or asked so)\n")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scep-bench-")))
        pool = stack.enter_context(ProcessPoolExecutor(os.cpu_count()))
        bench = Bench(arguments, scratch, pool)
        automatic = OurCa(scratch / "automatic", "automatic", arguments.workers)
        stack.callback(automatic.stop)
        manual = OurCa(scratch / "manual", "manual", arguments.workers)
        stack.callback(manual.stop)
        other = None
        if program is not None:
            other = MicromdmScepserver(program, scratch)
            stack.callback(other.stop)
        print(
            f"{arguments.count} messages a round, {arguments.rounds} rounds in turns, medians; "
            f"{arguments.connections} connections, {arguments.workers} worker(s), {os.cpu_count()} cores"
        )
        for server in (automatic, other):
            if server is not None:
                print(f"  on the disk at the answer, {server.name}: {server.durable()}")
        print()
        empty = bench.measure("An empty queue", automatic, manual, other)
        if arguments.backlog:
            begun = time.monotonic()
            for server in (automatic, manual):
                if server is automatic:
                    fill_from(server, manual)
                fill_queue(server, arguments.backlog)
            print(f"({arguments.backlog} requests put into each queue in {time.monotonic() - begun:.0f} s)\n")
            full = bench.measure(f"{arguments.backlog} requests in the queue", automatic, manual, other)
            print(
                f"With {arguments.backlog} requests in the queue / with none, each by its bare operations:  "
                f"enrolment {full.enrolment / empty.enrolment:.2f}, poll {full.poll / empty.poll:.2f}"
            )


def fill_from(server: OurCa, source: OurCa) -> None:
    """Give ``server``, which answers at once, a first request that waits: one of ``source``'s."""
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        database.execute("ATTACH ? AS source", (str(source.database),))
        columns = [row[1] for row in database.execute("PRAGMA table_info(requests)") if row[1] != "id"]
        names = ", ".join(columns)
        database.execute(
            f"INSERT INTO requests ({names}) SELECT {names} FROM source.requests "
            "WHERE state = 'pending' ORDER BY id LIMIT 1"
        )
        database.commit()


if __name__ == "__main__":
    main()
