"""The directory as a process beside a real CA: what it tells by LDAP follows what the CA does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import ldap3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sceplab.advance import LabTime
from sceplab.client import Lab
from sceplab.remote import RemoteService, local_session
from tests.ldap_mock.processes import enrol, running_ca, running_directory

CLOCK = {"mode": "frozen", "offset": 0.0, "frozen_at": "2030-01-01T00:00:00.000000Z", "version": 0}
FROZEN = {"SCEPLAB_CLOCK": json.dumps(CLOCK)}
AD_CS = "CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
NOWHERE = ("--ca", "http://127.0.0.1:1", "--ca-management", "http://127.0.0.1:1")


def search(
    url: str, base: str, wanted: str = "(objectClass=*)", scope: str = ldap3.BASE
) -> list[dict[str, Any]]:
    """The entries that a search finds, with all attributes; ldap3 raises what the server refuses."""
    server = ldap3.Server(url, get_info=ldap3.NONE, connect_timeout=5)
    with ldap3.Connection(server, raise_exceptions=True, receive_timeout=30) as connection:
        connection.search(base, wanted, scope, attributes=["*"])
        return [dict(each["raw_attributes"]) for each in connection.response]


def one(url: str, base: str, kind: str) -> list[bytes]:
    """The values of an attribute of one entry."""
    [entry] = search(url, base)
    return next((values for name, values in entry.items() if name.partition(";")[0] == kind), [])


def crl_of(url: str, base: str) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(one(url, base, "certificateRevocationList")[0])


def get(url: str) -> Any:
    with local_session() as session:
        return session.get(url, timeout=20)


def asked_of(operator: Lab) -> tuple[str, ...]:
    ca = operator.endpoints["ca"]
    return ("--ca", ca["scep"], "--ca-management", ca["management"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def operator(folder: Path) -> Iterator[Lab]:
    with running_ca(folder, **FROZEN) as operator:
        yield operator


@pytest.fixture(scope="module")
def ready(folder: Path, operator: Lab) -> Iterator[dict[str, Any]]:
    with running_directory(folder, *asked_of(operator), **FROZEN) as ready:
        yield ready


def ca_name(operator: Lab) -> str:
    return str(get(operator.endpoints["ca"]["scep"] + "/ca/index.json").json()["cas"][0]["dn"])


def test_it_is_on_two_ports(ready) -> None:
    assert set(ready) == {"ldap", "management"}
    assert ready["ldap"].startswith("ldap://127.0.0.1:")


def test_the_crl_stands_in_three_places_and_follows_a_revocation_at_once(ready, operator) -> None:
    names = [ca_name(operator), f"CN=ca-1,CN=scep-lab,CN=CDP,{AD_CS}", f"CN=ca-1,CN=AIA,{AD_CS}"]
    certificate = enrol(operator, "to-be-revoked")
    number = certificate.serial_number
    for name in names:
        assert crl_of(ready["ldap"], name).get_revoked_certificate_by_serial_number(number) is None
    operator.revoke(f"{number:X}")
    over_http = get(operator.endpoints["ca"]["crl"]).content
    for name in names:
        assert crl_of(ready["ldap"], name).get_revoked_certificate_by_serial_number(number) is not None
        assert one(ready["ldap"], name, "certificateRevocationList") == [over_http]
        assert one(ready["ldap"], name, "authorityRevocationList") == [over_http]


def test_the_ca_is_found_by_its_class_and_has_its_certificate(ready, operator) -> None:
    found = search(ready["ldap"], ca_name(operator), "(objectClass=pkiCA)", ldap3.SUBTREE)
    over_http = get(operator.endpoints["ca"]["scep"] + "/ca/ca-1.cer").content
    assert [over_http] in found[0].values()
    for asked in ("cRLDistributionPoint", "certificationAuthority"):
        assert search(ready["ldap"], ca_name(operator), f"(objectClass={asked})")


def test_an_issued_certificate_stands_under_its_subject(ready, operator) -> None:
    certificate = enrol(operator, "r1")
    assert one(ready["ldap"], "CN=r1,O=Lab", "userCertificate") == [certificate.public_bytes(Encoding.DER)]
    second = enrol(operator, "r1")
    assert len(one(ready["ldap"], "cn=R1,o=lab", "userCertificate")) == 2
    assert one(ready["ldap"], "CN=r1,O=Lab", "userCertificate")[0] == second.public_bytes(Encoding.DER)


def test_people_see_what_stands_there(ready, operator) -> None:
    enrol(operator, "shown")
    shown = get(ready["management"] + "/_lab/directory").json()
    assert shown["total"] == len(shown["entries"])
    by_name = {each["dn"]: each for each in shown["entries"]}
    assert by_name[ca_name(operator)]["attributes"]["cACertificate"] == [
        len(get(operator.endpoints["ca"]["scep"] + "/ca/ca-1.cer").content)
    ]
    assert by_name["CN=shown,O=Lab"]["classes"] == ["top", "device", "pkiUser"]
    health = get(ready["management"] + "/_lab/health").json()
    assert (health["service"], health["status"], health["ca_answers"]) == ("ldap", "ok", True)
    assert health["entries"] == shown["total"]
    assert health["certificates"] >= 1


@pytest.mark.parametrize("mode", ["missing", "expired"])
def test_the_directory_has_the_true_crl_whatever_the_ca_serves_otherwise(ready, operator, mode: str) -> None:
    name = ca_name(operator)
    true = crl_of(ready["ldap"], name)
    operator.serve_crls(mode)
    enrolled = enrol(operator, mode)
    operator.revoke(f"{enrolled.serial_number:X}")
    assert len(crl_of(ready["ldap"], name)) == len(true) + 1
    operator.serve_crls("normal")
    assert one(ready["ldap"], name, "certificateRevocationList") == [
        get(operator.endpoints["ca"]["crl"]).content
    ]


def test_time_brings_new_crls_and_another_generation(tmp_path) -> None:
    with ExitStack() as stack:
        operator = stack.enter_context(running_ca(tmp_path, "--issuing-ca", **FROZEN))
        ready = stack.enter_context(running_directory(tmp_path, *asked_of(operator), **FROZEN))
        services = [
            stack.enter_context(closing(RemoteService(name, url)))
            for name, url in (("ca", operator.endpoints["ca"]["management"]), ("ldap", ready["management"]))
        ]
        before = crl_of(ready["ldap"], ca_name(operator))
        operator.rollover(timedelta(days=20))
        scep = operator.endpoints["ca"]["scep"]
        list(LabTime(services).advance(timedelta(days=30)))
        cas = get(scep + "/ca/index.json").json()["cas"]
        assert [each["name"] for each in cas] == ["ca-1", "root-1", "ca-2", "root-2"]
        for each in cas:
            for name in (each["dn"], each["aia_dn"]):
                assert one(ready["ldap"], name, "cACertificate") == [get(scep + each["certificate"]).content]
            for name in (each["dn"], each["cdp_dn"]):
                assert one(ready["ldap"], name, "certificateRevocationList") == [
                    get(scep + each["crl"]).content
                ]
        after = crl_of(ready["ldap"], ca_name(operator))
        assert after.last_update_utc - before.last_update_utc == timedelta(days=30)


def test_it_outlasts_the_ca_and_comes_before_it(tmp_path) -> None:
    """Started without a CA it says so; with one it tells; without it again it has its copy; restarts too."""
    with running_ca(tmp_path, **FROZEN) as operator:
        name, where = ca_name(operator), asked_of(operator)
        port = operator.endpoints["ca"]["scep"].rpartition(":")[2]
        management_port = operator.endpoints["management"]["ca"].rpartition(":")[2]
    with running_directory(tmp_path, *where, **FROZEN) as ready:
        with pytest.raises(ldap3.core.exceptions.LDAPUnavailableResult):
            search(ready["ldap"], name)
        assert get(ready["management"] + "/_lab/directory").status_code == 503
        with running_ca(tmp_path, "--port", port, "--management-port", management_port, **FROZEN) as operator:
            enrol(operator, "r1")
            crl = crl_of(ready["ldap"], name)
            assert one(ready["ldap"], "CN=r1,O=Lab", "userCertificate")
        assert crl_of(ready["ldap"], name) == crl
        assert get(ready["management"] + "/_lab/health").json()["ca_answers"] is False
    with running_directory(tmp_path, *where, **FROZEN) as ready:
        assert crl_of(ready["ldap"], name) == crl
        assert one(ready["ldap"], "CN=r1,O=Lab", "userCertificate")
    log = (tmp_path / "ldap_mock.log").read_text()
    assert log.count("ca-does-not-answer") == 1


def test_faults_are_switched_on_over_the_management_port(ready, operator) -> None:
    faults, name = ready["management"] + "/_lab/faults", ca_name(operator)
    certificate = enrol(operator, "revoked-and-hidden")
    operator.revoke(f"{certificate.serial_number:X}")
    true = crl_of(ready["ldap"], name)
    issuer = x509.load_der_x509_certificate(get(operator.endpoints["ca"]["scep"] + "/ca/ca-1.cer").content)
    with local_session() as session:
        for fault in ("busy", "stale-crl", "forged-crl", "huge-crl"):
            assert session.post(faults, json={"name": fault, "count": 1}, timeout=20).status_code == 201
    with pytest.raises(ldap3.core.exceptions.LDAPBusyResult):
        search(ready["ldap"], name)
    stale = crl_of(ready["ldap"], name)
    assert stale.is_signature_valid(issuer.public_key())
    assert stale.next_update_utc <= true.last_update_utc
    forged = crl_of(ready["ldap"], name)
    assert forged.issuer == issuer.subject
    assert not forged.is_signature_valid(issuer.public_key())
    huge = crl_of(ready["ldap"], name)
    assert huge.is_signature_valid(issuer.public_key())
    assert len(huge) == len(true) + 100_000
    assert crl_of(ready["ldap"], name) == true


def test_one_may_log_in_when_he_is_configured(tmp_path) -> None:
    words = ("--manager", "CN=Manager,O=Lab", *NOWHERE)
    with running_directory(tmp_path, *words, SCEPLAB_LDAP_PASSWORD="s3cret-of-his") as ready:
        server = ldap3.Server(ready["ldap"], get_info=ldap3.NONE)
        for password, result in (("wrong", False), ("s3cret-of-his", True)):
            connection = ldap3.Connection(server, "cn=manager,o=lab", password)
            assert connection.bind() is result
            connection.unbind()
    log = (tmp_path / "ldap_mock.log").read_text()
    assert "manager" in log
    assert "s3cret" not in log


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (
            ["--state", "{folder}/file/state"],
            1,
            "ldap_mock: the state folder {folder}/file/state cannot be made: Not a directory",
        ),
        (
            ["--state", "{folder}/state", "--manager", "CN=Manager"],
            1,
            "ldap_mock: --manager needs a password in SCEPLAB_LDAP_PASSWORD",
        ),
        (["--state", "{folder}/state", "--manager", "me"], 2, "not a distinguished name"),
        (["--state", "{folder}/state", "--ca", "127.0.0.1:8080"], 2, "http://host, with a port if need be"),
        ([], 2, "Missing option '--state'"),
    ],
)
def test_what_an_operator_can_mend_is_one_sentence(tmp_path, arguments, status, told) -> None:
    (tmp_path / "file").write_text("")
    words = [each.format(folder=tmp_path) for each in arguments]
    command = [sys.executable, "-P", "-m", "ldap_mock", "--port", "0", "--management-port", "0", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert told.format(folder=tmp_path) in ended.stderr
