"""The CA's settings file: which profiles there are, and how each looks and decides.  TOML.

::

    [ndes]
    single_password = true

    [profiles.compat]
    decide = "challenge"               # issued when the challenge password is right, else queued
    challenge = "one-time"
    otherwise = "queue"

    [profiles.branch]                  # answers at /scep/branch
    like = "rfc8894"
    decide = "after-polls"
    polls = 2
    rules = [{ key_bits_below = 2048, then = "refuse", reason = "a larger key, please" }]

What is not said is as in the built-in profile of that name, or the one that ``like`` names.  A word that is
not known here is an error, and so is a value that makes no sense.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, TypeVar

from ca_server.domain.challenges import ChallengeRule, Hasher
from ca_server.domain.places import CERTIFICATE_PATH, CRL_PATH, PointKind
from ca_server.domain.policy import (
    Decide,
    Decision,
    Issue,
    Otherwise,
    Policy,
    Queue,
    Refuse,
    Renewals,
    Rule,
)
from ca_server.domain.profiles import BUILT_IN, NDES, Profile, Profiles
from ca_server.ndes_admin import NdesAdminSettings
from scep_core import certificates
from scep_core.values import LEGACY, MODERN, FailInfo
from sceplab.durations import parse_duration

E = TypeVar("E", bound=StrEnum)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*)){1,30}")
_TAKEN = (f"{CRL_PATH}/", f"{CERTIFICATE_PATH}/", "/revoke")
# The names that OpenSSL has for them.
PURPOSES = {
    "serverAuth": certificates.SERVER_AUTH,
    "clientAuth": certificates.CLIENT_AUTH,
    "ipsecIKE": certificates.IPSEC_IKE,
    "iKEIntermediate": certificates.IKE_INTERMEDIATE,
}


class SettingsError(Exception):
    """The settings cannot be used; the text says where and why."""


class _Reader:
    """Reads the values of one table, each by its kind; ``done`` finds what nobody has asked for."""

    def __init__(self, where: str, table: object) -> None:
        if not isinstance(table, Mapping):
            raise SettingsError(f"{where} is a table")
        self._where = where
        self._left = dict(table)

    def error(self, key: str, why: str) -> SettingsError:
        return SettingsError(f"{self._where}.{key}: {why}")

    def take(self, key: str, read: Callable[[Any], Any], default: Any) -> Any:
        """The value of ``key`` as ``read`` makes it; ValueError in there is told with the place."""
        if key not in self._left:
            return default
        try:
            return read(self._left.pop(key))
        except ValueError as error:
            raise self.error(key, str(error)) from error

    def done(self) -> None:
        """Raise SettingsError when there is something that nobody has asked for."""
        if self._left:
            raise SettingsError(f"{self._where} has no setting {min(self._left)!r}")


@dataclass(frozen=True)
class Settings:
    """What a settings file says."""

    profiles: Profiles
    ndes: NdesAdminSettings


def read_settings(
    text: str,
    hasher: Hasher,
    defaults: Mapping[str, Any] | None = None,
    static_challenge: str | None = None,
    *,
    has_directory: bool = False,
) -> Settings:
    """Read a settings file's text; SettingsError.

    ``defaults`` are settings for all profiles, such as those of the command line; the file's word counts
    more.  ``static_challenge`` is for those that ask for a static one and name none.  Without
    ``has_directory`` there is no built-in profile whose certificates name the directory alone.
    """
    shared = () if static_challenge is None else (hasher.digest(static_challenge),)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not TOML: {error}") from error
    top = _Reader("settings", document)
    tables = top.take("profiles", _table, {})
    ndes = _ndes(top.take("ndes", _table, {}))
    top.done()
    built_in = {each.name: each for each in BUILT_IN}
    if ndes.single_password:
        single = hasher.digest(hasher.single_password())
        policy = replace(NDES.policy, challenge=ChallengeRule.STATIC, static_challenges=(single,))
        built_in[NDES.name] = replace(NDES, policy=policy)
    made = []
    for name in (*built_in, *(each for each in tables if each not in built_in)):
        said = dict(_table(tables.get(name, {})))
        if not _Reader(f"profiles.{name}", said).take("enabled", _yes_or_no, True):
            continue
        said.pop("enabled", None)
        general = dict(defaults or {})
        if ndes.single_password and name == NDES.name:
            general.pop("challenge", None)  # or its page would show a password that nobody asks for
        profile = _profile(name, general | said, built_in, hasher, shared)
        if not has_directory and set(profile.policy.terms.distribution_points) == {PointKind.LDAP}:
            if name not in tables:
                continue
            raise SettingsError(f'profiles.{name}.distribution_points: "ldap" alone goes with --ldap-url')
        made.append(profile)
    try:
        return Settings(Profiles(made), ndes)
    except ValueError as error:
        raise SettingsError(f"settings.profiles: {error}") from error


def _ndes(table: Mapping[str, Any]) -> NdesAdminSettings:
    reader, base = _Reader("ndes", table), NdesAdminSettings()
    settings = NdesAdminSettings(
        utf16=reader.take("utf16", _yes_or_no, base.utf16),
        single_password=reader.take("single_password", _yes_or_no, base.single_password),
    )
    reader.done()
    return settings


def _profile(
    name: str,
    table: Mapping[str, Any],
    built_in: Mapping[str, Profile],
    hasher: Hasher,
    shared: tuple[bytes, ...],
) -> Profile:
    where = f"profiles.{name}"
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{where}: a profile's name is of a-z, 0-9 and -")
    reader = _Reader(where, table)
    like = reader.take("like", _one_of(built_in), name if name in built_in else "compat")
    base = built_in[like] if like == name else replace(built_in[like], paths=())
    profile = replace(
        base,
        name=name,
        capabilities=reader.take("capabilities", _words, base.capabilities),
        ra_mode=reader.take("ra_mode", _yes_or_no, base.ra_mode),
        algorithms=reader.take("legacy_algorithms", _algorithms, base.algorithms),
        tells_next_ca=reader.take("tells_next_ca", _yes_or_no, base.tells_next_ca),
        paths=reader.take("paths", _paths, base.paths),
        policy=_policy(reader, base.policy, hasher, shared),
    )
    reader.done()
    return profile


def _policy(reader: _Reader, base: Policy, hasher: Hasher, shared: tuple[bytes, ...]) -> Policy:
    def digests(value: Any) -> tuple[bytes, ...]:
        return tuple(hasher.digest(each) for each in _texts(value))

    terms = replace(
        base.terms,
        lifetime=reader.take("certificate_days", _days, base.terms.lifetime),
        purposes=reader.take("extended_key_usages", _purposes, base.terms.purposes),
        unique_subjects=reader.take("unique_subjects", _yes_or_no, base.terms.unique_subjects),
        distribution_points=reader.take("distribution_points", _points, base.terms.distribution_points),
    )
    challenge = reader.take("challenge", _word(ChallengeRule), base.challenge)
    given = reader.take("static_challenges", digests, None)
    if given is not None and challenge is not ChallengeRule.STATIC:
        raise reader.error("static_challenges", 'goes with "challenge" = "static" alone')
    policy = replace(
        base,
        decide=reader.take("decide", _word(Decide), base.decide),
        polls=reader.take("polls", _count, base.polls),
        after=reader.take("after", lambda value: parse_duration(_text(value)), base.after),
        challenge=challenge,
        static_challenges=given
        or base.static_challenges
        or (shared if challenge is ChallengeRule.STATIC else ()),
        otherwise=reader.take("otherwise", _word(Otherwise), base.otherwise),
        bad_challenge=reader.take("bad_challenge", _fail_info, base.bad_challenge),
        renewals=reader.take("renewals", _word(Renewals), base.renewals),
        rules=reader.take("rules", _rules, base.rules),
        terms=terms,
        own_key_only=reader.take("own_key_only", _yes_or_no, base.own_key_only),
        clock_skew=reader.take("clock_skew", _skew, base.clock_skew),
    )
    if policy.decide is Decide.CHALLENGE and policy.challenge is ChallengeRule.IGNORED:
        raise reader.error("decide", 'goes with another "challenge" (or --challenge) than "ignored"')
    if policy.challenge is ChallengeRule.STATIC and not policy.static_challenges:
        raise reader.error(
            "challenge", '"static" goes with "static_challenges" or SCEPLAB_CA_STATIC_CHALLENGE'
        )
    return policy


def _rules(value: Any) -> tuple[Rule, ...]:
    return tuple(_rule(f"rules[{number}]", each) for number, each in enumerate(_list(value), 1))


def _rule(where: str, table: Any) -> Rule:
    reader = _Reader(where, table)
    reason = reader.take("reason", _text, "refused by a rule of this CA")
    then: dict[str, Decision] = {
        "issue": Issue(),
        "queue": Queue(),
        "refuse": Refuse(FailInfo.BAD_REQUEST, reason),
    }
    rule = Rule(
        then=then[reader.take("then", _one_of(then), "refuse")],
        subject=reader.take("subject", _text, None),
        name=reader.take("name", _text, None),
        key_bits_below=reader.take("key_bits_below", _count, None),
        key_bits_above=reader.take("key_bits_above", _count, None),
        source=reader.take("source", lambda value: ip_network(_text(value), strict=False), None),
    )
    reader.done()
    return rule


# ---------------------------------------------------------------------------------- kinds of values


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a table is needed")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a list is needed")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is needed")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(value))


def _words(value: Any) -> tuple[str, ...]:
    words = _texts(value)
    if not all(each.isascii() and each.isprintable() and " " not in each for each in words):
        raise ValueError("words without spaces")
    return words


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number from 1 on")
    return value


def _days(value: Any) -> timedelta:
    if _count(value) > 3650:
        raise ValueError("up to 3650 days")
    return timedelta(days=value)


def _one_of(words: Iterable[str]) -> Callable[[Any], str]:
    known = tuple(words)

    def read(value: Any) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return str(value)

    return read


def _word(kind: type[E]) -> Callable[[Any], E]:
    read = _one_of(map(str, kind))
    return lambda value: kind(read(value))


def _fail_info(value: Any) -> FailInfo:
    named = {each.rfc_name: each for each in FailInfo}
    return named[_one_of(named)(value)]


def _algorithms(value: Any) -> Any:
    return LEGACY if _yes_or_no(value) else MODERN


def _skew(value: Any) -> timedelta | None:
    return None if value is False else parse_duration(_text(value))


def _paths(value: Any) -> tuple[str, ...]:
    paths = tuple(each.lower().rstrip("/") for each in _texts(value))
    if not all(each.startswith("/") for each in paths):
        raise ValueError("a path begins with /")
    if any(each.startswith(_TAKEN) for each in paths):
        raise ValueError(f"below {', '.join(_TAKEN)} something else is")
    return paths


def _points(value: Any) -> tuple[PointKind, ...]:
    points = tuple(map(_word(PointKind), _texts(value)))
    if not points:
        raise ValueError("at least one")
    if len(set(points)) < len(points):
        raise ValueError("each one once")
    return points


def _purposes(value: Any) -> tuple[str, ...]:
    purposes = tuple(PURPOSES.get(each, each) for each in _texts(value))
    if not all(map(_OID.fullmatch, purposes)):
        raise ValueError(f"each one of {', '.join(PURPOSES)}, or an OID")
    return purposes
