"""The server as a process: its ports, HTTPS, its clock and timers, its commands, its log."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from bundles.api import LARGEST_FILE
from bundles.app import builtin_pem
from sceplab import bundles_client
from sceplab.advance import LabTime
from sceplab.cli import main
from sceplab.remote import RemoteService, local_session
from tests.bundles.stage import running

CLOCK = {"mode": "frozen", "offset": 0.0, "frozen_at": "2030-01-01T00:00:00.000000Z", "version": 0}
FULL = "/security/pki/trs/ios.p7b"
CORE = "/security/pki/trs/ios_core.p7b"


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("trust") / "builtin.pem"
    path.write_bytes(builtin_pem())
    return str(path)


def fetch(url: str, **options) -> requests.Response:
    with local_session() as session:
        return session.get(url, timeout=20, **options)


def test_a_process_serves_on_three_ports_and_again_after_a_restart(tmp_path, trust):
    environment = {"SCEPLAB_CLOCK": json.dumps(CLOCK), "SCEPLAB_BUNDLES_RECIPES": "lab faults changing"}
    with running(tmp_path, environment=environment) as ready:
        assert set(ready) == {"http", "https", "management"}
        first = fetch(ready["http"] + FULL)
        secure = fetch(ready["https"] + FULL, verify=trust)
        assert secure.content == first.content
        assert first.headers["Date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
        crl = fetch(ready["http"] + "/crl/lab-root-m1.crl")
        assert crl.headers["Content-Type"] == "application/pkix-crl"
    with running(tmp_path, environment=environment) as ready:
        assert fetch(ready["http"] + FULL).content == first.content
        assert fetch(ready["https"] + FULL, verify=trust).status_code == 200
    log = (tmp_path / "bundles.log").read_text()
    assert "served" in log
    assert "PRIVATE" not in log


def test_public_names_stand_in_the_certificate(tmp_path, trust):
    with running(tmp_path, "--public-host", "trust.lab", "--recipes", "lab") as ready:
        port = int(ready["https"].rpartition(":")[2])
        code = (
            "import socket,ssl,sys;c=ssl.create_default_context(cafile=sys.argv[1]);"
            "s=c.wrap_socket(socket.create_connection(('127.0.0.1',int(sys.argv[2]))),server_hostname='trust.lab');"
            "print(s.getpeercert()['crlDistributionPoints'][0]);s.close()"
        )
        said = subprocess.run(
            [sys.executable, "-c", code, trust, str(port)], capture_output=True, text=True, check=True
        )
        assert said.stdout == f"http://trust.lab:{ready['http'].rpartition(':')[2]}/crl/lab-root-m1.crl\n"


def test_another_ca_may_issue_the_servers_certificate(tmp_path, trust):
    with running(tmp_path, "--recipes", "lab", "--https-issuer", "services") as ready:
        full = tmp_path / "full.pem"
        full.write_bytes(fetch(ready["http"] + "/security/pki/trs/ios.pem").content)
        assert fetch(ready["https"], verify=str(full)).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            fetch(ready["https"], verify=trust)
        assert fetch(ready["http"] + "/crl/services.crl").status_code == 200
        assert fetch(ready["http"] + "/crl/lab-root-m1.crl").status_code == 404


def test_the_lab_clock_stops_at_a_switch(tmp_path):
    with running(tmp_path, "--recipes", "lab", "--recipes", "changing") as ready:
        service = RemoteService("bundles", ready["management"])
        fired = list(LabTime([service]).advance(timedelta(days=40)))
        assert [(each.name, each.outcome) for each in fired] == [
            ("/changing/ios.p7b becomes successor", "successor is published")
        ]
        assert fetch(ready["http"] + "/changing/ios.p7b").content == (
            fetch(ready["http"] + "/security/pki/trs/ios_successor.p7b").content
        )
        service.close()


def test_operators_have_commands(tmp_path):
    with running(tmp_path, "--recipes", "lab") as ready:
        endpoints = tmp_path / "endpoints.json"
        endpoints.write_text(json.dumps({"management": {"bundles": ready["management"]}}))

        def command(*words: str, status: int = 0) -> Result:
            result = CliRunner().invoke(main, ["bundles", *words, "--endpoints", str(endpoints)])
            assert result.exit_code == status, result.output
            return result

        listed = command("list").stdout
        assert listed.splitlines()[0].split() == ["PATH", "BUNDLE", "FORM", "SIGNED", "CERTIFICATES", "FAULT"]
        assert [FULL, "full", "pkcs7", "yes", "11", "-"] in map(str.split, listed.splitlines())
        shown = {each["path"]: each for each in json.loads(command("list", "--json").stdout)}
        assert shown[CORE]["bundle"] == "core"

        assert "CN=Lab Root CA M1,O=scep-lab" in command("show", "core").stdout
        assert len(json.loads(command("show", "core", "--json").stdout)["members"]) == 3
        assert "there is no bundle none" in command("show", "none", status=1).stderr

        assert command("publish", FULL, "core").stdout == f"{FULL} serves core.\n"
        assert fetch(ready["http"] + FULL).content == fetch(ready["http"] + CORE).content
        later = command("publish", FULL, "successor", "--in", "25d").stdout.splitlines()
        assert later[0] == f"{FULL} serves core."
        assert later[1].startswith(f"{FULL} becomes successor at 20")
        assert later[1] in command("list").stdout
        assert command("publish", FULL, "--back").stdout == f"{FULL} serves full.\n"

        file = tmp_path / "My file.p7b"
        file.write_bytes(b"not a bundle")
        assert command("publish", "/mine", "--file", str(file)).stdout == "/mine serves my-file-p7b.\n"
        answer = fetch(ready["http"] + "/mine")
        assert answer.content == b"not a bundle"
        assert answer.headers["Content-Type"] == "application/x-pkcs7-certificates"
        assert command("publish", "/mine", "--back").stdout == "/mine serves nothing.\n"
        later = command("publish", FULL, "later", "--file", str(file), "--in", "1d").stdout.splitlines()
        assert later[1].startswith(f"{FULL} becomes later at 20")

        file.write_bytes(bytes(LARGEST_FILE))
        assert command("publish", "/large", "--file", str(file)).stdout == "/large serves my-file-p7b.\n"
        file.write_bytes(bytes(LARGEST_FILE + 1))
        assert "1500000 are the most" in command("publish", "/large", "--file", str(file), status=1).stderr
        file.write_bytes(b"refused")
        assert "serves nothing yet" in (
            command("publish", "/none", "refused", "--file", str(file), "--in", "1d", status=1).stderr
        )
        for name in ("refused", "../x", "a?b"):
            assert f"there is no bundle {name}" in command("show", name, status=1).stderr
        assert "there is no such thing" in command("show", "..", status=1).stderr

        command("publish", FULL, status=2)
        command("publish", FULL, "core", "--back", status=2)
        assert "path is made of" in command("publish", "/a/../b", "core", status=1).stderr


def test_a_lab_without_a_bundle_server_is_told(tmp_path):
    (tmp_path / "endpoints.json").write_text('{"management": {}}')
    words = ["bundles", "list", "--endpoints", str(tmp_path / "endpoints.json")]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.stderr) == (1, "Error: This lab has no bundle server.\n")


def test_programs_and_server_know_the_same_limit():
    assert bundles_client.LARGEST_FILE == LARGEST_FILE


def test_a_body_that_is_too_large_is_refused(tmp_path):
    with running(tmp_path, "--recipes", "lab") as ready, local_session() as session:
        body = {"name": "mine", "content": "A" * (3 * 1024 * 1024)}
        answer = session.post(ready["management"] + "/api/bundles", json=body, timeout=20)
        assert answer.status_code == 413
        assert fetch(ready["management"] + "/_lab/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--recipes", "none.toml"],
            "bundles: none.toml: No such file or directory; the shipped recipes are",
        ),
        (
            ["--recipes", "faults"],
            "bundles: faults.toml: bundles.expired-signer.like: one of builtin, expired",
        ),
        (
            ["--https-issuer", "lab-bundle-signer"],
            "bundles: --https-issuer: the recipes have no one CA that is called lab-bundle-signer",
        ),
    ],
)
def test_what_an_operator_can_mend_is_one_sentence(tmp_path, arguments, told):
    command = [sys.executable, "-P", "-m", "bundles", "--state", str(tmp_path), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(told)
    assert len(ended.stderr.splitlines()) == 1


def test_without_a_state_folder_the_usage_is_told(tmp_path):
    command = [sys.executable, "-P", "-m", "bundles"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path)
    assert ended.returncode == 2
    assert "Missing option '--state'" in ended.stderr
    assert list(Path(tmp_path).iterdir()) == []
