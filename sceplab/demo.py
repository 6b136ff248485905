"""The stories that ``sceplab demo`` plays on a lab of its own, each step shown and checked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sceplab import story_approval, story_revocation, story_trustpool
from sceplab.clock import ClockState
from sceplab.errors import LabError
from sceplab.files import write_json
from sceplab.ports import AUTO_PORTS
from sceplab.stage import Stage
from sceplab.supervisor import Settings, Supervisor, running_lab


@dataclass(frozen=True)
class Story:
    """A story, and the lab that it needs; its clock stands still, at ``clock`` when that is given."""

    play: Callable[[Stage, Supervisor], None]
    routers: tuple[str, ...]
    clock: ClockState | None = None
    https_issuer: str | None = None


STORIES = {
    "pending-approval": Story(story_approval.play, ("r1", "r2", "r3")),
    "trustpool": Story(
        story_trustpool.play,
        ("r1",),
        ClockState("frozen", frozen_at=story_trustpool.START),
        story_trustpool.HTTPS_ISSUER,
    ),
    "revocation": Story(
        story_revocation.play, ("r1", "r2"), ClockState("frozen", frozen_at=story_revocation.START)
    ),
}


def play(name: str) -> None:
    """Play a story on a new lab; LabError when a step is not what it should be."""
    stage, story = Stage(), STORIES[name]
    folder = Path(tempfile.mkdtemp(prefix="sceplab-demo-"))
    settings = Settings(
        state=folder, ports=AUTO_PORTS, routers=story.routers, frozen=True, https_issuer=story.https_issuer
    )
    if story.clock is not None:
        write_json(settings.clock_file, story.clock.to_json())
    stage.title(f"A lab of its own for the story {name!r}, on free ports, its clock stopped")
    try:
        with running_lab(settings) as running:
            story.play(stage, running)
    except LabError as error:
        raise LabError(f"{error}\nThe lab's state and logs are kept in {folder}.") from error
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    stage.title("Done.  All steps were as they should be.")
    stage.say("To keep a lab up, with routers r1 and r2, until ^C:  make up    (or .venv/bin/sceplab up)")
