"""Where the services of a lab are: what each says of itself, joined into what the commands read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

ANY_ADDRESS = ("0.0.0.0", "::")


def joined(said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Join what the services said, by their names, into a lab's endpoints.

    There may be several with routers.  One that does not run has no ``management``.
    """
    endpoints: dict[str, Any] = {"routers": {}, "management": {}}
    for name, places in sorted(said.items(), key=_turn):
        if "management" in places:
            endpoints["management"][name] = places["management"]
        own = {key: value for key, value in places.items() if key not in ("management", "operator")}
        if "routers" in places:
            endpoints["routers"] |= own["routers"]
        elif "operator" in places:
            endpoints |= {"ca": own, "operator": places["operator"]}
        else:
            endpoints[name] = own.get(name, own)
    return endpoints


def _turn(service: tuple[str, Mapping[str, Any]]) -> tuple[bool, bool, str]:
    """In which order the clocks are set: a router whose timer is due has to find the servers at its time."""
    name, places = service
    return "routers" in places, "operator" not in places, name


def moved(places: Any, move: Callable[[str, int], tuple[str, int]]) -> Any:
    """The same endpoints with every address, a host and a port, moved to another."""
    if isinstance(places, Mapping):
        new = {key: moved(value, move) for key, value in places.items()}
        if isinstance(places.get("host"), str) and isinstance(places.get("port"), int):
            new["host"], new["port"] = move(places["host"], places["port"])
        return new
    if isinstance(places, str) and "://" in places:
        return _moved_url(places, move)
    return places


def _moved_url(url: str, move: Callable[[str, int], tuple[str, int]]) -> str:
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        return url
    host, port = move(parts.hostname, parts.port)
    shown = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{shown}:{port}").geturl()


def on_host(places: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a service says of itself when others reach it by ``name``, since it listens on all addresses."""
    told: dict[str, Any] = moved(places, lambda host, port: (name if host in ANY_ADDRESS else host, port))
    return told
