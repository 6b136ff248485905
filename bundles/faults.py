"""What the bundle server does wrong on demand, by name, and which of it a request may meet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from bundles.shelf import Served, Shelf
from sceplab.clock import Clock
from sceplab.fault_http import ANY_REQUEST, HTTP_FAULTS, Exposed
from sceplab.faults import Fault
from sceplab.journal import Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

EMPTY, OTHER_CONTENT = "empty", "other-content"
CRL_PATH = "/crl/"
CATALOGUE = (
    *HTTP_FAULTS,
    Fault(EMPTY, "A bundle has no octets."),
    Fault(OTHER_CONTENT, "A bundle's path serves what another path has."),
)


def exposed_on(shelf: Shelf, clock: Clock) -> Callable[[WSGIEnvironment], Exposed | None]:
    """Which faults a request of the public port may meet: those for bundles and for CRLs do."""

    def exposed(environ: WSGIEnvironment) -> Exposed | None:
        path, now = environ.get("PATH_INFO", ""), clock.now()
        asked = f"{environ['REQUEST_METHOD']} {path}"
        if path.startswith(CRL_PATH):
            return Exposed(Kind.CRL, asked)
        served = shelf.served(path, now)
        if served is None:
            return None
        has_other = other_than(served, shelf, now) is not None
        return Exposed(Kind.BUNDLE, asked, ANY_REQUEST | {EMPTY} | ({OTHER_CONTENT} if has_other else set()))

    return exposed


def other_than(served: Served, shelf: Shelf, now: datetime) -> Served | None:
    """What the first path that has something else serves; None when all have the same."""
    contents = (each for each in shelf.published(now) if each.bundle.digest != served.bundle.digest)
    return next(contents, None)
