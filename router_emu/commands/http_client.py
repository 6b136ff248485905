"""The router as an HTTP client: what `http client ...` says, and a download that goes by it.

`vrf` and `source-interface` are kept without effect: the lab has neither.
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from router_emu.commands.context import Context
from router_emu.commands.flow import Effect, Perform
from router_emu.config.tree import Block
from router_emu.pki.peers.verdict import PeerPurpose
from router_emu.pki.wire import HttpRequest, HttpResponse, Limits, NoResponse, printable
from router_emu.texts import CliRefusal

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


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


def without_password(url: str) -> str:
    """A URL fit to be shown: whoever is named in it, and his password, are left out."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else url


def download(context: Context, url: str, most: int) -> Generator[Effect, Any, bytes]:
    """At most so many bytes from a URL, redirects followed; CliRefusal.

    The user and the password of the URL go to its own server alone.
    """
    texts = context.router.texts
    start = url
    for _ in range(MOST_REDIRECTS + 1):
        answer = yield Perform(_request(context, url, most))
        shown = printable(without_password(url))
        if isinstance(answer, NoResponse):
            raise CliRefusal(texts.download_failed.format(url=shown, why=printable(answer.why)))
        assert isinstance(answer, HttpResponse)
        if answer.status == 200:
            return answer.body
        if answer.status not in _REDIRECTS or not answer.location:
            raise CliRefusal(texts.download_failed.format(url=shown, why=f"HTTP status {answer.status}"))
        try:
            url = _follow(url, answer.location)
        except ValueError as error:
            raise CliRefusal(texts.download_failed.format(url=shown, why=error)) from None
    shown = printable(without_password(start))
    raise CliRefusal(texts.download_failed.format(url=shown, why="too many redirects"))


def _request(context: Context, url: str, most: int) -> HttpRequest:
    settings, parts = read_settings(context.router.config.running), _split(context, url)
    headers = []
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}"))
    judge = None
    if parts.scheme == "https" and settings.verify_peer:
        host = (parts.hostname or "") if settings.verify_host else ""
        judge = context.router.judge(PeerPurpose.SERVER, now=context.now, host=host)
    limits = Limits(settings.connection_timeout, settings.response_timeout, settings.retries, most)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return HttpRequest("GET", plain, headers=tuple(headers), judge=judge, limits=limits)


def _split(context: Context, url: str) -> Any:
    try:
        parts = urlsplit(url)
        if parts.scheme in SCHEMES and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    shown = printable(without_password(url))
    raise CliRefusal(context.router.texts.download_failed.format(url=shown, why="it is no URL of HTTP's"))


def _follow(url: str, location: str) -> str:
    """Where a redirect leads; ValueError."""
    if not location.isascii() or not location.isprintable() or " " in location:
        raise ValueError("the redirect is not a URL")
    there = urljoin(without_password(url), location)
    parts, before = urlsplit(there), urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("the redirect leads to no server of HTTP's")
    if before.scheme == "https" and parts.scheme == "http":
        raise ValueError("the redirect leads from https to http")
    if (parts.scheme, parts.hostname, parts.port) == (before.scheme, before.hostname, before.port):
        login, at, _ = before.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=login + at + parts.netloc.rpartition("@")[2]))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
