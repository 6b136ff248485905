"""The management API of a service, and the file that keeps its clock."""

import json
import socket
from datetime import timedelta

import pytest
import structlog

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
        ("PUT", "/_lab/clock", "[" * 100_000, "application/json", 400),
        ("POST", "/_lab/faults", "[" * 100_000, "application/json", 400),
        ("POST", "/_lab/timers/run", "[" * 100_000, "application/json", 400),
        ("PUT", "/_lab/clock", '{"mode": "frozen"}', "application/json", 400),
        ("PUT", "/_lab/clock", '{"mode": "offset", "offset": "soon"}', "application/json", 400),
        ("PUT", "/_lab/clock", '{"offset": 1e300}', "application/json", 400),
        ("PUT", "/_lab/clock", '{"mode": "offset", "offset": 2.4e11}', "application/json", 400),
        (
            "PUT",
            "/_lab/clock",
            '{"mode": "frozen", "frozen_at": "9999-12-31T00:00:00Z"}',
            "application/json",
            400,
        ),
        ("POST", "/_lab/timers/run", '{"after": "1"}', "application/json", 400),
        ("POST", "/_lab/timers/run", '{"after": true}', "application/json", 400),
        ("POST", "/_lab/timers/run", '{"after": -1}', "application/json", 400),
        ("POST", "/_lab/timers/run", '{"clock": 1}', "application/json", 400),
        ("POST", "/_lab/timers/run", '{"clock": {"mode": "frozen"}}', "application/json", 400),
        ("GET", "/_lab/nothing", "", "", 404),
        ("DELETE", "/_lab/clock", "", "", 405),
    ],
)
def test_what_is_wrong_gets_a_status_and_a_reason(client, method, path, body, media_type, status) -> None:
    answer = client.open(path, method=method, data=body, content_type=media_type)
    assert answer.status_code == status
    assert answer.json["error"]["message"]


HOSTS = ["127.0.0.1", "127.0.0.1:9101", "[::1]:9101", "localhost:9101", "lab_ca-1:9101", "10.0.0.7"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_no_web_page_can_have_is_served(client, host) -> None:
    assert client.get("/_lab/health", headers={"Host": host}).status_code == 200


def test_a_request_without_a_host_is_served(serve) -> None:
    """HTTP/1.0 has none; the test client would add one."""
    with socket.create_connection(("127.0.0.1", serve("r1").server.port), timeout=10) as connection:
        connection.sendall(b"GET /_lab/health HTTP/1.0\r\n\r\n")
        with connection.makefile("rb") as answer:
            assert answer.readline().endswith(b" 200 OK\r\n")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:9101", "127.0.0.1.evil.example", "localhost.evil.example",
     "[evil.example]", "127.0.0.1@evil.example", "evil.", "[127.0.0.1", "", ":9101", "[::1", "::1"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/_lab/clock", "/nothing"])
def test_any_other_host_is_refused(client, service, host, path) -> None:
    """DNS rebinding: a page of evil.example, whose name now leads to 127.0.0.1."""
    answer = client.put(path, json={"mode": "offset", "offset": 1}, headers={"Host": host})
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden-host")
    assert service.clock.state().version == 0


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
    left = [service.waiting[-1].to_json()]
    assert client.post("/_lab/timers/run", json={"after": 1}).json == {
        "fired": [],
        "timers": left,
        "steady": False,
    }
    assert client.get("/_lab/timers").json["fired"] == 1


def test_the_clock_is_set_and_what_is_due_then_fires_in_one_call(client, service) -> None:
    later = service.clock.now() + timedelta(days=1)
    service.waiting = [Timer(later, "r1", "poll 1")]
    clock = {"mode": "frozen", "frozen_at": format_instant(later)}
    answer = client.post("/_lab/timers/run", json={"after": 0, "clock": clock}).json
    assert [each["at"] for each in answer["fired"]] == [format_instant(later)]
    assert answer["timers"] == []
    earlier = {"mode": "frozen", "frozen_at": format_instant(later - timedelta(seconds=1))}
    service.waiting = [Timer(later, "r1", "poll 2")]
    refused = client.post("/_lab/timers/run", json={"after": 1, "clock": earlier})
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "backwards")
    assert len(service.waiting) == 1


def test_a_clock_moves_though_its_file_cannot_be_written(serve, tmp_path, monkeypatch) -> None:
    """Or the services would show different times."""
    (tmp_path / "clock.json").mkdir()
    monkeypatch.setenv("SCEPLAB_CLOCK_FILE", str(tmp_path / "clock.json"))
    service = serve("ca").service
    later = format_instant(service.clock.now() + timedelta(days=1))
    with structlog.testing.capture_logs() as logged:
        client = create_management_app(service, service.clock).test_client()
        asked = {"mode": "frozen", "frozen_at": later}
        assert client.put("/_lab/clock", json=asked).json["now"] == later
    assert {each["event"] for each in logged} == {"clock-not-kept"}


def test_the_journal_tells_when_the_clock_is_stopped_and_not_each_step(client, service) -> None:
    now = service.clock.now()
    for days in (1, 2):
        state = {"mode": "frozen", "frozen_at": format_instant(now + timedelta(days=days))}
        client.put("/_lab/clock", json=state)
    client.put("/_lab/clock", json={"mode": "offset"})
    told = client.get("/_lab/journal").json["entries"]
    assert [each["summary"] for each in told] == ["PUT /_lab/clock -> 200"]


def test_a_clock_file_that_says_it_already_is_not_written_again(serve, tmp_path, monkeypatch) -> None:
    """The services of a lab share the file."""
    file = tmp_path / "clock.json"
    monkeypatch.setenv("SCEPLAB_CLOCK_FILE", str(file))
    first, second = (serve(name).service for name in ("ca", "routers"))
    clients = [create_management_app(each, each.clock).test_client() for each in (first, second)]
    state = {"mode": "frozen", "frozen_at": format_instant(first.clock.now() + timedelta(days=1))}
    written = []
    for client in clients:
        assert client.put("/_lab/clock", json=state).status_code == 200
        written.append((file.stat().st_ino, json.loads(file.read_text())))
    assert written[0] == written[1]
    assert written[0][1]["frozen_at"] == state["frozen_at"]


def test_each_new_state_is_in_the_clock_file_before_the_answer(service, tmp_path, monkeypatch) -> None:
    file = tmp_path / "state" / "clock.json"
    monkeypatch.setenv("SCEPLAB_CLOCK_FILE", str(file))
    clock = LabClock()
    client = create_management_app(service, clock).test_client()
    client.put("/_lab/clock", json={"mode": "offset", "offset": 3600})
    assert ClockState.from_json(json.loads(file.read_text())) == clock.state()
    assert clock.state().offset == 3600
    assert file.stat().st_mode & 0o777 == 0o600
