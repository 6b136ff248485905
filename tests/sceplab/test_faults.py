"""Faults by name: switched on for so often, for whom, by what chance; over the management API and the CLI."""

import json
from random import Random

import pytest
from click.testing import CliRunner

from sceplab.cli import main
from sceplab.faults import MAX_RULES, Fault, FaultBox, FaultError, Injected
from sceplab.management import create_management_app

CATALOGUE = (Fault("busy", "says that it is busy"), Fault("slow", "waits for value seconds", 3.0))
HERE, THERE = "127.0.0.1", "192.0.2.1"


@pytest.fixture
def box():
    return FaultBox(CATALOGUE)


def taken(box, count, client=HERE):
    return [injected and injected.name for injected in (box.take(client) for _ in range(count))]


def test_nothing_goes_wrong_until_it_is_told_to(box) -> None:
    assert taken(box, 3) == [None, None, None]


def test_a_fault_for_the_next_two_is_over_after_two(box) -> None:
    box.add("busy", count=2)
    assert taken(box, 3) == ["busy", "busy", None]
    assert box.rules() == []


def test_a_fault_goes_on_until_it_is_cleared_and_counts(box) -> None:
    rule = box.add("busy")
    assert taken(box, 5) == ["busy"] * 5
    assert box.rules()[0].happened == 5
    assert box.clear(rule.number) == 1
    assert taken(box, 1) == [None]


def test_a_fault_for_one_client_spares_the_others(box) -> None:
    box.add("busy", count=1, client=THERE)
    assert taken(box, 2, HERE) == [None, None]
    assert taken(box, 2, THERE) == ["busy", None]


def test_the_oldest_comes_first_and_then_the_next(box) -> None:
    box.add("busy", count=1)
    box.add("slow", count=1)
    assert taken(box, 3) == ["busy", "slow", None]


def test_chance_is_the_same_for_the_same_seed() -> None:
    chance = Random(7)
    expected = ["busy" if chance.random() < 0.5 else None for _ in range(40)]
    assert len(set(expected)) == 2
    for _ in range(2):
        box = FaultBox(CATALOGUE)
        box.add("busy", probability=0.5, seed=7)
        assert taken(box, 40) == expected


def test_a_fault_without_a_chance_leaves_the_turn_to_the_next(box) -> None:
    box.add("busy", probability=0)
    box.add("slow", value=0.5)
    assert box.take(HERE) == Injected("slow", 0.5)


def test_a_value_is_the_catalogues_unless_it_is_given(box) -> None:
    box.add("slow")
    assert box.take(HERE) == Injected("slow", 3.0)
    with pytest.raises(FaultError, match="busy takes no value"):
        box.add("busy", value=1)


def test_a_value_has_its_bounds() -> None:
    box = FaultBox([Fault("error", "value is its status", 503, least=400, most=599)])
    for value in (399, 600, 200.5):
        with pytest.raises(FaultError, match="error takes a value from 400 to 599"):
            box.add("error", value=value)
    assert box.add("error", value=404).value == 404


def test_only_what_could_happen_now_is_taken(box) -> None:
    box.add("busy", count=1)
    box.add("slow", count=1)
    assert box.take(HERE, among={"slow"}) == Injected("slow", 3.0)
    assert box.take(HERE, among={"slow"}) is None
    assert taken(box, 1) == ["busy"]


def test_chance_is_not_asked_about_what_could_not_happen() -> None:
    box = FaultBox(CATALOGUE)
    box.add("busy", probability=0.5, seed=7)
    assert box.take(HERE, among=()) is None
    assert box.rules()[0].drawn == 0


def test_there_is_an_end_to_how_many(box) -> None:
    for _ in range(MAX_RULES):
        box.add("busy")
    with pytest.raises(FaultError, match="clear some"):
        box.add("busy")
    assert box.clear() == MAX_RULES


# --------------------------------------------------------------------------- over the management API


@pytest.fixture
def client(serve, box):
    service = serve("ldap").service
    return create_management_app(service, service.clock, box).test_client()


def test_the_api_tells_what_there_is_and_what_is_on(client, box) -> None:
    made = client.post("/_lab/faults", json={"name": "slow", "count": 2, "client": "::1", "value": 1})
    assert made.status_code == 201
    told = client.get("/_lab/faults").json
    assert told["catalogue"][1] == {"name": "slow", "sentence": "waits for value seconds", "value": 3.0}
    on = {"name": "slow", "left": 2, "probability": 1.0, "client": "::1", "value": 1, "happened": 0}
    assert told["active"] == [made.json] == [{"id": 1, **on}]
    assert taken(box, 1, "::1") == ["slow"]


def test_the_api_clears_one_or_all(client, box) -> None:
    for _ in range(3):
        client.post("/_lab/faults", json={"name": "busy"})
    assert client.delete("/_lab/faults/2").json == {"cleared": 1}
    assert [rule.number for rule in box.rules()] == [1, 3]
    assert client.delete("/_lab/faults/2").status_code == 404
    assert client.delete("/_lab/faults").json == {"cleared": 2}


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ([], 400, "JSON object"),
        ({}, 400, "name"),
        ({"name": 1}, 400, "name"),
        ({"name": "fire"}, 404, "busy, slow"),
        ({"name": "busy", "count": 0}, 400, "count: a whole number from 1"),
        ({"name": "busy", "count": 1.5}, 400, "count"),
        ({"name": "busy", "count": True}, 400, "count"),
        ({"name": "busy", "probability": 1.1}, 400, "probability: a number from 0 to 1"),
        ({"name": "busy", "probability": float("nan")}, 400, "probability"),
        ({"name": "busy", "client": "r1"}, 400, "client: an IP address"),
        ({"name": "busy", "client": 7}, 400, "client: an IP address"),
        ({"name": "busy", "client": "fe80::1%\x1b[31m"}, 400, "client: an IP address"),
        ({"name": "busy", "value": 1}, 400, "takes no value"),
        ({"name": "busy", "next": 1}, 400, "there is no next"),
    ],
)
def test_what_cannot_be_switched_on_is_told(client, box, body, status, why) -> None:
    answer = client.post("/_lab/faults", json=body)
    assert answer.status_code == status
    assert why in answer.json["error"]["message"]
    assert box.rules() == []


def test_an_ipv4_address_in_ipv6s_clothes_is_the_ipv4_address(client, box) -> None:
    client.post("/_lab/faults", json={"name": "busy", "client": "::ffff:127.0.0.1"})
    assert taken(box, 1, "127.0.0.1") == ["busy"]


def test_a_service_without_faults_says_so(serve) -> None:
    service = serve("ca").service
    client = create_management_app(service, service.clock).test_client()
    assert client.get("/_lab/faults").json == {"catalogue": [], "active": []}
    assert "those here are none" in client.post("/_lab/faults", json={"name": "x"}).json["error"]["message"]


# ------------------------------------------------------------------------------------ by the command


@pytest.fixture
def sceplab(serve, box, tmp_path):
    """The command, over a lab of two services of which one has faults."""
    file = tmp_path / "endpoints.json"
    services = {"ca": serve("ca"), "ldap": serve("ldap", faults=box)}
    file.write_text(json.dumps({"management": {name: each.server.url for name, each in services.items()}}))

    def run(*words):
        done = CliRunner().invoke(main, ["fault", *words, "--endpoints", str(file)])
        return done.exit_code, done.output

    return run


def test_the_command_switches_on_lists_and_clears(sceplab, box) -> None:
    assert sceplab("list") == (0, "No fault is on.\n")
    status, output = sceplab("add", "ldap", "slow", "--next", "2", "--value", "0.5")
    assert (status, output.splitlines()[-1].split()) == (
        0,
        ["ldap", "1", "slow", "2", "1.0", "-", "0.5", "0"],
    )
    assert taken(box, 1) == ["slow"]
    assert "slow   1     1.0" in sceplab("list", "ldap")[1]
    assert "waits for value seconds" in sceplab("list", "--known")[1]
    assert json.loads(sceplab("list", "--json")[1])["ldap"]["active"][0]["happened"] == 1
    status, output = sceplab("clear")
    assert (status, output.splitlines()[-1]) == (0, "1 fault switched off.")
    assert box.rules() == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "ldap", "fire"), "there is no fault fire"),
        (("add", "moon", "busy"), "The lab has no service 'moon'; it has ca, ldap."),
        (("clear", "ldap", "7"), "no fault of the number 7"),
    ],
)
def test_the_command_says_what_cannot_be(sceplab, words, why) -> None:
    status, output = sceplab(*words)
    assert status == 1
    assert why in output
