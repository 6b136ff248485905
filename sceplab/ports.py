"""The ports of a lab: documented ones, free ones, and those that it had before."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sceplab.errors import StartFailed
from sceplab.files import write_json
from sceplab.serving import Listener


@dataclass(frozen=True)
class Ports:
    """The ports of a lab; 0 takes a free one, and AUTO_PORTS those of the last run if they still are free.

    The defaults are DESIGN's.  ``routers`` are those that a router had before, by its name, and ``https``
    those of its web server; the others count up from ``first_router`` and ``first_https``.
    """

    scep: int = 8080
    console: int = 8090
    first_router: int = 2201
    management_ca: int = 9101
    management_routers: int = 9104
    first_https: int = 2301
    bundles: int = 8088
    bundles_https: int = 8443
    management_bundles: int = 9103
    ldap: int = 3890
    management_ldap: int = 9102
    routers: Mapping[str, int] = field(default_factory=dict)
    https: Mapping[str, int] = field(default_factory=dict)

    def fixed(self, routers: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Yield every port that is not to be any free one, with its use."""
        return ((use, port) for use, port in self._named(routers) if port)

    def _named(self, routers: Sequence[str]) -> Iterator[tuple[str, int]]:
        yield "SCEP", self.scep
        yield "the operators' console", self.console
        yield "bundles", self.bundles
        yield "bundles over HTTPS", self.bundles_https
        yield "the directory", self.ldap
        for number, name in enumerate(routers):
            counted = self.first_router and self.first_router + number
            yield f"the router {name}", self.routers.get(name, counted)
            counted = self.first_https and self.first_https + number
            yield f"the web server of {name}", self.https.get(name, counted)
        yield "the CA's management", self.management_ca
        yield "the bundle server's management", self.management_bundles
        yield "the directory's management", self.management_ldap
        yield "the routers' management", self.management_routers


AUTO_PORTS = Ports(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
# What other services are told at their start.
_TOLD = ("scep", "management_ca", "ldap")


def auto_ports(file: Path, host: str, routers: Sequence[str]) -> Ports:
    """Return the ports of the last run, since routers keep URLs; any free ones when one is taken."""
    ports = _last_ports(file)
    if ports is not None:
        with suppress(StartFailed):
            demand_free(ports, host, routers)
            return ports
    return AUTO_PORTS


def known_ports(ports: Ports, host: str) -> Ports:
    """Choose, where any port will do, those that another service is told before there is a listener.

    The CA writes the directory's URL into certificates, and the directory asks the CA.
    """
    with ExitStack() as held:  # all at once, so that they differ
        chosen: dict[str, Any] = {
            name: held.enter_context(Listener(host)).port for name in _TOLD if not getattr(ports, name)
        }
    return replace(ports, **chosen)


def keep_ports(file: Path, endpoints: Mapping[str, Any]) -> None:
    """Write down where a running lab is."""
    write_json(file, asdict(ports_of(endpoints)))


def ports_of(endpoints: Mapping[str, Any]) -> Ports:
    """Return where a running lab is."""
    ca, bundles, management = endpoints["ca"], endpoints["bundles"], endpoints["management"]
    routers = endpoints["routers"]
    return Ports(
        scep=_port(ca["scep"]),
        console=_port(ca["console"]),
        first_router=0,
        management_ca=_port(management["ca"]),
        management_routers=_port(management["routers"]),
        first_https=0,
        bundles=_port(bundles["http"]),
        bundles_https=_port(bundles["https"]),
        management_bundles=_port(management["bundles"]),
        ldap=_port(endpoints["ldap"]),
        management_ldap=_port(management["ldap"]),
        routers={name: router["port"] for name, router in routers.items()},
        https={name: _port(router["https"]) for name, router in routers.items()},
    )


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def _last_ports(file: Path) -> Ports | None:
    """Read the ports of the last run; None when there are none that could be taken again."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        # What an older lab has not kept may be any free one.
        ports = Ports(**{**asdict(AUTO_PORTS), **kept})
        single = [value for name, value in kept.items() if name not in ("routers", "https")]
        every = [*single, *ports.routers.values(), *ports.https.values()]
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None
    return ports if all(type(port) is int and 0 <= port < 2**16 for port in every) else None


def demand_free(ports: Ports, host: str, routers: Sequence[str]) -> None:
    """Refuse ports that somebody else holds, in one sentence, before anything is started."""
    for use, port in ports.fixed(routers):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise StartFailed(
                    f"Port {port}, for {use}, cannot be used ({error.strerror})."
                    "  End what holds it, or start with '--ports auto'."
                ) from error
