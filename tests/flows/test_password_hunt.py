"""Nobody finds a password that was typed: not in a file, a log, an answer, a screen, nor beside a process.

Passwords that nobody could have made up are typed in every way in which a router asks for one, and looked
for while the request waits, after everything was restarted, and at the end; as text, and in the clothes in
which text is usually kept.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from sceplab.client import Lab
from tests.flows.whole_lab import SECONDS, Up, children

SECRETS = {
    "challenge": "Quagga-Wombat-81",
    "mistyped challenge": "Narwhal-Okapi-82",
    "challenge that is too long": "Axolotl-83-" + "Tapir" * 60,
    "challenge of usage keys": "Pangolin-Kudu-84",
    "challenge that reached nobody": "Bilby-Dugong-85",
    "challenge by cut and paste": "Numbat-Gharial-86",
    "sftp-password": "Ocelot-Serval-87",
    "PKCS #12 password": "Quokka-Fossa-88",
}
SCREENS = ("show logging", "show running-config", "show history", "show crypto ca certificates",
           "show configuration commit changes last 100")  # fmt: skip
CONSOLE = ("/", "/api/", "/api/ca", "/api/audit", "/api/requests", "/api/certificates", "/api/challenges")


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    text = secret.encode()
    yield "text", text
    yield "UTF-16LE", secret.encode("utf-16-le")
    yield "UTF-16BE", secret.encode("utf-16-be")
    yield "hex", text.hex().encode()
    yield "HEX", text.hex().upper().encode()
    for before in range(3):  # inside of something longer, which begins anywhere
        coded = base64.b64encode(bytes(before) + text)
        # The characters at both ends depend on the neighbours, too.
        yield f"base64 after {before}", coded[-(-before * 8 // 6) : len(coded) - 4]


FORMS = [(name, form, data) for name, secret in SECRETS.items() for form, data in forms(secret)]


def seen_in(where: str, data: bytes) -> list[str]:
    """What is in there, one line each; base64 is looked for through line ends."""
    views = (data, re.sub(rb"\s|\\n", b"", data))
    return [f"{name} as {form} in {where}" for name, form, value in FORMS if any(value in v for v in views)]


def in_files(folder: Path) -> list[str]:
    """Every file, and every value of every database: a long one is in pieces in the file."""
    assert list(folder.rglob("*.log"))
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        data = path.read_bytes()
        found += seen_in(str(path.relative_to(folder)), data)
        if data.startswith(b"SQLite format 3"):
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
                tables = [
                    name for (name,) in database.execute("select name from sqlite_master where type='table'")
                ]
                assert tables
                for table in tables:
                    for row in database.execute(f'select * from "{table}"'):
                        values = (each if isinstance(each, bytes) else str(each).encode() for each in row)
                        found += seen_in(f"table {table}", b"\0".join(values))
    return found


def in_processes(lab: Up) -> list[str]:
    found = []
    for pid in (lab.process.pid, *children(lab.process.pid)):
        for name in ("cmdline", "environ"):
            data = Path(f"/proc/{pid}/{name}").read_bytes()
            assert data
            found += seen_in(f"{name} of a process", data)
    return found


def in_answers(lab: Up) -> list[str]:
    """What the CA tells its operators, and the management APIs tell the lab."""
    known = json.loads(lab.endpoints.read_text())
    console, operator = known["ca"]["console"], known["operator"]
    auth = (operator["username"], operator["password"])
    requests_ = [f"/api/requests/{each['id']}" for each in lab("requests", "list")]
    assert requests_
    found = []
    for path in (*CONSOLE, *requests_):
        answer = requests.get(console.rstrip("/") + path, auth=auth, timeout=SECONDS)
        assert answer.status_code == 200, path
        found += seen_in(path, answer.content)
    for service, where in known["management"].items():
        for path in ("/_lab/clock", "/_lab/timers"):
            found += seen_in(f"{service}{path}", requests.get(where + path, timeout=SECONDS).content)
    return found


class Story:
    """A lab and its router, and what was found of the passwords so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[str] = []
        self.start()

    def start(self) -> None:
        self.lab = Up(self.folder)
        self.endpoints: dict[str, Any] = json.loads(self.lab.endpoints.read_text())

    def end(self) -> None:
        self.lab.interrupt()
        self.found += seen_in("what `sceplab up` printed", self.lab.said)

    def type(self, *lines: str) -> str:
        """Log in, type lines, and look at all that can be shown; what the lines showed."""
        with Lab(self.endpoints) as lab, lab.router("r1") as shell:
            screen = "".join(shell.run(line).text for line in lines)
            for command in SCREENS:
                self.found += seen_in(command, shell.run(command).text.encode())
        return screen

    def hunt(self) -> None:
        """Look everywhere; what was found is kept for the end."""
        self.found += in_files(self.folder) + in_processes(self.lab) + in_answers(self.lab)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path)
    try:
        yield story
    finally:
        story.end()


def trustpoint(name: str, url: str, *more: str) -> tuple[str, ...]:
    return (f"crypto ca trustpoint {name}", f"enrollment url {url}", *more, "exit")


def test_what_is_there_is_found(tmp_path: Path) -> None:
    """In the middle of anything, and in a database's value that is longer than its page."""
    (tmp_path / "a.log").touch()
    for name, secret in SECRETS.items():
        for before in range(4):
            for form, data in forms(secret):
                if not form.startswith("base64"):
                    assert seen_in("here", b"x" * before + data + b"y") == [f"{name} as {form} in here"]
            lines = base64.encodebytes(b"x" * before + secret.encode() + b"y")
            assert seen_in("here", lines) == [f"{name} as base64 after {before % 3} in here"]
    long = SECRETS["challenge that is too long"]
    with closing(sqlite3.connect(tmp_path / "db")) as database:
        database.execute("pragma page_size = 512")
        database.execute("create table kept (name text, value blob)")
        database.execute("insert into kept values (?, ?)", ("x" * 400, b"x" * 300 + long.encode()))
        database.commit()
    assert "challenge that is too long as text in table kept" in in_files(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_no_password_is_found_anywhere(story: Story) -> None:
    challenge, mistyped, long, usage, nobody, pasted, sftp, pkcs12 = SECRETS.values()
    ndes = story.endpoints["ca"]["ndes"]
    with socket.socket() as bound:  # bound, but it does not listen
        bound.bind(("127.0.0.1", 0))
        story.type(
            *("configure", "hostname r1", "domain name lab.example"),
            *trustpoint("myca", ndes, "auto-enroll 80", "sftp-username backup", f"sftp-password {sftp}"),
            *trustpoint("two", ndes, "rsakeypair two"),
            *trustpoint("gone", ndes, "rsakeypair gone"),
            *trustpoint("byhand", ndes, "rsakeypair byhand", "enrollment terminal"),
            *("commit", "end", "crypto key generate rsa", "1024"),
            *("crypto key generate rsa gone", "1024", "crypto key generate rsa byhand", "1024"),
            *("crypto key generate rsa usage-keys two", "1024", "1024"),
            *("crypto ca authenticate myca", "yes", "crypto ca authenticate two", "yes"),
            *("crypto ca authenticate gone", "yes"),
            *("configure", "crypto ca trustpoint gone"),
            *(f"enrollment url http://127.0.0.1:{bound.getsockname()[1]}", "commit", "end"),
        )
        story.type("crypto ca enroll gone", nobody, nobody)
    screen = story.type("crypto ca enroll myca", challenge, mistyped, long, long)
    assert "% The passwords do not match." in screen
    assert "% No enrollment: the password is longer than 255 characters." in screen
    story.type("crypto ca enroll two", usage, usage)
    story.type("crypto ca enroll myca", challenge, challenge)
    with Lab(story.endpoints) as lab:
        [ca] = [each for each in lab.ca()["generations"][0]["certificates"] if each["role"] == "ca"]
        story.type(f"crypto ca authenticate byhand\n{ca['pem']}quit", "yes")
        with lab.router("r1") as shell:
            for line in ("crypto ca enroll byhand", pasted, pasted):
                shell.run(line)
            shown = shell.run("yes").text
        [request] = re.findall(r"Certificate Request follows:.*?---End", shown, re.DOTALL)
        lab.submit(request)
    assert len(story.lab("requests", "list")) >= 4
    story.hunt()

    story.end()
    story.found += in_files(story.folder)
    story.start()
    assert "CERTFORGOTTEN" in story.type("show logging | include CEPKI")
    for each in story.lab("requests", "list"):
        story.lab("requests", "approve", str(each["id"]))
    story.lab("clock", "advance", "2m")
    assert story.type("show crypto ca certificates").count("Available") == 3
    story.type("crypto ca export myca pkcs12 disk0:/myca.p12", pkcs12, pkcs12)
    assert "myca.p12" in story.type("dir disk0:")
    story.lab("clock", "advance", "300d")
    assert "CERTRENEW" in story.type("show logging | include CEPKI")
    story.hunt()
    assert story.found == []
