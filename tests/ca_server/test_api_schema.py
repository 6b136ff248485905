"""The checker of JSON Schema, where the API's own routes do not reach."""

import pytest

from ca_server.api import schema
from ca_server.api.openapi import ALL_ROUTES
from ca_server.api.schema import Invalid, array, check, choice, integer, lines, pattern, record, text


@pytest.mark.parametrize(
    ("wanted", "value", "told"),
    [
        (integer(1, 5), 6, "it is from 1 to 5"),
        (integer(1, 5), True, "it is of the type integer"),
        (integer(1, 5), 2.0, "it is of the type integer"),
        (schema.BOOLEAN, 1, "it is of the type boolean"),
        (choice((1, "a")), True, "it is one of 1, a"),
        (text(3), "abcd", "it has 0 to 3 characters"),
        (text(9), "a\x1b", "it is one line without control characters"),
        (lines(9), "a\nb\x1b", "it has no control characters but ends of lines"),
        (pattern("^a$"), "a\n", r"it is of the pattern \^a\$"),
        (array(integer(0, 1), max_items=1), [0, 0], "it has 0 to 1 items"),
        (array(integer(0, 1)), [0, 7], r"it\[1\] is from 0 to 1"),
        (record({"a": text(1)}), {}, "it lacks 'a'"),
        (record({"a": text(1)}), {"a": "", "b": 1}, "there is no field 'b' in it; there are a"),
        (record({}), {"b": 1}, "there is no field 'b' in it; there are none"),
        ({"type": "object", "additionalProperties": text(1)}, {"k": 1}, "k is of the type string"),
        (schema.instant(), "2026-13-01T00:00:00Z", "it is an instant"),
    ],
)
def test_what_is_wrong_is_told(wanted, value, told):
    with pytest.raises(Invalid, match=told):
        check(wanted, value, "it")


def test_what_is_right_passes():
    wanted = record({"a": array(choice(("x", 1))), "b": schema.instant()}, optional=("a",))
    check(wanted, {"a": ["x", 1], "b": "0001-01-01T00:00:00Z"}, "it")
    check(wanted, {"b": "2026-03-01T13:30:00+02:00"}, "it")


def test_a_word_that_is_not_checked_is_no_promise_of_ours():
    with pytest.raises(AssertionError, match="multipleOf"):
        check({"type": "integer", "multipleOf": 2}, 3, "it")


def test_everything_that_can_arrive_is_described_in_words_that_are_checked():
    def words(each):
        for name, inside in each.items():
            yield name
            if name == "properties":
                for one in inside.values():
                    yield from words(one)
            elif isinstance(inside, dict):
                yield from words(inside)

    for route in ALL_ROUTES:
        arriving = [*route.parameters.values(), *route.query.values(), route.body or {}]
        assert {word for each in arriving for word in words(each)} <= schema._KNOWN, route.name
