"""Which bundle counts at an instant: recipes and operators on one line of time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bundles.domain.reader import RecipeError
from bundles.domain.recipes import read_recipes
from bundles.domain.timetable import Event, Timetable, recipe_events
from tests.bundles.stage import START

DAY = timedelta(days=1)
RECIPE = Timetable({"/x": (Event(START, "one"), Event(START + 10 * DAY, "two", scheduled=True))})


def bundle_at(table: Timetable, instant: datetime) -> str | None:
    event = table.current("/x", instant)
    return event.bundle if event else None


def test_a_switch_counts_from_its_instant_on():
    assert bundle_at(RECIPE, START - DAY) is None
    assert bundle_at(RECIPE, START) == "one"
    assert bundle_at(RECIPE, START + 10 * DAY - timedelta(microseconds=1)) == "one"
    assert bundle_at(RECIPE, START + 10 * DAY) == "two"
    assert RECIPE.changed_at("/x", START + 99 * DAY) == START + 10 * DAY


def test_an_operators_word_counts_until_a_later_switch():
    table = RECIPE.with_event("/x", Event(START + DAY, "mine"))
    assert [bundle_at(table, START + days * DAY) for days in (0, 1, 9, 10)] == ["one", "mine", "mine", "two"]


def test_an_operator_may_say_it_beforehand_too():
    table = RECIPE.with_event("/x", Event(START + 20 * DAY, "mine", scheduled=True))
    assert [each.bundle for each in table.coming("/x", START)] == ["two", "mine"]
    assert bundle_at(table, START + 20 * DAY) == "mine"
    assert [event.bundle for _, event in table.switches(START, START + 20 * DAY)] == ["two", "mine"]
    assert [event.bundle for _, event in table.switches(START + 10 * DAY, START + 20 * DAY)] == ["mine"]


def test_at_the_same_instant_the_operator_counts():
    table = RECIPE.with_event("/x", Event(START, "mine")).with_event("/x", Event(START, "better"))
    assert bundle_at(table, START) == "better"
    assert len(table.operators["/x"]) == 1


def test_what_is_taken_back_leaves_no_trace_but_its_date():
    table = RECIPE.with_event("/x", Event(START + DAY, "mine")).without_operators("/x", START + 2 * DAY)
    assert bundle_at(table, START + 2 * DAY) == "one"
    assert table.changed_at("/x", START + 3 * DAY) == START + 2 * DAY
    assert table.changed_at("/x", START + 10 * DAY) == START + 10 * DAY


def test_a_path_of_the_operators_own_is_gone_when_it_is_taken_back():
    table = RECIPE.with_event("/y", Event(START, "mine"))
    assert table.paths() == ["/x", "/y"]
    assert table.users("mine") == ["/y"]
    assert table.without_operators("/y", START).paths() == ["/x"]


SWITCHING = """
seed = "x"
[certificates.root]
subject = "CN=Root"
key = "derived"
from = "-1y"
until = "+1y"
[bundles.one]
certificates = ["root"]
paths = ["/x"]
switch = [{ at = %s, to = "two" }]
[bundles.two]
certificates = []
"""


@pytest.mark.parametrize(("at", "first"), [('"+1d"', "one"), ("2020-01-01T00:00:00Z", "two")])
def test_a_switch_before_the_epoch_has_come_at_the_start(at, first):
    events = recipe_events(read_recipes([("my.toml", SWITCHING % at)]), START)
    assert bundle_at(Timetable(events), START) == first
    assert bundle_at(Timetable(events), START + DAY) == "two"


def test_a_switch_out_of_the_calendar_is_told():
    recipes = read_recipes([("my.toml", SWITCHING % '"+9999y"')])
    with pytest.raises(
        RecipeError, match=r"my\.toml: bundles\.one\.switch: an instant is out of the calendar"
    ):
        recipe_events(recipes, START)
