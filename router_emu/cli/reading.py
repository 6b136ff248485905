"""A typed line over the modes that are open: what it means, or why not; and the `?` and TAB keys."""

from __future__ import annotations

from dataclasses import dataclass

from router_emu.cli.help import BAR_HELP, help_line
from router_emu.cli.pipes import BAR, PIPE, Filter, allows_pipe, make_filter
from router_emu.syntax.match import Ambiguous, Incomplete, Invalid, Match, Outcome, resolve
from router_emu.syntax.options import Listing, complete, options
from router_emu.syntax.table import Mode, Run
from router_emu.texts import CliRefusal, Texts


@dataclass(frozen=True)
class Command:
    """A line understood: what it is, the index of the mode that knows it, what its pipe lets through."""

    match: Match
    place: int
    passes: Filter | None = None


@dataclass(frozen=True)
class Reader:
    """Reads lines in ``modes``, the innermost first.

    What one mode does not know is tried in the next: XR's auto-pop.  ``margin`` is the width of the prompt,
    which the caret's column counts.
    """

    modes: tuple[Mode, ...]
    texts: Texts
    margin: int

    def read(self, line: str) -> Command:
        """What ``line`` means; CliRefusal with the router's complaint when it means nothing."""
        head, tail = self._piped(line)
        outcome, place = self._resolve(head)
        if not isinstance(outcome, Match):
            raise CliRefusal(self._complaint(outcome, line))
        if tail is None:
            return Command(outcome, place)
        pipe = resolve(PIPE, tail)
        if not isinstance(pipe, Match):
            raise CliRefusal(self._complaint(pipe, line, len(head) + 1))
        assert isinstance(pipe.row, Run)
        try:
            return Command(outcome, place, make_filter(pipe.row, pipe.args))
        except ValueError:
            raise CliRefusal(self.texts.bad_pipe) from None

    def help(self, line: str) -> str:
        """What `?` after ``line`` prints."""
        head, tail = self._piped(line)
        if tail is None:
            offset, listing = 0, self._options(line)
        else:
            offset, listing = len(head) + 1, options(PIPE, tail)
        if not isinstance(listing, Listing):
            return self._complaint(listing, line, offset) + "\n"
        if listing.partial:
            return "  ".join(option.label for option in listing.options) + "\n"
        rows = [(option.label, help_line(option.node)) for option in listing.options]
        if listing.may_end:
            if tail is None and self._piped(line + BAR)[1] is not None:
                rows.append((BAR, BAR_HELP))
            rows.append(("<cr>", ""))
        width = max(len(label) for label, _ in rows)
        return "".join(f"  {label:<{width}}  {text}".rstrip() + "\n" for label, text in rows)

    def complete(self, line: str) -> str:
        """``line`` as TAB leaves it."""
        head, tail = self._piped(line)
        if tail is not None:
            return head + BAR + complete(PIPE, tail)
        completed = (complete(mode, line) for mode in self.modes)
        return next((done for done in completed if done != line), line)

    def _piped(self, line: str) -> tuple[str, str | None]:
        """A line at its bar, when the command before that has output for pipes."""
        head, bar, tail = line.partition(BAR)
        if bar:
            outcome, _ = self._resolve(head)
            if isinstance(outcome, Match) and allows_pipe(outcome.canonical):
                return head, tail
        return line, None

    def _resolve(self, line: str) -> tuple[Outcome, int]:
        """The answer of the first mode that knows the line; when none does, the furthest caret."""
        outcomes = [resolve(mode, line) for mode in self.modes]
        for place, outcome in enumerate(outcomes):
            if not isinstance(outcome, Invalid):
                return outcome, place
        return max(
            (wrong for wrong in outcomes if isinstance(wrong, Invalid)), key=lambda wrong: wrong.column
        ), 0

    def _options(self, line: str) -> Listing | Ambiguous | Invalid:
        found = [options(mode, line) for mode in self.modes]
        return next((listing for listing in found if not isinstance(listing, Invalid)), found[0])

    def _complaint(self, outcome: Incomplete | Ambiguous | Invalid, line: str, offset: int = 0) -> str:
        if isinstance(outcome, Incomplete):
            return self.texts.incomplete
        if isinstance(outcome, Ambiguous):
            return self.texts.ambiguous.format(line=line.strip())
        spaces = " " * (self.margin + offset + outcome.column)
        return self.texts.caret.format(spaces=spaces) + "\n" + self.texts.invalid
