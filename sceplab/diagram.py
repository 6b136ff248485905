"""The sequence diagram of one SCEP transaction, drawn from the journal: as text, and as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import pairwise

from sceplab.journal import Entry, Kind
from sceplab.printing import instant_text, visible

CA = "ca"
_GAP = 34  # characters between two lifelines
_INSTANT = len("2026-11-23 12:00:00 UTC") + 2
# Of the SVG, in pixels.
_LEFT, _TOP, _APART, _ROW, _MARGIN = 210, 30, 280, 34, 90


@dataclass(frozen=True)
class Step:
    """An arrow.  ``answer``: it goes back; ``lost``: it never arrived."""

    at: datetime
    source: str
    target: str
    text: str
    answer: bool = False
    lost: bool = False


@dataclass(frozen=True)
class Diagram:
    """Who takes part, from left to right, and the arrows in their order."""

    parts: tuple[str, ...]
    steps: tuple[Step, ...]


def diagram(entries: Sequence[Entry]) -> Diagram:
    """Draw the entries of one transaction, which are in their order."""
    steps = tuple(_steps(entries))
    named = [name for step in steps for name in (step.source, step.target)]
    clients = dict.fromkeys(each.source for each in steps if not each.answer and _is_client(each, entries))
    others = dict.fromkeys(name for name in named if name not in clients and name != CA)
    return Diagram((*clients, CA, *others), steps)


def _is_client(step: Step, entries: Sequence[Entry]) -> bool:
    return any(step.source == each.who for each in entries if each.kind == Kind.SCEP) or step.source in {
        each.who for each in entries if each.service == "routers"
    }


def _steps(entries: Sequence[Entry]) -> Iterator[Step]:
    # The CA knows an address; a router that speaks of the same transaction is who has that address.
    routers = {each.who for each in entries if each.service == "routers"}
    router = next(iter(routers)) if len(routers) == 1 else None
    for entry in entries:
        asked, _, came = entry.summary.partition(" -> ")
        if entry.service == CA and entry.kind == Kind.SCEP:
            client = router or entry.who
            yield Step(entry.at, client, CA, asked)
            yield Step(entry.at, CA, client, came, answer=True)
        elif entry.service == CA:
            yield Step(entry.at, entry.who, CA, f"{asked.rpartition('/')[2]} ({came})")
        elif entry.kind == Kind.SCEP and not came.startswith("200,"):
            yield Step(entry.at, entry.who, CA, came, lost=True)


def as_text(drawn: Diagram) -> str:
    """The diagram in characters, a line for each arrow."""
    places = {name: _INSTANT + number * _GAP + 2 for number, name in enumerate(drawn.parts)}
    heads = " " * (_INSTANT + len(drawn.parts) * _GAP)
    for name, place in places.items():
        heads = _put(heads, place - 1, visible(name)[: _GAP - 2])
    lines = [heads.rstrip()]
    before = None
    for step in drawn.steps:
        line = " " * (_INSTANT + len(drawn.parts) * _GAP)
        for place in places.values():
            line = _put(line, place, "|")
        if step.at != before:
            line = _put(line, 0, instant_text(step.at))
            before = step.at
        lines.append(_put(line, *_arrow(step, places)).rstrip())
    return "\n".join(lines)


def _arrow(step: Step, places: dict[str, int]) -> tuple[int, str]:
    """Where an arrow begins, and its characters."""
    left, right = sorted((places[step.source], places[step.target]))
    room = right - left - 1
    text = f" {visible(step.text)[: room - 6]} "
    dash = "." if step.answer else "-"
    body = text.center(room - 1, dash)
    if places[step.source] < places[step.target]:
        return left + 1, body + ("x" if step.lost else ">")
    return left + 1, "<" + body


def _put(line: str, place: int, text: str) -> str:
    return line[:place] + text + line[place + len(text) :]


def as_svg(drawn: Diagram) -> str:
    """The diagram as an SVG document, without scripts and without anything from elsewhere."""
    places = {name: _LEFT + number * _APART for number, name in enumerate(drawn.parts)}
    width = _LEFT + (len(drawn.parts) - 1) * _APART + _MARGIN
    height = _TOP + (len(drawn.steps) + 1) * _ROW
    body = []
    for name, x in places.items():
        body.append(f'<text class="part" x="{x}" y="20">{_escaped(name)}</text>')
        body.append(f'<line class="life" x1="{x}" y1="{_TOP}" x2="{x}" y2="{height - 10}"/>')
    for number, (before, step) in enumerate(pairwise([None, *drawn.steps]), start=1):
        assert step is not None
        y = _TOP + number * _ROW
        if before is None or before.at != step.at:
            body.append(f'<text class="at" x="8" y="{y}">{instant_text(step.at)}</text>')
        body += _svg_arrow(step, places[step.source], places[step.target], y)
    return _SVG.format(width=width, height=height, body="\n".join(body))


def _svg_arrow(step: Step, start: int, end: int, y: int) -> list[str]:
    kind = "lost" if step.lost else "answer" if step.answer else "ask"
    tip = "cross" if step.lost else "head"
    return [
        f'<line class="{kind}" x1="{start}" y1="{y}" x2="{end}" y2="{y}" marker-end="url(#{tip})"/>',
        f'<text class="says" x="{(start + end) // 2}" y="{y - 6}">{_escaped(step.text[:60])}</text>',
    ]


def _escaped(text: str) -> str:
    return escape(visible(text))


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"
 height="{height}" role="img" aria-label="sequence diagram">
<style>
svg {{ background: #fff; color: #1a1a1a; font: 13px system-ui, sans-serif }}
@media (prefers-color-scheme: dark) {{ svg {{ background: #16181c; color: #e8e8e8 }} }}
text {{ fill: currentColor }}
line {{ stroke: currentColor; stroke-width: 1.4 }}
.part {{ font-weight: bold; text-anchor: middle }}
.says {{ text-anchor: middle }}
.life {{ stroke-width: 1; opacity: .35 }}
.answer {{ stroke-dasharray: 6 4 }}
.lost {{ stroke: #c2410c }}
</style>
<defs>
<marker id="head" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 10 5 0 10z" fill="currentColor"/></marker>
<marker id="cross" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="10" markerHeight="10">
<path d="M1 1 9 9M9 1 1 9" stroke="#c2410c" stroke-width="2"/></marker>
</defs>
{body}
</svg>
"""
