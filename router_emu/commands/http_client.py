"""The router as an HTTP client: what `http client ...` says, and a download that goes by it.

`vrf` and `source-interface` are kept without effect: the lab has neither.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from router_emu.config.tree import Block
from router_emu.pki.wire import (
    HTTP_ERROR,
    NOT_BELIEVED,
    NOT_SENT,
    UNREACHABLE,
    Exchange,
    ExchangeFailed,
    HttpRequest,
    HttpResponse,
    Judge,
    Limits,
    NoResponse,
    printable,
    without_password,
)

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class DownloadFailed(ExchangeFailed):
    """A download came to nothing; ``url`` is where, perhaps after redirects, fit to be shown."""

    def __init__(self, url: str, why: str, what: str) -> None:
        super().__init__(printable(why), what)
        self.url = printable(without_password(url))


@dataclass(frozen=True)
class ClientSettings:
    """What is configured: times in seconds, how often to connect again, what of a TLS server is verified."""

    connection_timeout: int
    response_timeout: int
    retries: int
    verify_peer: bool
    verify_host: bool


def read_settings(running: Block) -> ClientSettings:
    """The settings of `http client`."""
    return ClientSettings(
        connection_timeout=running.number("http client connection timeout"),
        response_timeout=running.number("http client response timeout"),
        retries=running.number("http client connection retry"),
        verify_peer=running.value("http client secure-verify-peer disable") is None,
        verify_host=running.value("http client secure-verify-host disable") is None,
    )


def fetch(url: str, most: int, settings: ClientSettings, judge_of: Callable[[str], Judge]) -> Exchange[bytes]:
    """At most so many bytes from a URL, redirects followed; DownloadFailed.

    ``judge_of`` makes the judge of an https server for the name that was called, "" when any will do.  The
    user and the password of the URL go to its own server alone.
    """
    start = url
    for _ in range(MOST_REDIRECTS + 1):
        answer: HttpResponse | NoResponse = yield _request(url, most, settings, judge_of)
        if isinstance(answer, NoResponse):
            raise DownloadFailed(url, answer.why, UNREACHABLE)
        if answer.status == 200:
            return answer.body
        if answer.status not in _REDIRECTS or not answer.location:
            raise DownloadFailed(url, f"HTTP status {answer.status}", HTTP_ERROR)
        try:
            url = _follow(url, answer.location)
        except ValueError as error:
            raise DownloadFailed(url, str(error), NOT_BELIEVED) from None
    raise DownloadFailed(start, "too many redirects", HTTP_ERROR)


def _request(url: str, most: int, settings: ClientSettings, judge_of: Callable[[str], Judge]) -> HttpRequest:
    parts = _split(url)
    headers = []
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}"))
    judge = None
    if parts.scheme == "https" and settings.verify_peer:
        judge = judge_of((parts.hostname or "") if settings.verify_host else "")
    limits = Limits(settings.connection_timeout, settings.response_timeout, settings.retries, most)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return HttpRequest("GET", plain, headers=tuple(headers), judge=judge, limits=limits)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in SCHEMES and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise DownloadFailed(url, "it is no URL of HTTP's", NOT_SENT)


def _follow(url: str, location: str) -> str:
    """Where a redirect leads; ValueError."""
    if not location.isascii() or not location.isprintable() or " " in location:
        raise ValueError("the redirect is not a URL")
    before = urlsplit(url)
    try:
        parts = urlsplit(urljoin(without_password(url), location))
        port = parts.port
    except ValueError:  # whose words repeat what is there
        raise ValueError("the redirect is not a URL") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("the redirect leads to no server of HTTP's")
    if before.scheme == "https" and parts.scheme == "http":
        raise ValueError("the redirect leads from https to http")
    if (parts.scheme, parts.hostname, port) == (before.scheme, before.hostname, before.port):
        login, at, _ = before.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=login + at + parts.netloc.rpartition("@")[2]))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
