"""A router with the lab's built-in CAs, at the instant at which the bundles of ``pool_stage`` were made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router_emu.cli.grammar import CONFIG
from router_emu.commands.context import Router
from router_emu.config.store import ConfigStore
from router_emu.pki.pool.keeper import PoolKeeper
from router_emu.pki.store import Pki
from router_emu.pki.wire import CISCO, HttpRequest, HttpResponse, NoResponse
from router_emu.syslog import LogBuffer
from router_emu.texts import NODE, WORDINGS
from scep_core.certificates import Certificate
from tests.router_emu.pki_lab import Answer, Lab
from tests.router_emu.pool_stage import EPOCH, built_in, shipped

CORE = "ios_core.p7b"
URL = f"http://bundles.lab/security/pki/trs/{CORE}"
NOT_IMPORTED = "SECURITY-CEPKI-4-TRUSTPOOL_NOTIMPORTED : CA certificate bundle from "
IMPORT = f"crypto ca trustpool import url {URL}"


class Bundles:
    """A web of bundles, by the last part of the path; ``requests`` are what was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | NoResponse] = {CORE: shipped()["core"].content}
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> Answer:
        self.requests.append(request)
        page = self.pages.get(request.url.rpartition("/")[2])
        if isinstance(page, NoResponse):
            return page
        return HttpResponse(404, "", b"") if page is None else HttpResponse(200, "text/plain", page)


def a_router(wording: str = "modern", *built: Certificate, **options: Any) -> Router:
    """A router with these CAs built in, or with those of the lab; ``options`` are PoolKeeper's."""
    pki = Pki(CISCO, lambda count: bytes(count), PoolKeeper(built or built_in(), **options))
    return Router("r1", WORDINGS[wording], ConfigStore(CONFIG), LogBuffer(NODE), pki)


def a_lab(make_screen: Callable[..., Any], router: Router, wire: Callable[[HttpRequest], Answer]) -> Lab:
    """The router just started, and its screen."""
    screen = make_screen(router)
    screen.now = EPOCH
    router.pki.recover(EPOCH)
    return Lab(screen, wire)


def after(lab: Lab, *lines: str) -> str:
    """What these lines print."""
    start = len(lab.screen.text)
    lab.type(*lines)
    return str(lab.screen.text[start:])


def refusal(lab: Lab, *lines: str) -> str:
    """The last line before the prompt, of an import that is refused: nothing changes, the log tells it."""
    keeper, said = lab.pki.pool.dump(), len(lab.log)
    text = after(lab, *lines)
    assert lab.screen.output.failed
    assert lab.pki.pool.dump() == keeper
    why = text.splitlines()[-2]
    tries = 0 if why.startswith("% Not a source") else 1
    assert [NOT_IMPORTED in line for line in lab.log[said:]] == [True] * tries
    return why
