"""Every sentence of the table is printed somewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import router_emu
from router_emu.texts import Texts

SOURCE = Path(router_emu.__file__).parent


def test_no_sentence_is_without_use() -> None:
    code = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.parent.name != "texts")
    unused = [field.name for field in fields(Texts) if not re.search(rf"\.{field.name}\b", code)]
    assert unused == []
