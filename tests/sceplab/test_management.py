"""The management API of a service, and the file that keeps its clock."""

import json
from datetime import timedelta

import pytest

from sceplab.clock import ClockState, LabClock, format_instant
from sceplab.management import Timer, create_management_app


@pytest.fixture
def service(serve):
    return serve("r1").service


@pytest.fixture
def client(service):
    return create_management_app(service, service.clock).test_client()


def test_health_names_the_service(client) -> None:
    assert client.get("/_lab/health").json == {"service": "r1", "status": "ok", "waiting": 0}


def test_an_unhealthy_service_answers_500_in_json(client, service, monkeypatch) -> None:
    monkeypatch.setattr(service, "health", lambda: 1 / 0)
    answer = client.get("/_lab/health")
    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "error"


def test_the_clock_is_shown_and_moved(client, service) -> None:
    later = service.clock.now() + timedelta(minutes=2)
    asked = {"mode": "frozen", "frozen_at": format_instant(later)}
    assert client.put("/_lab/clock", json=asked).json["now"] == format_instant(later)
    shown = client.get("/_lab/clock").json
    assert shown["now"] == shown["frozen_at"] == format_instant(later)
    assert shown["version"] == 1


def test_a_whole_state_is_taken_back(client) -> None:
    """What GET shows can be PUT, which is how every service gets the same state."""
    shown = client.get("/_lab/clock").json
    assert client.put("/_lab/clock", json=shown).json["now"] == shown["now"]


def test_going_back_is_409(client, service) -> None:
    before = service.clock.now()
    earlier = format_instant(before - timedelta(microseconds=1))
    answer = client.put("/_lab/clock", json={"mode": "frozen", "frozen_at": earlier})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "backwards")
    assert service.clock.now() == before


@pytest.mark.parametrize(
    ("method", "path", "body", "media_type", "status"),
    [
        ("PUT", "/_lab/clock", "{}", "text/plain", 415),
        ("POST", "/_lab/timers/run", "{}", "application/x-www-form-urlencoded", 415),
        ("PUT", "/_lab/clock", "{", "application/json", 400),
        ("PUT", "/_lab/clock", "[]", "application/json", 400),
        ("PUT", "/_lab/clock", '{"mode": "frozen"}', "application/json", 400),
        ("PUT", "/_lab/clock", '{"mode": "offset", "offset": "soon"}', "application/json", 400),
        ("PUT", "/_lab/clock", '{"offset": 1e300}', "application/json", 400),
        ("POST", "/_lab/timers/run", '{"after": "1"}', "application/json", 400),
        ("POST", "/_lab/timers/run", '{"after": true}', "application/json", 400),
        ("GET", "/_lab/nothing", "", "", 404),
        ("DELETE", "/_lab/clock", "", "", 405),
    ],
)
def test_what_is_wrong_gets_a_status_and_a_reason(client, method, path, body, media_type, status) -> None:
    answer = client.open(path, method=method, data=body, content_type=media_type)
    assert answer.status_code == status
    assert answer.json["error"]["message"]


def test_timers_are_shown_and_fired_once(client, service) -> None:
    now = service.clock.now()
    service.waiting = [Timer(now, "r1", "poll 1"), Timer(now + timedelta(seconds=1), "r1", "poll 2")]
    assert client.get("/_lab/timers").json == {
        "timers": [timer.to_json() for timer in service.waiting],
        "fired": 0,
    }
    fired = client.post("/_lab/timers/run", json={"after": 0}).json["fired"]
    assert [(one["sequence"], one["name"], one["at"]) for one in fired] == [
        (1, "poll 1", format_instant(now))
    ]
    assert client.post("/_lab/timers/run", json={"after": 1}).json == {"fired": []}
    assert client.get("/_lab/timers").json["fired"] == 1


def test_each_new_state_is_in_the_clock_file_before_the_answer(service, tmp_path, monkeypatch) -> None:
    file = tmp_path / "state" / "clock.json"
    monkeypatch.setenv("SCEPLAB_CLOCK_FILE", str(file))
    clock = LabClock()
    client = create_management_app(service, clock).test_client()
    client.put("/_lab/clock", json={"mode": "offset", "offset": 3600})
    assert ClockState.from_json(json.loads(file.read_text())) == clock.state()
    assert clock.state().offset == 3600
    assert file.stat().st_mode & 0o777 == 0o600
