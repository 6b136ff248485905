"""`copy`: its dialogue, its ways to fail, and what `http client` changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router_emu.commands.copy import MOST_BYTES
from router_emu.pki.peers.verdict import PeerPurpose
from router_emu.pki.wire import HttpRequest, HttpResponse, Limits, NoResponse
from tests.router_emu.pki_lab import Lab

URL = "http://files.lab/a/bundle.p7b"
DATA = bytes(range(256)) * 10

Answer = HttpResponse | NoResponse


class Servers:
    """Answers by URL; keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {URL: HttpResponse(200, "", DATA)}
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> Answer:
        self.requests.append(request)
        return self.answers.get(request.url, HttpResponse(404, "", b""))

    def redirect(self, here: str, there: str, status: int = 302) -> None:
        self.answers[here] = HttpResponse(status, "", b"", there)


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def lab(screen: Any, servers: Servers) -> Lab:
    return Lab(screen, servers)


def after(lab: Lab, *lines: str) -> str:
    """What these lines print, without the date."""
    start = len(lab.screen.text)
    lab.type(*lines)
    return str(lab.screen.text[start:])


def refusal(lab: Lab, *lines: str) -> str:
    """The last line before the prompt, of a command that is refused."""
    text = after(lab, *lines)
    assert lab.screen.output.failed
    return text.splitlines()[-2]


class TestDialogue:
    def test_a_file_from_the_network(self, lab: Lab) -> None:
        text = after(lab, f"copy {URL} disk0:", "")
        assert "Destination filename [/disk0:/bundle.p7b]?\n" in text
        assert f"Accessing {URL}\n!\nSuccessfully copied 2560 Bytes\n\n\nCopy operation success\n" in text
        assert lab.files == {"/disk0:/bundle.p7b": DATA}

    def test_the_classic_words(self, make_router: Callable[..., Any], make_screen: Any) -> None:
        lab = Lab(make_screen(make_router("classic")), Servers())
        text = after(lab, f"copy {URL} disk0:", "")
        assert "\nC\n2560 bytes copied in   0 sec\n" in text

    @pytest.mark.parametrize(
        ("destination", "answer", "path"),
        [
            ("disk0:", "", "/disk0:/bundle.p7b"),
            ("/harddisk:/", "", "/harddisk:/bundle.p7b"),
            ("harddisk:/keys/", "", "/harddisk:/keys/bundle.p7b"),
            ("disk0:x.p7b", "", "/disk0:/x.p7b"),
            ("disk0:/a/x", "y", "/disk0:/a/y"),
            ("disk0:/a/x", "/b/y", "/disk0:/a/b/y"),
            ("disk0:/a/x", "/harddisk:/y", "/harddisk:/y"),
            ("disk0:/a/x", "harddisk:", "/harddisk:/x"),
        ],
    )
    def test_where_the_copy_goes(self, lab: Lab, destination: str, answer: str, path: str) -> None:
        lab.type(f"copy {URL} {destination}", answer)
        assert lab.files == {path: DATA}

    @pytest.mark.parametrize("answer", ["", "y", "yes", "Y"])
    def test_a_file_that_is_there_is_replaced_when_confirmed(self, lab: Lab, answer: str) -> None:
        lab.files["/disk0:/bundle.p7b"] = b"old"
        assert after(lab, f"copy {URL} disk0:", "").endswith(
            "Copy : Destination exists, overwrite ?[confirm]"
        )
        lab.type(answer)
        assert lab.files == {"/disk0:/bundle.p7b": DATA}

    def test_and_left_when_not(self, lab: Lab, servers: Servers) -> None:
        lab.files["/disk0:/bundle.p7b"] = b"old"
        assert refusal(lab, f"copy {URL} disk0:", "", "no") == "% The file is left as it is"
        assert (lab.files, servers.requests) == ({"/disk0:/bundle.p7b": b"old"}, [])

    def test_from_disk_to_disk(self, lab: Lab) -> None:
        lab.files["disk0:/x"] = b"0123"
        lab.type("copy disk0:/x harddisk:", "")
        assert lab.files["/harddisk:/x"] == b"0123"

    def test_the_name_proposed_is_one_word(self, lab: Lab) -> None:
        assert "[/disk0:/a_b_c]?" in after(lab, "copy http://files.lab/a%20b%20c disk0:")

    def test_what_it_does_not_copy(self, lab: Lab) -> None:
        source = "% Not a source of copy: {}. It takes http://, https://, disk0: and harddisk:"
        assert refusal(lab, "copy tftp://me:pw@h/x disk0:") == source.format("tftp://h/x")
        assert refusal(lab, "copy running-config disk0:") == source.format("running-config")
        where = "% Not a destination of copy: ftp://h/x. It takes disk0: and harddisk:"
        assert refusal(lab, f"copy {URL} ftp://h/x") == where
        assert "a file needs a name" in refusal(lab, "copy http://files.lab/ disk0:", "")
        assert "No such file" in refusal(lab, "copy disk0:/none disk0:/y", "")

    def test_what_is_too_large_for_it(self, lab: Lab) -> None:
        lab.files["disk0:/x"] = bytes(MOST_BYTES + 1)
        assert "larger than 67108864 bytes" in refusal(lab, "copy disk0:/x disk0:/y", "")
        assert "/disk0:/y" not in lab.files

    def test_an_interrupt_leaves_the_disk_alone(self, lab: Lab) -> None:
        lab.type(f"copy {URL} disk0:")
        lab.screen.session.interrupt(lab.screen.now)
        assert lab.files == {}


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (NoResponse("connection refused"), "connection refused"),
            (NoResponse("TLS failed: wrong\x1b version"), "TLS failed: wrong? version"),
            (HttpResponse(500, "", b""), "HTTP status 500"),
            (HttpResponse(302, "", b""), "HTTP status 302"),
            (HttpResponse(206, "", b"half"), "HTTP status 206"),
        ],
    )
    def test_each_is_said(self, lab: Lab, servers: Servers, answer: Answer, why: str) -> None:
        servers.answers[URL] = answer
        assert refusal(lab, f"copy {URL} disk0:", "") == f"%Error opening {URL}: {why}"
        assert lab.files == {}

    @pytest.mark.parametrize("url", ["http:///x", "https://h:99999/x", "http://[::1/x", "http://h:0/x"])
    def test_what_is_no_url(self, lab: Lab, url: str) -> None:
        assert refusal(lab, f"copy {url} disk0:/x", "") == f"%Error opening {url}: it is no URL of HTTP's"


class TestRedirects:
    def test_five_are_followed(self, lab: Lab, servers: Servers) -> None:
        servers.redirect("http://a.lab/x", "/y", status=301)
        servers.redirect("http://a.lab/y", "//b.lab/")
        servers.redirect("http://b.lab/", "z")
        servers.redirect("http://b.lab/z", "https://c.lab/?q", status=307)
        servers.redirect("https://c.lab/?q", "https://c.lab/file")
        servers.answers["https://c.lab/file"] = HttpResponse(200, "", b"there")
        lab.type("copy http://a.lab/x disk0:", "")
        assert lab.files == {"/disk0:/x": b"there"}

    def test_a_circle_ends(self, lab: Lab, servers: Servers) -> None:
        servers.redirect("http://a.lab/x", "http://a.lab/x")
        assert refusal(lab, "copy http://a.lab/x disk0:", "").endswith("too many redirects")
        assert len(servers.requests) == 6

    @pytest.mark.parametrize(
        ("location", "why"),
        [
            ("http://a.lab/y", "the redirect leads from https to http"),
            ("ftp://a.lab/y", "the redirect leads to no server of HTTP's"),
            ("https://:8/y", "the redirect leads to no server of HTTP's"),
            ("/y z", "the redirect is not a URL"),
            ("/y\tz", "the redirect is not a URL"),
            ("/\u0443", "the redirect is not a URL"),
        ],
    )
    def test_what_is_not_followed(self, lab: Lab, servers: Servers, location: str, why: str) -> None:
        servers.redirect("https://a.lab/x", location)
        assert refusal(lab, "copy https://a.lab/x disk0:", "") == f"%Error opening https://a.lab/x: {why}"


class TestPasswords:
    def test_a_password_goes_to_its_server_and_is_never_shown(self, lab: Lab, servers: Servers) -> None:
        servers.redirect("http://a.lab/x", "/y")
        servers.redirect("http://a.lab/y", "http://b.lab/z")
        servers.redirect("http://b.lab/z", "http://a.lab/none")
        text = after(lab, "copy http://me:s3%40cret@a.lab/x disk0:", "", "show history")
        assert [dict(each.headers).get("Authorization") for each in servers.requests] == [
            "Basic bWU6czNAY3JldA==",
            "Basic bWU6czNAY3JldA==",
            None,
            None,
        ]
        assert all("@" not in each.url for each in servers.requests)
        assert text.count("cret") == 1  # as it was typed
        assert "  copy http://a.lab/x disk0:\n" in text
        assert not any("cret" in line for line in (*lab.router.log.lines, *lab.screen.session.shell.history))


class TestHttpClient:
    def request_of(self, lab: Lab, servers: Servers, *settings: str, url: str = URL) -> HttpRequest:
        """What is sent with these settings."""
        lab.type("configure", *settings, "commit", "end", f"copy {url} disk0:/x", "")
        return servers.requests[0]

    def test_without_settings(self, lab: Lab, servers: Servers) -> None:
        request = self.request_of(lab, servers)
        assert request.limits == Limits(connect=10, response=30, retries=0, body=MOST_BYTES)
        assert request.judge is None

    def test_times_and_tries(self, lab: Lab, servers: Servers) -> None:
        request = self.request_of(
            lab,
            servers,
            "http client connection timeout 2",
            "http client connection retry 3",
            "http client response timeout 4",
        )
        assert request.limits == Limits(connect=2, response=4, retries=3, body=MOST_BYTES)

    @pytest.mark.parametrize(
        ("setting", "asked"),
        [
            ("http client vrf default", "files.lab"),
            ("http client secure-verify-host disable", ""),
            ("http client secure-verify-peer disable", None),
        ],
    )
    def test_what_of_a_tls_server_is_verified(
        self, lab: Lab, servers: Servers, monkeypatch: pytest.MonkeyPatch, setting: str, asked: str | None
    ) -> None:
        judges: list[tuple[PeerPurpose, str]] = []
        judge = object()

        def make_judge(_router: object, purpose: PeerPurpose, *, now: object, host: str) -> object:
            judges.append((purpose, host))
            return judge

        monkeypatch.setattr(type(lab.router), "judge", make_judge)
        request = self.request_of(lab, servers, setting, url="https://files.lab/x")
        assert judges == ([] if asked is None else [(PeerPurpose.SERVER, asked)])
        assert request.judge is (None if asked is None else judge)
