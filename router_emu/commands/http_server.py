"""`http server ssl`: whose certificate the router's web server presents, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from router_emu.commands import trustpoints
from router_emu.commands.context import Router
from router_emu.pki.identity import Identity, NoIdentity


@dataclass(frozen=True)
class Presented:
    """A trustpoint, and the identity that it gives the router."""

    trustpoint: str
    identity: Identity


@dataclass(frozen=True)
class Answer:
    """A response: its status, its reason, a text, and for a 405 the methods that are allowed."""

    status: int
    reason: str
    text: str
    allow: str = ""


def is_wanted(router: Router) -> bool:
    """Whether `http server ssl` is committed."""
    return router.config.running.value("http server ssl") is not None


def presented(router: Router) -> Presented:
    """What is presented now; NoIdentity.

    Without `http server trustpoint` it is the first by name that has both a certificate and its key.
    """
    name = router.config.running.text("http server trustpoint")
    if name is not None:
        return _of_trustpoint(router, name)
    for each in sorted(router.pki.trustpoints):
        try:
            return _of_trustpoint(router, each)
        except NoIdentity:
            continue
    raise NoIdentity("no trustpoint holds a certificate of the router and its key")


def _of_trustpoint(router: Router, name: str) -> Presented:
    return Presented(name, trustpoints.identity(router.config.running, router.pki, name))


def answer(router: Router, trustpoint: str, request_line: str) -> Answer:
    """What is answered to `GET / HTTP/1.1`: who this is, and whose certificate it presents."""
    words = request_line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return Answer(400, "Bad Request", "not a request of HTTP 1\n")
    method, target, _ = words
    if method not in ("GET", "HEAD"):
        return Answer(405, "Method Not Allowed", "only GET and HEAD\n", "GET, HEAD")
    if target.partition("?")[0] != "/":
        return Answer(404, "Not Found", "there is only /\n")
    page = router.texts.web_page.format(hostname=router.hostname, trustpoint=trustpoint)
    return Answer(200, "OK", page)
