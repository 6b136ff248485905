"""Recipes: which certificates there are and which bundles hold them.  TOML, for people to read and change.

::

    [certificates.branch-root]
    subject = "CN=Branch Root,O=Example"      # as RFC 4514 prints it
    key = "rsa-2048"                          # rsa-3072, rsa-4096, p-256, p-384, derived
    from = "-10y"                             # before the lab's epoch: when the server first started
    until = "+18d"

    [bundles.branch]
    certificates = ["branch-root"]
    form = "pkcs7"                            # pkcs7-pem, pkcs7-ber, pem, pem-annotated, der
    signer = "lab-bundle-signer"              # without it: a bag that nobody has signed
    paths = ["/branch.p7b"]
    switch = [{ at = "+25d", to = "other" }]  # then its paths serve another bundle

docs/bundles.md tells all keys.  Several files make one set, in which every name and path stands once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bundles.domain import reader
from bundles.domain.reader import NAME, Reader, RecipeError, When
from scep_core import names
from scep_core.values import Digest

MOST_COPIES = 1000
DIGESTS = ("sha1", "sha256", "sha384", "sha512")  # there is no ECDSA with MD5


class KeyKind(StrEnum):
    """The kinds of key that the server makes and keeps."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    P_256 = "p-256"
    P_384 = "p-384"


@dataclass(frozen=True)
class Derived:
    """A P-256 key that anybody can compute from a text in the recipe: the same for whoever builds it."""

    seed: str


@dataclass(frozen=True)
class SameAs:
    """Another certificate's key: that CA, reissued."""

    name: str


Key = KeyKind | Derived | SameAs


@dataclass(frozen=True)
class CertificateRecipe:
    """One certificate, or ``count`` with one key, ``{number}`` in the subject telling them apart.

    ``issuer`` is the name of another recipe, None for a self-signed one.
    """

    name: str
    where: str
    subject: str
    key: Key
    not_before: When
    not_after: When
    issuer: str | None = None
    ca: bool = True
    serial_number: int | None = None
    digest: Digest = Digest.SHA256
    count: int = 1

    def subject_der(self, number: int) -> bytes:
        """The subject of the copy with this number; as RFC 4514 writes names, the last RDN stands first."""
        return names.build_name(names.parse_text(self.subject.replace("{number}", str(number)))[::-1])


class Form(StrEnum):
    """How a bundle is written."""

    PKCS7 = "pkcs7"
    PKCS7_PEM = "pkcs7-pem"
    PKCS7_BER = "pkcs7-ber"
    PEM = "pem"
    PEM_ANNOTATED = "pem-annotated"
    DER = "der"

    @property
    def is_pkcs7(self) -> bool:
        """Whether it can be signed."""
        return self.startswith("pkcs7")


class Fault(StrEnum):
    """What is done to a bundle after it was made."""

    BROKEN_SIGNATURE = "broken-signature"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    HTML = "html"


@dataclass(frozen=True)
class Switch:
    """At that instant a bundle's paths begin to serve another bundle."""

    at: When
    to: str


@dataclass(frozen=True)
class BundleRecipe:
    """One bundle; ``certificates`` are names of certificates or of files, in their order."""

    name: str
    where: str
    title: str
    certificates: tuple[str, ...]
    form: Form
    signer: str | None
    fault: Fault | None
    content_type: str
    comment: str
    paths: tuple[str, ...]
    switches: tuple[Switch, ...]


@dataclass(frozen=True)
class FileRecipe:
    """Certificates out of a PEM file: ``certifi``'s, or one beside the recipe."""

    name: str
    where: str
    path: str


@dataclass(frozen=True)
class Recipes:
    """All that the recipes of a server say, by name, in their order."""

    certificates: Mapping[str, CertificateRecipe]
    files: Mapping[str, FileRecipe]
    bundles: Mapping[str, BundleRecipe]


# What Apache's mime.types has for .p7b, and what is usual for .pem.
_TYPE_PKCS7 = "application/x-pkcs7-certificates"
_TYPE_PEM = "application/x-pem-file"
_TYPES = {
    Form.PKCS7: _TYPE_PKCS7,
    Form.PKCS7_BER: _TYPE_PKCS7,
    Form.PKCS7_PEM: _TYPE_PEM,
    Form.PEM: _TYPE_PEM,
    Form.PEM_ANNOTATED: _TYPE_PEM,
    Form.DER: "application/pkix-cert",  # RFC 2585 section 4.1
}


def read_recipes(sources: Iterable[tuple[str, str]]) -> Recipes:
    """The recipes of these files, each (what to call it in errors, its text); RecipeError."""
    certificates: dict[str, CertificateRecipe] = {}
    files: dict[str, FileRecipe] = {}
    bundles: dict[str, BundleRecipe] = {}
    for source, text in sources:
        try:
            top = Reader(source, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"{source}: {error}") from error
        except RecursionError:
            raise RecipeError(f"{source}: is nested too deeply") from None
        seed = top.take("seed", reader.text)
        for name, where, table in _things(source, "certificates", top, {*certificates, *files}):
            certificates[name] = _certificate(name, Reader(where, table), seed)
        for name, where, table in _things(source, "files", top, {*certificates, *files}):
            files[name] = _file(name, Reader(where, table))
        for name, where, table in _things(source, "bundles", top, set(bundles)):
            bundles[name] = _bundle(name, Reader(where, table), bundles)
        top.done()
    recipes = Recipes(certificates, files, bundles)
    _check(recipes)
    return recipes


def _things(source: str, kind: str, top: Reader, taken: set[str]) -> Iterable[tuple[str, str, object]]:
    for name, table in (top.take(kind, _table) or {}).items():
        where = f"{source}: {kind}.{name}"
        if not NAME.fullmatch(name):
            raise RecipeError(f"{where}: a name is made of small letters, digits and hyphens")
        if name in taken:
            raise RecipeError(f"{where}: this name is taken")
        yield name, where, table


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError("a table is needed")
    return value


def _certificate(name: str, table: Reader, seed: str | None) -> CertificateRecipe:
    made = CertificateRecipe(
        name=name,
        where=table.where,
        subject=table.demand("subject", _subject),
        key=_key(table, seed),
        not_before=table.demand("from", reader.when),
        not_after=table.demand("until", reader.when),
        issuer=table.take("issuer", reader.text),
        ca=table.take("ca", reader.yes_or_no) is not False,
        serial_number=table.take("serial", _serial_number),
        digest=Digest(table.take("digest", reader.one_of(DIGESTS)) or Digest.SHA256),
        count=table.take("count", reader.count(MOST_COPIES)) or 1,
    )
    if made.count > 1 and "{number}" not in made.subject:
        raise table.error("subject", "several certificates need {number} in it")
    if made.count > 1 and made.serial_number is not None:
        raise table.error("serial", "goes without count")
    if type(made.not_before) is type(made.not_after) and made.not_before > made.not_after:  # type: ignore[operator]
        raise table.error("until", "is before from")
    table.done()
    return made


def _key(table: Reader, seed: str | None) -> Key:
    same = table.take("key_of", reader.text)
    if same is not None:
        if table.take("key", reader.text) is not None:
            raise table.error("key_of", "goes without key")
        return SameAs(same)
    kind = table.demand("key", reader.one_of([*map(str, KeyKind), "derived"]))
    if kind != "derived":
        return KeyKind(kind)
    if seed is None:
        raise table.error("key", '"derived" needs a seed at the top of the file')
    return Derived(seed)


def _subject(value: object) -> str:
    subject = reader.text(value)
    values = (value for rdn in names.parse_text(subject) for _, value in rdn)
    if any(character < " " or character == "\x7f" for value in values for character in value):
        raise ValueError("a name has no control characters")
    return subject


def _serial_number(value: object) -> int:
    try:
        number = int(reader.text(value).replace(":", ""), 16)
    except ValueError:
        raise ValueError("a serial number is a text in hexadecimal") from None
    if not 0 < number < 1 << 159:
        raise ValueError("a serial number is positive and has at most 20 octets (RFC 5280)")
    return number


def _file(name: str, table: Reader) -> FileRecipe:
    made = FileRecipe(name, table.where, table.demand("path", reader.text))
    table.done()
    return made


def _bundle(name: str, table: Reader, earlier: Mapping[str, BundleRecipe]) -> BundleRecipe:
    liked = table.take("like", reader.one_of(earlier))
    base = earlier[liked] if liked else None
    certificates = table.take("certificates", reader.texts)
    if certificates is None:
        certificates = base.certificates if base else table.demand("certificates", reader.texts)
    form = table.take("form", reader.word(Form)) or (base.form if base else Form.PKCS7)
    signer = table.take("signer", reader.text)
    if signer is not None and not form.is_pkcs7:
        raise table.error("signer", f"nobody signs {form}")
    if signer is None and base and form.is_pkcs7:
        signer = base.signer
    if table.take("signed", reader.yes_or_no) is False:
        signer = None
    made = BundleRecipe(
        name=name,
        where=table.where,
        title=table.take("title", reader.text) or name,
        certificates=certificates,
        form=form,
        signer=signer,
        fault=table.take("fault", reader.word(Fault)),
        content_type=table.take("content_type", reader.header_value) or _TYPES[form],
        comment=table.take("comment", reader.text) or "",
        paths=table.take("paths", reader.paths) or (),
        switches=_switches(table),
    )
    if made.comment and form not in (Form.PEM, Form.PEM_ANNOTATED):
        raise table.error("comment", f"there is no place for one in {form}")
    if made.fault is Fault.BROKEN_SIGNATURE and made.signer is None:
        raise table.error("fault", "a signature is broken where there is a signer")
    table.done()
    return made


def _switches(table: Reader) -> tuple[Switch, ...]:
    found = []
    for number, each in enumerate(table.take("switch", _list) or (), 1):
        inner = Reader(f"{table.where}.switch[{number}]", each)
        found.append(Switch(inner.demand("at", reader.when), inner.demand("to", reader.text)))
        inner.done()
    return tuple(found)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("a list is needed")
    return value


# -------------------------------------------------------------------------------- what names what


def _check(recipes: Recipes) -> None:
    """RecipeError when a name is nobody's, a chain has no end, or a path is published twice."""
    for each in recipes.certificates.values():
        _follow(each, recipes.certificates)
    members = {*recipes.certificates, *recipes.files}
    takers: dict[str, str] = {}
    for bundle in recipes.bundles.values():
        for name in bundle.certificates:
            if name not in members:
                raise RecipeError(f"{bundle.where}.certificates: there is no certificate {name!r}")
        if bundle.signer is not None:
            _single(bundle.signer, recipes.certificates, f"{bundle.where}.signer")
        for switch in bundle.switches:
            if switch.to not in recipes.bundles:
                raise RecipeError(f"{bundle.where}.switch: there is no bundle {switch.to!r}")
        for path in bundle.paths:
            if path in takers:
                raise RecipeError(f"{bundle.where}.paths: {path} is where {takers[path]} is")
            takers[path] = bundle.name


def _follow(recipe: CertificateRecipe, known: Mapping[str, CertificateRecipe]) -> None:
    """Go from a certificate to all whose keys it needs."""
    seen, left = set(), [recipe]
    while left:
        each = left.pop()
        seen.add(each.name)
        named = [("issuer", each.issuer)] if each.issuer else []
        named += [("key_of", each.key.name)] if isinstance(each.key, SameAs) else []
        for key, name in named:
            found = _single(name, known, f"{each.where}.{key}")
            if found.name == recipe.name:
                raise RecipeError(f"{each.where}.{key}: this leads back to {recipe.name!r}")
            if found.name not in seen:
                left.append(found)


def _single(name: str, known: Mapping[str, CertificateRecipe], where: str) -> CertificateRecipe:
    found = known.get(name)
    if found is None:
        raise RecipeError(f"{where}: there is no certificate {name!r}")
    if found.count > 1:
        raise RecipeError(f"{where}: {name!r} is several certificates")
    return found
