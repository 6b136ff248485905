"""The verdict on a chain, row by row; ``tests/vectors/chains`` says what each is made of."""

from __future__ import annotations

import pytest

from router_emu.pki.peers.validation import check_chain
from router_emu.pki.peers.verdict import Bad, CannotTell, Good
from tests.vectors.chains.rows import ROWS, scene_of


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_its_verdict(name: str) -> None:
    row, scene = scene_of(name)
    verdict = check_chain(scene.shown, row.purpose, row.at, row.trust(scene.certificates), scene.crls)
    assert row.is_answered_by(verdict), verdict
    match verdict:
        case Good(path, trust):
            assert (path, trust) == (scene.path, "lab")
        case Bad(_, why) | CannotTell(_, why):
            assert why.isprintable()
