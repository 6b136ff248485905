"""Kinds of typed arguments: what `?` calls them, what they accept, what value they give.

A spec names a kind after the colon: ``name:WORD``, ``text:LINE(1-80)``, ``count:1-100``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

Value = str | int


@dataclass(frozen=True)
class Kind:
    """One kind of argument.

    ``convert`` takes the operator's text and returns its value, or raises ValueError.  A kind that
    ``takes_line`` swallows the rest of the line, inner spaces included.
    """

    label: str
    convert: Callable[[str], Value]
    takes_line: bool = False


def _pattern(label: str, pattern: str) -> Kind:
    compiled = re.compile(pattern)

    def convert(text: str) -> Value:
        if not compiled.fullmatch(text):
            raise ValueError(f"{text!r} is no {label}")
        return text

    return Kind(label, convert)


def _number(low: int, high: int) -> Kind:
    def convert(text: str) -> Value:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is not in {low}..{high}")
        return int(text)

    return Kind(f"<{low}-{high}>", convert)


def _line(low: int, high: int) -> Kind:
    def convert(text: str) -> Value:
        if not low <= len(text) <= high:
            raise ValueError(f"not {low} to {high} characters")
        return text

    return Kind("LINE", convert, takes_line=True)


def _address(text: str) -> Value:
    return str(IPv4Address(text))


# A word; of several only what is looked up in a directory, whose names have spaces.
_PLACE = re.compile(r"\S{1,800}|(?=.{1,800}$)(ldap://|[^\s:/=]+ *=)\S*( +\S+)*", re.IGNORECASE)
_QUOTED = re.compile(r'"\s*(\S.*)"')


def _place(text: str) -> Value:
    """A URL, or the name of an entry in a directory; one pair of quotes around it all is left out."""
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1].rstrip()
    if not _PLACE.fullmatch(text):
        raise ValueError(f"{text!r} is no place")
    return text


_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")


def _host(text: str) -> Value:
    """An IPv4 or IPv6 address, or a name."""
    if ":" in text or not text.strip("0123456789."):
        return str(ip_address(text))
    if not _HOST_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no host")
    return text


# What stands in the place of a secret that nothing in the lab uses: it is not kept at all.
KEPT_SECRET = "******"

# Lengths from Cisco's YANG (iosxr.md 1.1): names and URLs are strings of 1 to 800 characters.
_NAMED = {
    "ADDRESS": Kind("A.B.C.D", _address),
    "HOST": Kind("WORD", _host),
    "NAME": _pattern("WORD", r"\S{1,32}"),
    "PLACE": Kind("LINE", _place, takes_line=True),
    "PATH": _pattern("WORD", r"\S{1,256}"),
    "SECRET": Kind("WORD", lambda _text: KEPT_SECRET),
    "WORD": _pattern("WORD", r"\S{1,800}"),
    "URL": _pattern("WORD", r"\S{1,800}"),
    "HOSTNAME": _pattern("WORD", r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"),
    "LINE": _line(1, 800),
}
_RANGE = re.compile(r"(\d+)-(\d+)")
_SIZED_LINE = re.compile(r"LINE\((\d+)-(\d+)\)")


def kind_named(text: str) -> Kind:
    """The kind that a spec writes as ``text``; ValueError when there is none."""
    if text in _NAMED:
        return _NAMED[text]
    if found := _RANGE.fullmatch(text):
        return _number(int(found[1]), int(found[2]))
    if found := _SIZED_LINE.fullmatch(text):
        return _line(int(found[1]), int(found[2]))
    raise ValueError(f"no kind of argument is called {text!r}")
