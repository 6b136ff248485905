"""Every row, and its scene, which is made once."""

from __future__ import annotations

from functools import cache

from tests.vectors.chains import rows_paths, rows_policies, rows_purposes, rows_revocation, rows_rules
from tests.vectors.chains.builder import Scene
from tests.vectors.chains.recipe import Row

ROWS = {
    each.name: each
    for each in (
        *rows_rules.ROWS,
        *rows_policies.ROWS,
        *rows_paths.ROWS,
        *rows_revocation.ROWS,
        *rows_purposes.ROWS,
    )
}


@cache
def scene_of(name: str) -> tuple[Row, Scene]:
    """A row and what it is made into."""
    return ROWS[name], Scene(ROWS[name])
