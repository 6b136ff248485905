"""The bundle server put together: recipes, a state folder and a clock become a shelf, and what serves it."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import certifi
from flask import Flask

from bundles.api import create_api
from bundles.domain import forms
from bundles.domain.builder import Builder
from bundles.domain.issuing import Draft, issue
from bundles.domain.reader import RecipeError
from bundles.domain.recipes import FileRecipe, KeyKind, Recipes, read_recipes
from bundles.domain.timetable import recipe_events
from bundles.faults import CATALOGUE, exposed_on
from bundles.shelf import OWNER, Shelf
from bundles.state import StateFolder
from bundles.web import create_public_app
from scep_core import certificates, names
from scep_core.algorithms import PrivateKey
from scep_core.certificates import Certificate, read_certificate
from scep_core.cms import Identity
from scep_core.csr import public_key_info
from sceplab.clock import Clock, LabClock
from sceplab.fault_http import FaultyHttp, make_faulty
from sceplab.faults import FaultBox
from sceplab.journal import Journal, Kind
from sceplab.management import Fired, Timer, create_management_app

BUILTIN = "builtin"  # the recipes that are always there, and the bundle that routers have built in
SHIPPED = (BUILTIN, "lab", "faults", "changing", "certifi")
DEFAULT = ("lab", "faults")
HTTPS_ISSUER = "lab-root-m1"  # unless told otherwise: built in, so that a fresh router can verify the server
HTTPS_KEY = "https-server"
SERVICE_NAME = "bundles"  # what containers call it


# ------------------------------------------------------------------------------------------ recipes


def load_recipes(chosen: Sequence[str]) -> tuple[Recipes, Mapping[str, Sequence[Certificate]]]:
    """The built-in recipes and the chosen ones, each the name of a shipped one or a path; RecipeError.

    Beside them, the certificates of the files that they name.
    """
    sources, folders = [], {}
    for name in (BUILTIN, *(each for each in chosen if each != BUILTIN)):
        source, text, folder = _source(name)
        sources.append((source, text))
        folders[source] = folder
    recipes = read_recipes(sources)
    files = {
        each.name: _file(each, folders[each.where.partition(": ")[0]]) for each in recipes.files.values()
    }
    return recipes, files


def _source(name: str) -> tuple[str, str, Path]:
    if name in SHIPPED:
        shipped = resources.files("bundles") / "recipes" / f"{name}.toml"
        return f"{name}.toml", shipped.read_text(encoding="utf-8"), Path()
    try:
        return name, Path(name).read_text(encoding="utf-8"), Path(name).parent
    except OSError as error:
        known = ", ".join(SHIPPED)
        raise RecipeError(f"{name}: {error.strerror}; the shipped recipes are {known}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{name}: is no UTF-8 text") from error


def _file(recipe: FileRecipe, folder: Path) -> Sequence[Certificate]:
    path = Path(certifi.where()) if recipe.path == "certifi" else folder / recipe.path
    try:
        text = path.read_text(encoding="utf-8")
        found = [read_certificate(ssl.PEM_cert_to_DER_cert(each)) for each in _pem_blocks(text)]
    except OSError as error:
        raise RecipeError(f"{recipe.where}.path: {path}: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{recipe.where}.path: {path}: {error}") from error
    if not found:
        raise RecipeError(f"{recipe.where}.path: {path}: there is no certificate in it")
    return found


def _pem_blocks(text: str) -> list[str]:
    header, footer = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return [f"{header}{rest.partition(footer)[0]}{footer}" for rest in text.split(header)[1:]]


def builtin_pem() -> bytes:
    """What the lab's routers have built in; the same for whoever asks, whenever."""
    recipes, _ = load_recipes(())

    def no_key(name: str, kind: KeyKind) -> PrivateKey:
        raise RecipeError(f"{BUILTIN}.toml: {name} has a key of its own, a {kind}, instead of a derived one")

    builder = Builder(recipes, keys=no_key, files={}, epoch=datetime.min.replace(tzinfo=UTC))
    return builder.bundle(BUILTIN).content  # the epoch is of no account: all dates are absolute


# ---------------------------------------------------------------------------------------- the parts


@dataclass(frozen=True)
class Apps:
    """What to serve, and what HTTPS shows: a file with key and certificates.

    ``slow`` is to be closed when ``public`` is served no more: it may still be at an answer.
    """

    public: Flask
    management: Flask
    slow: FaultyHttp
    https_file: Path


@dataclass(frozen=True)
class Place:
    """How clients reach the server: its HTTP address, and the names and addresses in its certificate.

    ``https_issuer`` is the recipes' name of the CA that issues this certificate.
    """

    base_url: str
    hosts: tuple[str, ...]
    https_issuer: str = HTTPS_ISSUER


def create_apps(
    folder: StateFolder,
    recipes: Recipes,
    files: Mapping[str, Sequence[Certificate]],
    place: Place,
    clock: LabClock,
) -> Apps:
    """Build the server's applications; RecipeError, StateError."""
    now = clock.now()
    epoch = folder.epoch(now)
    builder = Builder(recipes, keys=folder.key, files=files, epoch=epoch)
    shelf = Shelf(folder, builder.bundles(), recipe_events(recipes, epoch), now)
    https_issuer = _https_issuer(recipes, builder, place.https_issuer)
    journal = Journal(ManagedBundles.name, clock)
    service = ManagedBundles(shelf, clock, journal)
    box = FaultBox(CATALOGUE)
    management = create_management_app(service, clock, box, journal)
    management.register_blueprint(create_api(shelf, clock))
    server = https_identity(folder, https_issuer, place)
    public = create_public_app(shelf, {place.https_issuer: https_issuer}, clock, journal)
    return Apps(
        public=public,
        management=management,
        slow=make_faulty(public, box, journal, exposed_on(shelf, clock)),
        https_file=folder.https_file(server.key, forms.pem([server.certificate])),
    )


def _https_issuer(recipes: Recipes, builder: Builder, name: str) -> Identity:
    recipe = recipes.certificates.get(name)
    if recipe is None or not recipe.ca or recipe.count > 1:
        raise RecipeError(f"--https-issuer: the recipes have no one CA that is called {name}")
    return builder.issuer.identity(name)


def https_identity(folder: StateFolder, issuer: Identity, place: Place) -> Identity:
    """The server's own certificate; another one, with the same key, when its place has changed."""
    key = folder.key(HTTPS_KEY, KeyKind.P_256)
    name = names.build_name([[(names.ORGANIZATION, "scep-lab")], [(names.COMMON_NAME, "bundle server")]])
    crl_url = f"{place.base_url}/crl/{place.https_issuer}.crl"
    draft = Draft(
        subject=name,
        public_key_info=public_key_info(key.public_key()),
        # As long as its issuer: clients other than the lab's go by the world's time.
        not_before=issuer.certificate.not_before,
        not_after=issuer.certificate.not_after,
        extensions=(
            certificates.ext_basic_constraints(False),
            certificates.ext_key_usage("digital_signature"),
            certificates.ext_extended_key_usage(certificates.SERVER_AUTH),
            certificates.ext_subject_alt_name([_general_name(host) for host in place.hosts]),
            certificates.ext_crl_distribution_points(crl_url),
        ),
    )
    return Identity(issue(draft, issuer), key)


def _general_name(host: str) -> tuple[str, bytes]:
    try:
        return "IP", ipaddress.ip_address(host).packed
    except ValueError:
        return "DNS", host.encode("ascii")


class ManagedBundles:
    """The bundle server as its management API sees it: its timers are the switches to come."""

    name = OWNER
    is_steady = True

    def __init__(self, shelf: Shelf, clock: Clock, journal: Journal) -> None:
        self._shelf = shelf
        self._clock = clock
        self._journal = journal
        self._told = 0  # of the switches that have come, how many stand in the journal
        self._telling = threading.Lock()

    def health(self) -> Mapping[str, object]:
        """How much there is."""
        published = self._shelf.published(self._clock.now())
        return {"bundles": len(self._shelf.bundles()), "published": len(published)}

    def timers(self) -> tuple[Sequence[Timer], int]:
        """Return the switches that wait, and how many have come."""
        return self._shelf.timers(self._clock.now())

    def run_timers(self, after: int) -> Sequence[Fired]:
        """Return the switches that have come since; they need nobody to do them."""
        fired = self._shelf.fired(self._clock.now())
        with self._telling:
            for each in fired[self._told :]:
                self._journal.add(Kind.TIMER, self.name, f"{each.name} -> {each.outcome}")
            self._told = max(self._told, len(fired))
        return fired[after:]
