"""Bundles from recipes: certificates, brought into a form, and then perhaps spoilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from bundles.domain import forms
from bundles.domain.issuing import Issuer, KeySource
from bundles.domain.reader import RecipeError
from bundles.domain.recipes import BundleRecipe, Fault, Form, Recipes
from scep_core.certificates import Certificate
from scep_core.cms import Identity

_HTML = b"""<!doctype html>
<html lang="en">
<title>Sign in</title>
<h1>Sign in</h1>
<p>What a portal answers in place of the file that was asked for.
</html>
"""


@dataclass(frozen=True)
class Bundle:
    """What is served: octets and their media type, with what is known of them.

    ``form`` is "file" for one that an operator has brought; then nothing is known of its certificates.
    """

    name: str
    title: str
    content: bytes
    content_type: str
    form: str
    signer: Certificate | None = None
    fault: str | None = None
    certificates: tuple[Certificate, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return sha256(self.content).hexdigest()


class Builder:
    """Builds bundles; ``files`` are the certificates of each file that the recipes name."""

    def __init__(
        self,
        recipes: Recipes,
        *,
        keys: KeySource,
        files: Mapping[str, Sequence[Certificate]],
        epoch: datetime,
    ) -> None:
        self._recipes = recipes
        self._files = files
        self.issuer = Issuer(recipes.certificates, keys, epoch)

    def bundles(self) -> dict[str, Bundle]:
        """All of them, by name."""
        return {name: self.bundle(name) for name in self._recipes.bundles}

    def bundle(self, name: str) -> Bundle:
        """One of them; RecipeError when it cannot be made."""
        recipe = self._recipes.bundles[name]
        certificates = tuple(each for member in recipe.certificates for each in self._members(member))
        if recipe.form is Form.DER and len(certificates) != 1:
            raise RecipeError(f"{recipe.where}.form: der is one certificate, not {len(certificates)}")
        signer = self.issuer.identity(recipe.signer) if recipe.signer else None
        return Bundle(
            name=name,
            title=recipe.title,
            content=_content(recipe, certificates, signer),
            content_type=recipe.content_type,
            form=str(recipe.form),
            signer=signer.certificate if signer else None,
            fault=str(recipe.fault) if recipe.fault else None,
            certificates=certificates,
        )

    def _members(self, name: str) -> Sequence[Certificate]:
        if name in self._files:
            return self._files[name]
        return [each.certificate for each in self.issuer.identities(name)]


def _content(recipe: BundleRecipe, certificates: Sequence[Certificate], signer: Identity | None) -> bytes:
    match recipe.fault:
        case Fault.EMPTY:
            return b""
        case Fault.HTML:
            return _HTML
    der = forms.pkcs7(certificates, signer) if recipe.form.is_pkcs7 else b""
    if recipe.fault is Fault.BROKEN_SIGNATURE:
        # The signature's last octet is the last of all.
        der = der[:-1] + bytes([der[-1] ^ 1])
    content = _in_form(recipe, certificates, der)
    return content[: len(content) * 2 // 3] if recipe.fault is Fault.TRUNCATED else content


def _in_form(recipe: BundleRecipe, certificates: Sequence[Certificate], der: bytes) -> bytes:
    match recipe.form:
        case Form.PKCS7:
            return der
        case Form.PKCS7_BER:
            return forms.ber(der)
        case Form.PKCS7_PEM:
            return forms.armoured("PKCS7", der).encode()
        case Form.PEM:
            return forms.pem(certificates, recipe.comment).encode()
        case Form.PEM_ANNOTATED:
            return forms.annotated(certificates, recipe.comment).encode()
        case Form.DER:
            return certificates[0].der
