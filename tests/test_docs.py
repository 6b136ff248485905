"""What the documents say is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from sceplab.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# A command in a code span or after a prompt: its words, and the options on the same line.
SCEPLAB = re.compile(r"(?:`|bin/|\$ )sceplab ([a-z]+)(?: ([a-z-]+))?([^`\n]*)")
OPTION = re.compile(r"(--[a-z0-9-]+)")
MAKE = re.compile(r"(?:`|\$ )make ([a-z-]+)")
PLACE = re.compile(r"`((?:scep_core|ca_server|router_emu|sceplab|bundles|ldap_mock|tests|docs)/[\w./]*)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
VARIABLE = re.compile(r"\bSCEPLAB_[A-Z_]+\b")

by_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_those_of_the_code() -> None:
    generator = _generator()
    for name, make in generator.FILES.items():
        assert (ROOT / "docs" / "generated" / name).read_text(encoding="utf-8") == make(), "run: make docs"


@by_document
def test_commands_exist(document: Path) -> None:
    for first, second, rest in SCEPLAB.findall(document.read_text(encoding="utf-8")):
        assert first in main.commands, first
        command = main.commands[first]
        if isinstance(command, click.Group) and second:
            assert second in command.commands, f"{first} {second}"
            command = command.commands[second]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for option in OPTION.findall(f"{second} {rest}"):
            assert option in known, f"{first} {second} {option}"


@by_document
def test_make_targets_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in MAKE.findall(document.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@by_document
def test_places_and_links_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for place in PLACE.findall(text):
        assert (ROOT / place).exists(), place
    for link in LINK.findall(text):
        assert (document.parent / link).exists(), link


@by_document
def test_variables_exist(document: Path) -> None:
    folders = ("sceplab", "ca_server", "router_emu", "bundles", "ldap_mock", "tests")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    paths += [ROOT / "docker-compose.yml"]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    for variable in VARIABLE.findall(document.read_text(encoding="utf-8")):
        assert variable.removesuffix("_FILE") in sources, variable  # a secret may come from a file
