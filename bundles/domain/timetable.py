"""Which bundle a path serves, and since when: what recipes say and operators do, on one line of time.

An event says that from an instant on a path serves a bundle; of the events that have come the latest counts.
A recipe makes one for the beginning and one for each switch, operators add theirs, and may take them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bundles.domain.issuing import instant_of
from bundles.domain.reader import RecipeError
from bundles.domain.recipes import BundleRecipe, Recipes


@dataclass(frozen=True)
class Event:
    """From ``since`` on the path serves ``bundle``; ``scheduled``: said beforehand, so a timer waits."""

    since: datetime
    bundle: str
    scheduled: bool = False


Events = Mapping[str, tuple[Event, ...]]


@dataclass(frozen=True)
class Timetable:
    """The events of every path, in the order of time; ``reverted`` is when operators took theirs back."""

    recipes: Events
    operators: Events = field(default_factory=dict)
    reverted: Mapping[str, datetime] = field(default_factory=dict)

    def paths(self) -> list[str]:
        """Every path that something is, was or will be published at."""
        return [*self.recipes, *(path for path in self.operators if path not in self.recipes)]

    def current(self, path: str, now: datetime) -> Event | None:
        """The event that counts."""
        come = (event for event in self._events(path) if event.since <= now)
        return max(come, key=lambda event: event.since, default=None)

    def changed_at(self, path: str, now: datetime) -> datetime | None:
        """When the path has begun to serve what it serves."""
        event = self.current(path, now)
        return None if event is None else max(event.since, self.reverted.get(path, event.since))

    def coming(self, path: str, now: datetime) -> list[Event]:
        """The events that wait, the next one first."""
        return sorted((each for each in self._events(path) if each.since > now), key=lambda each: each.since)

    def switches(self, after: datetime, until: datetime) -> list[tuple[str, Event]]:
        """The scheduled events of all paths after one instant and until another, in their order."""
        found = [
            (path, event)
            for path in self.paths()
            for event in self._events(path)
            if event.scheduled and after < event.since <= until
        ]
        return sorted(found, key=lambda each: each[1].since)

    def with_event(self, path: str, event: Event) -> Timetable:
        """The same with an operator's event more; those of his that are past or at the same instant go."""
        others = tuple(
            each
            for each in self.operators.get(path, ())
            if each.since != event.since and (event.scheduled or each.since > event.since)
        )
        return replace(self, operators={**self.operators, path: (*others, event)})

    def without_operators(self, path: str, now: datetime) -> Timetable:
        """The same as if operators had said nothing about this path."""
        others = {each: events for each, events in self.operators.items() if each != path}
        return replace(self, operators=others, reverted={**self.reverted, path: now})

    def users(self, bundle: str) -> list[str]:
        """The paths that an operator's event gives this bundle to."""
        return [
            path for path, events in self.operators.items() if any(each.bundle == bundle for each in events)
        ]

    def _events(self, path: str) -> Iterator[Event]:
        # Of two at the same instant the later one said counts, and an operator's before a recipe's:
        # max takes the first of equals.
        yield from reversed(self.operators.get(path, ()))
        yield from reversed(self.recipes.get(path, ()))


def recipe_events(recipes: Recipes, epoch: datetime) -> dict[str, tuple[Event, ...]]:
    """What the recipes say; RecipeError when a switch is out of the calendar."""
    return {path: _events_of(recipe, epoch) for recipe in recipes.bundles.values() for path in recipe.paths}


def _events_of(recipe: BundleRecipe, epoch: datetime) -> tuple[Event, ...]:
    try:
        switches = [
            Event(instant_of(switch.at, epoch), switch.to, scheduled=True) for switch in recipe.switches
        ]
    except ValueError as error:
        raise RecipeError(f"{recipe.where}.switch: an instant is {error}") from error
    beginning = min([epoch, *(event.since for event in switches)])
    return (Event(beginning, recipe.name), *switches)
