"""A PostgreSQL server of our own: in a temporary folder, on a socket there and no port, for the tests' time.

The server dies with the process that has started it, even if that is killed.  Tests say
``pytest_plugins = ("tests.postgres",)`` and take the fixtures; other programs import ``running_postgres``.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.programs import REQUIRED, SECONDS

READY = "database system is ready to accept connections"
# Nothing here survives the tests, so the disk need not be waited for.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "100",
    "log_min_messages": "log",
    "deadlock_timeout": "50ms",
}


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """The URL of an empty place for tables: a schema of its own, which is made sooner than a database."""
        import psycopg

        url, name = (
            f"postgresql://postgres@/postgres?host={quote(str(self.folder))}",
            f"lab{next(self._numbers)}",
        )
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{url}&options={quote(f'-csearch_path={name}')}"


@contextmanager
def running_postgres(**settings: str) -> Iterator[Postgres]:
    """A server with these settings besides SETTINGS."""
    binaries = _binaries()
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:  # a socket's path is short
        folder = Path(name)
        user = _not_root(folder)
        data = str(folder / "data")
        initdb = [*user, str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N"]
        initdb += ["-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            initdb, capture_output=True, text=True, cwd=folder, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        command = [*user, str(binaries / "postgres"), "-D", data, "-k", name]
        for key, value in (SETTINGS | settings).items():
            command += ["-c", f"{key}={value}"]
        # Not its stdin: the server's own processes would hold on to a terminal.
        server = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            _wait_ready(server)
            yield Postgres(folder)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(SECONDS)


def _wait_ready(server: subprocess.Popen[str]) -> None:
    """Wait for the line that says so; go on reading, so that the server can go on writing."""
    ready, lines = threading.Event(), []

    def read() -> None:
        assert server.stderr is not None
        with server.stderr:
            for line in server.stderr:
                lines.append(line)
                if READY in line:
                    ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    assert ready.wait(SECONDS), "PostgreSQL does not start"
    assert READY in "".join(lines), "".join(lines)


def _binaries() -> Path:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    path = found[-1] if found else Path(shutil.which("postgres") or "/")
    if path.with_name("initdb").exists():
        return path.parent
    _missing("postgres is not installed (Debian: postgresql)")
    raise AssertionError


def _not_root(folder: Path) -> Sequence[str]:
    """The words before a command that must not run as root; the folder is given away."""
    setpriv = shutil.which("setpriv")
    death = [setpriv, "--pdeathsig", "INT"] if setpriv else []
    if os.geteuid() != 0:
        return death
    with suppress(KeyError):
        user = pwd.getpwnam("postgres")
        if setpriv:
            os.chown(folder, user.pw_uid, user.pw_gid)
            numbers = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
            return [*death, *numbers]
    _missing("root cannot run postgres without a user of that name and setpriv (Debian: util-linux)")
    raise AssertionError


def _missing(text: str) -> None:
    if REQUIRED:
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that lasts for the whole run."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.interop)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'requests.sqlite3'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()
