"""Instants as the router prints them.  All are aware, in UTC."""

from __future__ import annotations

from datetime import datetime


def stamp(instant: datetime) -> str:
    """The line before a command's output, `Mon Mar  6 05:28:57.184 UTC` (iosxr.md 3.2 [T])."""
    return f"{instant:%a %b} {instant.day:2d} {instant:%H:%M:%S}.{_milliseconds(instant)} UTC"


def clock(instant: datetime) -> str:
    """`show clock`, `05:28:57.184 UTC Mon Mar 06 2017`: the order of `Created` with milliseconds [U]."""
    return f"{instant:%H:%M:%S}.{_milliseconds(instant)} UTC {instant:%a %b %d %Y}"


def long(instant: datetime) -> str:
    """Validity and creation, `17:33:23 UTC Thu Sep 18 2003` (the chapter, [T])."""
    return f"{instant:%H:%M:%S} UTC {instant:%a %b %d %Y}"


def change(instant: datetime) -> str:
    """Commits and configuration sessions, `Tue Jun  7 14:42:19 2016` (iosxr.md 3.4 [T])."""
    return f"{instant:%a %b} {instant.day:2d} {instant:%H:%M:%S %Y}"


def syslog(instant: datetime, *, year: bool = False) -> str:
    """`Sep 25 23:25:30.045 UTC`; with the year `2024 Jun 27 23:14:49.708 UTC` (iosxr.md 1.7 [T])."""
    before = f"{instant:%Y} " if year else ""
    return f"{before}{instant:%b} {instant.day:2d} {instant:%H:%M:%S}.{_milliseconds(instant)} UTC"


def _milliseconds(instant: datetime) -> str:
    return f"{instant.microsecond // 1000:03d}"
