"""Asking the CA over HTTP what it publishes.

Each thing is asked for every time, and comes only when it has changed (RFC 9110 section 13.1.2): nobody else
can tell how old a copy may be, since a lab's clock jumps.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from ldap_mock.dn import parse_dn
from ldap_mock.kept import Issued
from ldap_mock.published import PublishedCa
from sceplab.remote import local_session

ANSWER_SECONDS = 20.0  # for all that is asked, unless there is another limit
AGENT = "scep-lab-directory"  # the CA's journal leaves out what is asked under this name at each search
MAX_OCTETS = 64 * 1024 * 1024
MAX_CAS = 1000
INDEX, ISSUED = "/ca/index.json", "/ca/issued.json"
CHAIN = "/ca/chain.pem"  # the CA that issues now, and its root
_PIECE = 256 * 1024
# What JSON of another shape leads to.
_WRONG = (LookupError, TypeError, AttributeError, ValueError, RecursionError)


class NotAnswered(Exception):
    """The CA cannot be asked, or what it says makes no sense; the text says why."""


class TooSlow(NotAnswered):
    """The CA has not answered in time."""


class _Missing(NotAnswered):
    """The CA has no such thing."""


class _Answer(NamedTuple):
    status: int
    tag: str
    content: bytes


class AskedCa:
    """A CA, by the URLs of its SCEP port and of its management port.  Not for several threads at a time."""

    def __init__(self, url: str, management_url: str) -> None:
        self.url, self._management_url = url.rstrip("/"), management_url.rstrip("/")
        self._session = local_session()
        self._session.headers["User-Agent"] = AGENT
        self._held: dict[str, tuple[str, bytes]] = {}  # by URL: the ETag, and what it is of
        self.limit(ANSWER_SECONDS)

    def limit(self, seconds: float) -> None:
        """What is asked from now on must be answered within so many seconds, all of it together."""
        self._deadline = time.monotonic() + seconds

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def cas(self) -> tuple[tuple[PublishedCa, ...], int]:
        """The CAs, from old to new, and the number of the last certificate issued; NotAnswered."""
        try:
            index = json.loads(self._get(INDEX))
            named, last = index["cas"][:MAX_CAS], int(index["issued"])
            chain = self._get(CHAIN).decode("ascii") if len(named) > 1 else None
            return tuple(self._ca(each, chain) for each in named), last
        except _WRONG as error:
            raise NotAnswered(f"{self.url}{INDEX} makes no sense: {error!r}") from error

    def _ca(self, named: Mapping[str, str], chain: str | None) -> PublishedCa:
        certificate = self._get(named["certificate"])
        try:
            crl: bytes | None = self.crl(named["name"], "normal")
        except _Missing:
            crl = None
        return PublishedCa(
            name=named["name"],
            dn=parse_dn(named["dn"]),
            cdp_dn=parse_dn(named["cdp_dn"]),
            aia_dn=parse_dn(named["aia_dn"]),
            certificate=certificate,
            crl=crl,
            current=chain is None or ssl.DER_cert_to_PEM_cert(certificate) in chain,
        )

    def issued(self, after: int) -> tuple[list[Issued], bool]:
        """The next certificates after that number, and whether there are more; NotAnswered."""
        url = f"{self.url}{ISSUED}?after={after}"
        try:
            answer = json.loads(self._fetch(url).content)
            page = [_issued(each) for each in answer["issued"]]
            numbers = [after, *(number for number, _ in page)]
            if numbers != sorted(set(numbers)):
                raise ValueError("the numbers do not ascend")
            return page, bool(page and answer["more"])
        except _WRONG as error:
            raise NotAnswered(f"{url} makes no sense: {error!r}") from error

    def crl(self, name: str, how: str) -> bytes:
        """The CRL of the CA of this name, ``how`` the CA makes it: ``normal``, ``expired``...; NotAnswered.

        From the management port, for what the CA serves elsewhere may be spoilt on purpose, and a directory
        has faults of its own.
        """
        return self._held_or_new(f"{self._management_url}/_lab/crl/{quote(name, safe='')}.crl?as={how}")

    def _get(self, path: str) -> bytes:
        """What is at a path of the SCEP port."""
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is no path")
        return self._held_or_new(self.url + path)

    def _held_or_new(self, url: str) -> bytes:
        """What is there; the same object for as long as it does not change."""
        tag, content = self._held.get(url, ("", b""))
        answer = self._fetch(url, tag)
        if answer.status == 304:
            return content
        self._held[url] = (answer.tag, answer.content)
        return answer.content

    def _fetch(self, url: str, tag: str = "") -> _Answer:
        """Ask once; NotAnswered, TooSlow, _Missing."""
        headers = {"Accept-Encoding": "identity"} | ({"If-None-Match": tag} if tag else {})
        try:
            with self._session.get(
                url, headers=headers, timeout=self._left(url), stream=True, allow_redirects=False
            ) as answer:
                content = bytearray()
                while piece := answer.raw.read1(_PIECE):  # read() waits until a piece is full
                    content += piece
                    if len(content) > MAX_OCTETS:
                        raise NotAnswered(f"{url} is too large")
                    self._left(url)
        except (requests.Timeout, ReadTimeoutError) as error:
            raise TooSlow(f"{url}: {type(error).__name__}") from error
        except (requests.RequestException, HTTPError) as error:
            raise NotAnswered(f"{url}: {type(error).__name__}") from error
        if answer.status_code == 404:
            raise _Missing(f"{url}: 404")
        if answer.status_code != 200 and not (tag and answer.status_code == 304):
            raise NotAnswered(f"{url}: {answer.status_code}")
        return _Answer(answer.status_code, answer.headers.get("ETag", ""), bytes(content))

    def _left(self, url: str) -> float:
        """The seconds that are left; TooSlow when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TooSlow(f"{url}: it takes too long")
        return left


def _issued(said: Mapping[str, Any]) -> Issued:
    return int(said["sequence"]), base64.b64decode(said["certificate"], validate=True)
