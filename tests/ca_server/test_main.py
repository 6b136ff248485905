"""The CA as a process: its ready line, its ports, a real socket, a kill and a second start."""

import json
import signal
import socket
import subprocess
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from ca_server.domain.authority import Shape
from ca_server.domain.places import Places
from ca_server.state import StateFolder
from scep_core import http, names
from scep_core.certificates import (
    CRL_DISTRIBUTION_POINTS,
    read_certificate,
    read_crl_distribution_points,
)
from scep_core.crls import read_crl
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


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_a_directory_needs(tmp_path, workers):
    """The index on the SCEP port, the bad CRLs on the management port, the directory in the certificates."""
    directory = ("--ldap-url", "ldap://dir.lab:3890/", "--workers", workers)
    with running(tmp_path / "ca", *directory) as (ready, _):
        index = json.loads(fetch(ready["scep"] + "/ca/index.json"))
        [ca] = index["cas"]
        certificate = fetch(ready["scep"] + ca["certificate"])
        assert names.rfc4514(read_certificate(certificate).subject) == ca["dn"]
        assert json.loads(fetch(ready["scep"] + "/ca/issued.json?after=0")) == {"issued": [], "more": False}
        good = read_crl(fetch(ready["scep"] + ca["crl"]))
        bad = read_crl(fetch(f"{ready['management']}/_lab/crl/{ca['name']}.crl?as=expired"))
        assert (bad.number, bad.next_update < good.this_update) == (good.number, True)
        signer = http.parse_ca_certificates(fetch(ready["ndes"] + "?operation=GetCACert"))[0]
        points = read_crl_distribution_points(signer.extension(CRL_DISTRIBUTION_POINTS).value)
        assert points[1].startswith("ldap://dir.lab:3890/CN=")
        assert fetch(ready["scep"] + "/scep/ldap?operation=GetCACaps")
    with running(tmp_path / "without") as (ready, _), pytest.raises(HTTPError, match="404"):
        fetch(ready["scep"] + "/scep/ldap?operation=GetCACaps")


@pytest.mark.parametrize("url", ["ldap://", "ldap:///", "http://dir.lab", "ldap://dir.lab/DC=lab"])
def test_a_directorys_url_has_a_host_and_no_name(tmp_path, url):
    command = [*COMMAND, "--state", str(tmp_path / "ca"), "--ldap-url", url]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, "ldap://host or ldaps://host" in ended.stderr) == (2, True)


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
