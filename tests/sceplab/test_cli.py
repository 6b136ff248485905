"""The ``sceplab`` command, over a fake lab of child processes."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from click.testing import CliRunner

from sceplab.cli import find_hint, main
from sceplab.client import Lab
from sceplab.clock import format_instant
from sceplab.errors import LabError
from sceplab.ports import AUTO_PORTS
from sceplab.supervisor import Settings, running_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory, child_command, router_port):
    """Run a fake lab, frozen, with six pending requests; let the commands find it.

    The tests share it: each decides on requests of its own, and leaves the clock frozen.
    """
    settings = Settings(state=tmp_path_factory.mktemp("lab"), ports=AUTO_PORTS, frozen=True)
    commands = {name: child_command(name) for name in ("ca", "routers", "bundles", "ldap")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_ROUTER_PORT", str(router_port))
        patch.setenv("SCEPLAB_ENDPOINTS", str(settings.endpoints_file))
        with running_lab(settings, lambda _: commands) as running, Lab(running.endpoints) as lab:
            yield lab


@pytest.fixture
def run():
    """Run a command; return its status, stdout and stderr."""

    def run(*words, stdin=None):
        result = CliRunner().invoke(main, words, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


def test_requests_are_listed_shown_and_decided(lab, run) -> None:
    status, out, _ = run("requests", "list")
    assert status == 0
    assert out.splitlines()[:2] == [
        "ID  STATE    SUBJECT  KEY       CHALLENGE  POLLS  RECEIVED",
        "1   pending  CN=r1    RSA 2048  present    0      2026-11-23 12:00:00 UTC",
    ]
    assert "MD5:               AAAAAAAA BBBBBBBB" in run("requests", "show", "1")[1]
    assert run("requests", "approve", "1", "2") == (
        0,
        "Request 1 is issued: CN=r1\nRequest 2 is issued: CN=r2\n",
        "",
    )
    assert run("requests", "deny", "3", "--reason", "no such router")[0] == 0
    assert lab.request(3)["reason"] == "no such router"
    listed = json.loads(run("requests", "list", "--json", "--state", "issued")[1])
    assert {1: "T1", 2: "T2"}.items() <= {r["id"]: r["transaction_id"] for r in listed}.items()
    assert run("requests", "list", "--state", "denied")[1].splitlines()[1].startswith("3   denied  CN=r3")


def test_a_refused_decision_is_told_and_the_others_are_made(lab, run) -> None:
    lab.deny(4)
    status, out, err = run("requests", "approve", "4", "5", "--json")
    assert status == 1
    assert [request["id"] for request in json.loads(out)] == [5]
    assert err == "Request 4: The CA's console refused: it is not pending\n"
    status, _, err = run("requests", "show", "9")
    assert (status, err) == (1, "Error: The CA's console refused: there is no request 9\n")


def test_the_clock_is_shown_and_moved(lab, run) -> None:
    before = lab.time.read().now
    assert json.loads(run("clock", "advance", "1h30m", "--json")[1])["fired"] == []
    assert lab.time.read().now - before == timedelta(minutes=90)
    assert "(frozen)\nNo timer waits.\n" in run("clock", "show")[1]
    assert run("clock", "next")[1].startswith("No timer waits.\n")
    assert "(running, +" in run("clock", "resume")[1]
    assert json.loads(run("clock", "freeze", "--json")[1])["clock"]["mode"] == "frozen"
    reading = lab.time.read()
    later = format_instant(reading.now + timedelta(days=1))
    assert json.loads(run("clock", "set", later, "--json")[1])["clock"]["now"] == later
    assert "only moves forward" in run("clock", "set", format_instant(reading.now))[2]
    assert "has no time zone" in run("clock", "set", "2030-01-31T12:00:00")[2]
    status, _, err = run("clock", "advance", "soon")
    assert status == 2
    assert "'soon' is no duration such as 90s" in err


def test_lines_are_typed_at_the_router_and_its_screen_is_shown(lab, run) -> None:
    prompt = "RP/0/RP0/CPU0:r1#"
    assert run("router", "r1", "authenticate", "yes") == (
        0,
        f"{prompt}authenticate\nDo you accept this certificate? [yes/no]:yes\naccepted\n{prompt}\n",
        "",
    )
    assert run("router", "r1", stdin="authenticate\nno\n")[1].endswith(f"not accepted\n{prompt}\n")
    status, out, _ = run("router", "r1", "--json", "enroll", "secret", "secret")
    assert status == 0
    assert "secret" not in out
    assert [screen["waits_for"] for screen in json.loads(out)] == ["password", "password", "prompt"]
    status, out, _ = run("router", "r1", "--json", "long", "enroll", "one", "two")
    assert (status, [screen["refused"] for screen in json.loads(out)]) == (1, [False, False, False, True])


def test_files_and_several_lines_are_typed(lab, run, tmp_path) -> None:
    file = tmp_path / "r1.pem"
    file.write_text("-----BEGIN-----\nAAAA\n-----END-----\n")
    assert "3 lines" in run("router", "r1", "import", f"@{file}")[1]
    out = run("router", "r1", "import", f"@{file}", "authenticate", "yes")[1]
    assert ("3 lines" in out, "\naccepted" in out) == (True, True)
    status, out, _ = run("router", "r1", "--json", "enroll\nsecret\nsecret", "import", "@@home", "quit")
    assert status == 0
    assert [each["typed"] for each in json.loads(out)] == ["enroll", "", "", "import", "@home", "quit"]
    assert "1 lines" in json.loads(out)[-1]["screen"]
    status, _, err = run("router", "r1", f"@{tmp_path / 'none'}")
    assert (status, "none cannot be read: No such file" in err) == (1, True)
    file.write_bytes(b"\xff")
    assert "it is no text" in run("router", "r1", f"@{file}")[2]
    assert "2 lines" in run("router", "r1", stdin="import\none\ntwo\nquit\n")[1]


@pytest.mark.parametrize("words", [["export"], ["show clock", "--pkcs12"], ["exit", "--trustpoint", "myca"]])
def test_export_and_its_options_go_together(run, words) -> None:
    assert run("router", "r1", *words)[0] == 2


def test_a_router_that_refuses_or_waits_makes_the_status_1(lab, run) -> None:
    assert run("router", "r1", "nonsense")[0] == 1
    status, _, err = run("router", "r1", "authenticate")
    assert (status, err) == (1, "Error: r1 waits for an answer; give it as a further LINE.\n")
    status, _, err = run("router", "r7", "x")
    assert (status, err) == (1, "Error: The lab has no router 'r7'; it has r1.\n")


def test_waiting_for_a_request_ends(lab) -> None:
    assert lab.wait_for_request(lambda request: request["subject"] == "CN=r6")["id"] == 6
    with pytest.raises(LabError, match=r"within 0 s \(the CA has: 1 \w+, .*, 6 pending\)"):
        lab.wait_for_request(lambda request: False, timeout=0)


def test_without_a_lab_the_commands_say_so(run, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("SCEPLAB_ENDPOINTS", raising=False)
    monkeypatch.setenv("SCEPLAB_STATE", str(tmp_path))
    status, _, err = run("requests", "list")
    assert status == 1
    assert (
        err
        == f"Error: No lab is running: there is no {tmp_path}/endpoints.json.  Start one with 'sceplab up'.\n"
    )
    broken = tmp_path / "other.json"
    broken.write_text("{")
    assert "does not say where the lab is" in run("clock", "show", "--endpoints", str(broken))[2]


def test_a_lab_that_is_gone_is_named(run, tmp_path) -> None:
    file = tmp_path / "endpoints.json"
    nowhere = "http://127.0.0.1:9"
    file.write_text(
        json.dumps(
            {
                "ca": {"console": nowhere},
                "routers": {},
                "management": {"ca": nowhere},
                "operator": {"username": "o", "password": "p"},
            }
        )
    )
    status, _, err = run("clock", "show", "--endpoints", str(file))
    assert (status, err) == (1, f"Error: ca does not answer at {nowhere}/_lab/timers: no connection.\n")


@pytest.mark.parametrize("names", ["r1,r1", "", "r1,", "-r", "a b", "../x"])
def test_router_names_are_checked(run, names) -> None:
    assert run("up", "--routers", names)[0] == 2


def test_up_from_start_to_end(tmp_path, child_command) -> None:
    """The whole command in a process of its own, its services replaced by fakes on the Python path."""
    names = {"ca_server": "ca", "router_emu": "routers", "bundles": "bundles", "ldap_mock": "ldap"}
    for module, name in names.items():
        command = child_command(name)
        (tmp_path / module).mkdir()
        (tmp_path / module / "__main__.py").write_text(
            f"import runpy, sys\nsys.argv = {command[1:]!r}\nrunpy.run_path(sys.argv[0])\n"
        )
    command = [sys.executable, "-m", "sceplab", "up", "--ports", "auto", "--state", str(tmp_path / "state")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "SCEPLAB_OPERATOR_PASSWORD": "set"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        while not lines or "export " not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10)[0] == "The lab is down.\n"
    assert process.returncode == 0
    screen = "".join(lines)
    assert "(user operator, password from SCEPLAB_OPERATOR_PASSWORD)" in screen
    assert "admin@127.0.0.1  (password pw)" in screen
    assert "(running, as the wall clock)" in screen
    assert f"  export SCEPLAB_ENDPOINTS={tmp_path / 'state' / 'endpoints.json'}\n" in screen


@pytest.mark.parametrize("number", ["0", "-1", "one"])
@pytest.mark.parametrize("command", ["show", "approve", "deny"])
def test_request_numbers_count_from_one(run, command, number) -> None:
    assert run("requests", command, "--", number)[0] == 2


def test_the_greeting_names_the_lab_that_commands_would_not_find(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SCEPLAB_STATE", str(tmp_path))
    monkeypatch.delenv("SCEPLAB_ENDPOINTS", raising=False)
    elsewhere = tmp_path / "a b.json"
    assert find_hint(Settings(state=tmp_path)) == ""
    assert find_hint(Settings(state=tmp_path, endpoints=elsewhere)).endswith(
        f"export SCEPLAB_ENDPOINTS='{elsewhere}'"
    )
    monkeypatch.setenv("SCEPLAB_ENDPOINTS", str(elsewhere))
    assert find_hint(Settings(state=tmp_path, endpoints=elsewhere)) == ""
    assert find_hint(Settings(state=tmp_path)).endswith(f"={tmp_path / 'endpoints.json'}")


def test_the_help_loads_nothing_heavy() -> None:
    """Every command answers ``--help`` without the libraries that only its work needs."""
    code = (
        "import sys, sceplab.cli; print({'asyncssh', 'requests', 'flask', 'cryptography'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
