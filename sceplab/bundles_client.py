"""The lab's bundle server, for programs: what it has, and what it publishes where."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sceplab.errors import LabError, NoLab
from sceplab.places import read_endpoints
from sceplab.remote import call, local_session

LARGEST_FILE = 1_500_000  # the server's limit too
Shown = Mapping[str, Any]


class BundleServer:
    """A running bundle server, known by the lab's endpoints.  Raises LabError."""

    def __init__(self, endpoints: Mapping[str, Any]) -> None:
        if "bundles" not in endpoints["management"]:
            raise NoLab("This lab has no bundle server.")
        self._api = endpoints["management"]["bundles"].rstrip("/") + "/api"
        self._session = local_session()

    @classmethod
    def find(cls, path: Path | None = None) -> BundleServer:
        """Find the running lab's as the commands do; NoLab when there is none."""
        return cls(read_endpoints(path))

    def __enter__(self) -> BundleServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def published(self) -> list[Shown]:
        """Return every path, with what it serves."""
        found: list[Shown] = self._call("GET", "/published")["published"]
        return found

    def bundles(self) -> list[Shown]:
        """Return every bundle, without its members."""
        found: list[Shown] = self._call("GET", "/bundles")["bundles"]
        return found

    def bundle(self, name: str) -> Shown:
        """Return one bundle with its members; Refused with the code "not-found" when there is none."""
        found: Shown = self._call("GET", f"/bundles/{quote(name, safe='')}")
        return found

    def publish(self, path: str, bundle: str, within: timedelta | None = None) -> Shown:
        """Have a path serve a bundle: now, or after so much lab time."""
        found: Shown = self._call("PUT", "/published", {"bundle": bundle, **_publishing(path, within)})
        return found

    def take_back(self, path: str) -> None:
        """Have a path serve again what the recipes say."""
        self._call("DELETE", f"/published?{urlencode({'path': path})}")

    def add_file(
        self,
        name: str,
        content: bytes,
        content_type: str,
        path: str | None = None,
        within: timedelta | None = None,
    ) -> Shown:
        """Make any file a bundle of this name, or another one of an earlier file.

        With a path, publish it there, now or after so much lab time; when that is refused, so is the file.
        """
        if len(content) > LARGEST_FILE:
            raise LabError(f"The file has {len(content)} octets: {LARGEST_FILE} are the most.")
        body = {"name": name, "content": base64.b64encode(content).decode(), "content_type": content_type}
        found: Shown = self._call("POST", "/bundles", body | (_publishing(path, within) if path else {}))
        return found

    def remove_file(self, name: str) -> None:
        """Forget such a file."""
        self._call("DELETE", f"/bundles/{quote(name, safe='')}")

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        return call(self._session, "The bundle server", method, self._api + path, body)


def _publishing(path: str, within: timedelta | None) -> dict[str, object]:
    when = {} if within is None else {"in_seconds": int(within.total_seconds())}
    return {"path": path, **when}
