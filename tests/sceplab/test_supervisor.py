"""A lab of child processes: started, kept, ended, and what is said when one fails."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sceplab import supervisor
from sceplab.client import Lab
from sceplab.clock import LAST_INSTANT, ClockState
from sceplab.errors import StartFailed
from sceplab.files import write_json
from sceplab.ports import AUTO_PORTS, Ports
from sceplab.remote import Reading, RemoteService
from sceplab.supervisor import Settings, running_lab, service_commands


@pytest.fixture
def settings(tmp_path):
    return Settings(state=tmp_path / "state", ports=AUTO_PORTS, routers=("r1",))


@pytest.fixture
def commands(child_command):
    """Return the commands of a fake lab over its settings, with options for its routers' service."""

    def commands(*options):
        more = {"routers": options}
        return lambda settings: {
            name: child_command(name, *words[4:], *more.get(name, ()))
            for name, words in service_commands(settings).items()
        }

    return commands


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; an orphan that its new parent has not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def run(settings, commands) -> None:
    """Start a lab, and end it."""
    with running_lab(settings, commands):
        pass


def pids(endpoints) -> list[int]:
    services = [RemoteService(name, url) for name, url in endpoints["management"].items()]
    found = [service.health()["pid"] for service in services]
    for service in services:
        service.close()
    return found


def clocks(endpoints) -> list[Reading]:
    services = [RemoteService(name, url) for name, url in endpoints["management"].items()]
    found = [service.clock() for service in services]
    for service in services:
        service.close()
    return found


def test_a_lab_says_where_it_is_and_is_gone_afterwards(settings, commands) -> None:
    with running_lab(settings, commands()) as lab:
        written = json.loads(settings.endpoints_file.read_text())
        assert written == lab.endpoints
        assert set(written) == {"ca", "routers", "bundles", "ldap", "management", "operator"}
        assert set(written["ca"]) == {"scep", "ndes", "console"}
        assert set(written["bundles"]) == {"http", "https"}
        assert set(written["management"]) == {"ca", "routers", "bundles", "ldap"}
        assert settings.endpoints_file.stat().st_mode & 0o777 == 0o600
        children = pids(written)
        began = time.monotonic()
    assert time.monotonic() - began < supervisor.END_SECONDS  # nobody had to be killed
    assert not settings.endpoints_file.exists()
    assert not any(map(is_alive, children))
    assert (settings.state / "logs" / "ca.log").read_text() == "a line that is no ready line\n"


def test_a_child_that_ignores_the_end_is_killed(settings, commands, monkeypatch) -> None:
    monkeypatch.setattr(supervisor, "END_SECONDS", 0.2)
    with running_lab(settings, commands("--stubborn")) as lab:
        children = pids(lab.endpoints)
    assert not any(map(is_alive, children))


def test_a_child_that_dies_at_the_start_is_named_with_its_last_words(settings, commands) -> None:
    with pytest.raises(StartFailed, match=r"'routers' ended with status 1(.|\n)*no database here"):
        run(settings, commands("--dies"))
    assert not settings.endpoints_file.exists()


def test_a_child_that_is_never_ready_is_named(settings, commands, monkeypatch) -> None:
    monkeypatch.setattr(supervisor, "READY_SECONDS", 0.5)
    with pytest.raises(StartFailed, match=r"was not ready within 0.5 s"):
        run(settings, commands("--silent"))


def test_a_child_that_is_killed_ends_the_lab(settings, commands) -> None:
    with running_lab(settings, commands()) as lab:
        os.kill(pids(lab.endpoints)[3], signal.SIGKILL)
        with pytest.raises(StartFailed, match=r"'routers' was killed by SIGKILL.  Its log is "):
            lab.wait()


@pytest.mark.parametrize("service", ["bundles", "ldap"])
def test_a_lab_can_do_without_a_service_for_a_while(settings, commands, service) -> None:
    with running_lab(settings, commands()) as running:
        before = running.endpoints
        assert list(before["management"]) == ["ca", "bundles", "ldap", "routers"]
        process = dict(zip(before["management"], pids(before), strict=True))[service]
        with running.without(service):
            assert not is_alive(process)
            assert set(running.endpoints["management"]) == before["management"].keys() - {service}
            assert service not in running.endpoints
            assert json.loads(settings.endpoints_file.read_text()) == running.endpoints
            with Lab(running.endpoints) as lab:
                list(lab.time.advance(timedelta(days=20)))
        assert running.endpoints == before
        assert json.loads(settings.endpoints_file.read_text()) == before
        assert len({clock.state.offset for clock in clocks(before)}) == 1
        os.kill(pids(before)[0], signal.SIGKILL)
        with pytest.raises(StartFailed, match=r"'ca' was killed"):
            running.wait()


def test_the_clock_goes_on_where_it_was(settings, commands) -> None:
    with running_lab(settings, commands()) as running, Lab(running.endpoints) as lab:
        list(lab.time.advance(timedelta(days=20)))
        before = lab.time.read()
    with running_lab(settings, commands()) as running, Lab(running.endpoints) as lab:
        after = lab.time.read()
        assert after.state == before.state
        assert after.now > before.now
    stopped = replace(settings, frozen=True)
    with running_lab(stopped, commands()) as running, Lab(running.endpoints) as lab:
        frozen = lab.time.read()
        assert frozen.state.mode == "frozen"
        assert frozen.now > after.now


@pytest.mark.parametrize(
    "kept",
    [
        ClockState("offset", 9000 * 365.25 * 86400),
        ClockState("frozen", 0, LAST_INSTANT + timedelta(seconds=1)),
        ClockState("offset", 7500 * 365.25 * 86400),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_kept_clock_out_of_the_calendar_is_a_sentence_that_names_its_file(
    settings, commands, kept, frozen
) -> None:
    file = settings.state / "clock.json"
    write_json(file, kept.to_json())
    with pytest.raises(StartFailed, match=rf"cannot go on as {file} says: .*calendar.*'--state'"):
        run(replace(settings, frozen=frozen), commands())


def test_a_lab_that_is_started_again_is_where_it_was(settings, commands) -> None:
    with running_lab(settings, commands()) as lab:
        before = lab.endpoints
    with running_lab(replace(settings, routers=("r1", "r2")), commands()) as lab:
        assert lab.endpoints == before


@pytest.mark.parametrize("place", ["console", "routers", "https", "bundles", "bundles_https", "ldap"])
def test_a_port_that_was_taken_meanwhile_leads_to_new_ones(settings, commands, place) -> None:
    run(settings, commands())
    before = json.loads(settings.ports_file.read_text())
    taken = before[place]["r1"] if place in ("routers", "https") else before[place]
    with socket.create_server(("127.0.0.1", taken)), running_lab(settings, commands()) as lab:
        after = json.loads(settings.ports_file.read_text())
        assert after[place] != before[place]
        assert lab.endpoints["ca"]["console"] == f"http://127.0.0.1:{after['console']}"
        assert lab.endpoints["ldap"] == f"ldap://127.0.0.1:{after['ldap']}"
        assert lab.endpoints["routers"]["r1"]["port"] == after["routers"]["r1"]
        assert lab.endpoints["routers"]["r1"]["https"] == f"https://127.0.0.1:{after['https']['r1']}"


@pytest.mark.parametrize("service", ["bundles", "ldap"])
def test_a_lab_from_before_there_was_a_service_keeps_its_ports(settings, commands, service) -> None:
    run(settings, commands())
    before = json.loads(settings.ports_file.read_text())
    old = {name: port for name, port in before.items() if service not in name}
    settings.ports_file.write_text(json.dumps(old))
    run(settings, commands())
    after = json.loads(settings.ports_file.read_text())
    assert {name: after[name] for name in old} == old
    assert after[service] not in (0, getattr(Ports(), service))


@pytest.mark.parametrize(
    "kept", ["{", "[]", '{"more": 1}', '{"scep": "x"}', '{"routers": {"r1": -1}}', '{"https": []}']
)
def test_kept_ports_that_make_no_sense_lead_to_new_ones(settings, commands, kept) -> None:
    settings.state.mkdir()
    settings.ports_file.write_text(kept)
    run(settings, commands())
    after = json.loads(settings.ports_file.read_text())
    assert after["console"] > 0
    assert after["routers"]["r1"] > 0


def test_services_are_told_of_each_other_on_free_ports(settings, commands) -> None:
    told = {}

    def noting(settings):
        told.update(service_commands(settings))
        return commands()(settings)

    with running_lab(settings, noting) as lab:
        words = told["ca"]
        assert words[words.index("--ldap-url") + 1] == lab.endpoints["ldap"]
        words = told["ldap"]
        assert words[words.index("--ca") + 1] == lab.endpoints["ca"]["scep"]
        assert words[words.index("--ca-management") + 1] == lab.endpoints["management"]["ca"]


def test_a_state_folder_holds_one_lab(settings, commands) -> None:
    with running_lab(settings, commands()):
        with pytest.raises(StartFailed, match="already running over"):
            run(settings, commands())
        assert settings.endpoints_file.exists()


def test_a_port_in_use_is_named_with_the_way_out(settings, commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        crowded = replace(settings, ports=replace(AUTO_PORTS, console=port))
        with pytest.raises(StartFailed, match=rf"Port {port}, for the operators' console.*--ports auto"):
            run(crowded, commands())


def test_the_services_are_started_as_they_are_asked_for(settings) -> None:
    ca = {"decide": "automatic", "ca_workers": 2, "ca_settings": Path("ca.toml")}
    chosen = replace(settings, routers=("r1", "edge"), ports=Ports(), wire="rfc8894", **ca)
    commands = service_commands(chosen)
    assert " ".join(commands["ca"]).endswith(
        f"-m ca_server --state {settings.state}/ca --host 127.0.0.1 --port 8080 --console-port 8090"
        " --management-port 9101 --ldap-url ldap://127.0.0.1:3890"
        " --workers 2 --decide automatic --settings ca.toml"
    )
    plain = replace(chosen, decide=None, ca_workers=None, ca_settings=None)
    assert service_commands(plain)["ca"][-1] == "ldap://127.0.0.1:3890"
    assert " ".join(commands["routers"]).endswith(
        f"-m router_emu --state {settings.state}/routers --host 127.0.0.1 --routers r1,edge"
        " --first-port 2201 --first-https-port 2301 --management-port 9104 --texts modern --wire rfc8894"
    )
    assert " ".join(commands["bundles"]).endswith(
        f"-m bundles --state {settings.state}/bundles --host 127.0.0.1 --port 8088 --https-port 8443"
        " --management-port 9103"
    )
    assert " ".join(commands["ldap"]).endswith(
        f"-m ldap_mock --state {settings.state}/ldap --host 127.0.0.1 --port 3890 --management-port 9102"
        " --ca http://127.0.0.1:8080 --ca-management http://127.0.0.1:9101"
    )


LAB = """
import json, sys
from pathlib import Path
from sceplab.ports import AUTO_PORTS
from sceplab.supervisor import Settings, ended_by_signals, running_lab
state, commands = Path(sys.argv[1]), json.loads(sys.argv[2])
with ended_by_signals(), running_lab(Settings(state=state, ports=AUTO_PORTS), lambda _: commands) as lab:
    print(json.dumps(lab.endpoints), flush=True)
    lab.wait()
print("ended", flush=True)
"""


@pytest.fixture
def lab_process(settings, commands):
    """Run the lab itself in a process; return it and its endpoints."""
    command = [sys.executable, "-c", LAB, str(settings.state), json.dumps(commands()(settings))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, json.loads(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_lab_cleanly_and_at_once(lab_process, settings, number) -> None:
    process, endpoints = lab_process
    children = pids(endpoints)
    began = time.monotonic()
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == "ended\n"
    assert time.monotonic() - began < supervisor.END_SECONDS  # nobody had to be killed
    assert process.returncode == 0
    assert not settings.endpoints_file.exists()
    assert not any(map(is_alive, children))


def test_a_lab_that_is_killed_leaves_no_child_behind(lab_process) -> None:
    process, endpoints = lab_process
    children = pids(endpoints)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(map(is_alive, children)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
