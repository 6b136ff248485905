"""The CA as a process: its ready line, its ports, a real socket, a kill and a second start."""

import json
import signal
import socket
import subprocess
from urllib.parse import urlsplit

from ca_server.domain.authority import Shape
from ca_server.domain.places import Places
from ca_server.state import StateFolder
from scep_core import http
from scep_core.messages import Pending, Success
from sceplab.clock import wall_time
from tests.ca_server.processes import COMMAND, fetch, running

CLOCK = {"mode": "frozen", "offset": 0.0, "frozen_at": "2030-01-01T00:00:00.000000Z", "version": 0}


def http_1_0(url, query):
    """What old Ciscos send: HTTP/1.0, and not even a Host."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(f"GET {parts.path}/pkiclient.exe?{query} HTTP/1.0\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0]
    return body


def test_a_request_survives_a_kill(tmp_path, make_client):
    client = make_client()
    environment = {"SCEPLAB_CLOCK": json.dumps(CLOCK), "SCEPLAB_OPERATOR_PASSWORD": "from outside"}
    with running(tmp_path / "ca", **environment) as (ready, process):
        assert set(ready) == {"scep", "ndes", "crl", "console", "management", "operator"}
        assert ready["operator"] == {"username": "operator", "password": "from outside"}
        folder = StateFolder(tmp_path / "ca")
        folders = folder.authorities(Shape(), Places(), now=wall_time())
        client.authority = folders.succession().authorities[0]
        told = http.parse_ca_certificates(fetch(ready["ndes"] + "?operation=GetCACert"))
        assert told == client.authority.certificates(ra_mode=True)
        assert told[2].not_before.year == 2030
        query = http.pki_operation_query(client.pkcs_req(), line_length=64)
        assert client.open(http_1_0(ready["ndes"], query)) == Pending()
        process.kill()  # no time to say goodbye
    with running(tmp_path / "ca", **environment) as (ready, process):
        assert client.open(fetch(ready["scep"] + "/scep", body=client.poll())) == Pending()
        api = ready["console"] + "/api/requests"
        shown = json.loads(fetch(api, ready["operator"]))["requests"]
        assert [(each["state"], each["polls"]) for each in shown] == [("pending", 1)]
        assert json.loads(fetch(ready["management"] + "/_lab/health"))["pending"] == 1
        fetch(f"{api}/1/approve", ready["operator"], b"{}")
        reply = client.open(fetch(ready["scep"] + "/scep", body=client.poll()))
        assert isinstance(reply, Success)
        assert reply.certificates[0].not_before.year == 2030
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=5)
        assert process.returncode == 0
    assert "approve" in log
    assert "from outside" not in log
    assert not (tmp_path / "ca" / "operator-password").exists()


def test_a_folder_that_cannot_be_used_ends_in_a_sentence(tmp_path):
    (tmp_path / "requests.sqlite3").touch()
    ended = subprocess.run(
        [*COMMAND, "--state", str(tmp_path)], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.strip().splitlines()
    assert line.startswith("ca_server: ")
    assert "no CA keys" in line
