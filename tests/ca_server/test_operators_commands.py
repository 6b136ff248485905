"""``sceplab``'s commands for operators, over the API of a real CA."""

import base64
import json
from datetime import timedelta

import pytest
import structlog
from click.testing import CliRunner
from cryptography import x509

from ca_server.domain.approval import MAX_LIFETIME
from scep_core.messages import PkcsReq
from sceplab.cli import main
from sceplab.client import Lab
from sceplab.serving import HttpServer


@pytest.fixture
def served(lab, operator, tmp_path, monkeypatch):
    """The lab's console behind HTTP; the commands find it."""
    server = HttpServer(lab.apps.console, threads=2)
    server.start()
    endpoints = {
        "ca": {"console": server.url},
        "management": {},
        "routers": {},
        "operator": {"username": operator.username, "password": operator.password},
    }
    file = tmp_path / "endpoints.json"
    file.write_text(json.dumps(endpoints))
    monkeypatch.setenv("SCEPLAB_ENDPOINTS", str(file))
    with Lab(endpoints) as client, structlog.testing.capture_logs():  # the server's, from our stdout
        yield client
    server.stop()


@pytest.fixture
def run(served):
    def run(*words, status=0, stdin=None):
        result = CliRunner().invoke(main, words, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout if status == 0 else result.stderr

    return run


@pytest.fixture
def queue(lab, make_client):
    for number in range(4):
        client = make_client(number, f"r{number}")
        lab.send(client, client.seal(PkcsReq(client.csr(challenge=f"pw-{number}"))))


@pytest.fixture
def issued(lab, queue):
    return [f"{lab.approve(number).serial_number:032X}" for number in (1, 2)]


def rows(text):
    return [line.split("  ")[0] for line in text.splitlines()[1:]]


def test_a_request_is_brought_and_its_certificate_taken_back(run, client, tmp_path):
    file = tmp_path / "r1.txt"
    file.write_text(base64.encodebytes(client.csr().der).decode())
    assert run("requests", "submit", str(file)) == "Request 1 is pending: CN=r1.lab\n"
    [brought] = json.loads(run("requests", "submit", "-", "--json", stdin=file.read_text()))
    assert (brought["id"], brought["state"]) == (1, "pending")
    run("requests", "approve", "1")
    serial = json.loads(run("requests", "show", "1", "--json"))["serial_number"]
    issued = x509.load_pem_x509_certificate(run("certificates", "export", serial).encode())
    assert issued.public_key() == client.key.public_key()
    file.write_text("no request")
    assert "neither PEM nor base64" in run("requests", "submit", str(file), status=1)


SCREEN = """Signature key certificate request -
Display Certificate Request to terminal? [yes/no]: yes
Certificate Request follows:

{0}
---End - This line not part of the certificate request---

Redisplay enrollment request? [yes/no]: yes
Certificate Request follows:

{0}
---End - This line not part of the certificate request---

Redisplay enrollment request? [yes/no]: no
Encryption key certificate request -
Display Certificate Request to terminal? [yes/no]: yes
Certificate Request follows:

{1}
---End - This line not part of the certificate request---

Redisplay enrollment request? [yes/no]: no
RP/0/RP0/CPU0:r1#
"""
PEM = "-----BEGIN CERTIFICATE REQUEST-----\n{0}-----END CERTIFICATE REQUEST-----\n"
FILE = PEM + PEM.replace("0", "1")


@pytest.mark.parametrize("shape", [SCREEN, FILE], ids=["screen", "file"])
def test_both_requests_of_usage_keys_are_brought(run, make_client, tmp_path, shape):
    clients = [make_client(number, f"r{number}") for number in (1, 2)]
    first, second = (base64.encodebytes(each.csr().der).decode() for each in clients)
    file = tmp_path / "two.txt"
    file.write_text(shape.format(first, second))
    assert (
        run("requests", "submit", str(file)) == "Request 1 is pending: CN=r1\nRequest 2 is pending: CN=r2\n"
    )
    assert [each["id"] for each in json.loads(run("requests", "submit", str(file), "--json"))] == [1, 2]
    file.write_text(shape.format("MIIA\n", second))
    said = run("requests", "submit", str(file), status=1)
    assert "The file's request 1: The CA's console refused: not a certification request" in said
    assert "request 2" not in said


def test_a_request_that_is_cut_off_is_not_passed_over(run, client, make_client, tmp_path):
    whole, cut = (base64.encodebytes(each.csr().der).decode() for each in (client, make_client(1)))
    for shape in (SCREEN, FILE):
        head, middle, _ = shape.format(whole, cut).partition(cut)
        file = tmp_path / "cut.txt"
        file.write_text(head + middle[:200])
        assert "The file's request 2: The CA's console refused: " in run(
            "requests", "submit", str(file), status=1
        )


def test_requests_are_found(run, queue):
    assert rows(run("requests", "list")) == ["1", "2", "3", "4"]
    assert rows(run("requests", "list", "--newest", "--limit", "3")) == ["4", "3", "2"]
    assert rows(run("requests", "list", "--search", "cn=R2", "--state", "pending")) == ["3"]
    assert run("requests", "list", "--profile", "ndes") == "No requests.\n"
    assert "there is no profile 'x'; there are compat, ndes" in run(
        "requests", "list", "--profile", "x", status=1
    )
    assert "'abc' is not a valid whole number" in run("requests", "show", "abc", status=2)


def test_lists_are_fetched_page_by_page(served, queue, monkeypatch):
    monkeypatch.setattr("sceplab.client.PAGE", 3)
    assert [each["id"] for each in served.requests()] == [1, 2, 3, 4]
    assert [each["id"] for each in served.requests(newest=True)] == [4, 3, 2, 1]
    assert [each["id"] for each in served.requests(limit=4)] == [1, 2, 3, 4]
    assert [each["id"] for each in served.requests(limit=2)] == [1, 2]


def test_approve_on_other_terms(lab, run, queue):
    assert run("requests", "approve", "1", "--days", "2") == "Request 1 is issued: CN=r0\n"
    run("requests", "approve", "2", "--lifetime", "36h", "--profile", "ndes")
    lasting = [each.not_after - each.not_before for each in lab.certificates]
    assert lasting == [timedelta(days=2), timedelta(hours=36)]
    assert "either --days or --lifetime" in run(
        "requests", "approve", "3", "--days", "1", "--lifetime", "1h", status=2
    )
    assert "refused: there is no profile 'x'" in run("requests", "approve", "3", "--profile", "x", status=1)
    for words in (("--days", str(MAX_LIFETIME.days + 1)), ("--lifetime", "3s"), ("--lifetime", "4000d")):
        assert f"'{words[0]}': " in run("requests", "approve", "3", *words, status=2)
    run("requests", "approve", "3", "--days", str(MAX_LIFETIME.days))


def test_all_that_are_pending(lab, run, queue):
    run("requests", "deny", "2", "--reason", "not ours")
    assert run("requests", "approve", "--all-pending").count("is issued") == 3
    assert json.loads(run("requests", "deny", "--all-pending", "--json")) == []
    assert run("requests", "approve", "--all-pending") == "No requests are pending.\n"
    for words in (("approve",), ("approve", "1", "--all-pending"), ("deny",)):
        assert "either IDs or --all-pending" in run("requests", *words, status=2)


def test_a_note_is_in_the_requests_audit(run, queue):
    shown = run("requests", "note", "1", "asked the owner")
    assert "noted" in shown
    assert shown.rstrip().endswith("asked the owner")
    assert run("requests", "show", "1") == shown
    told = run("requests", "note", "1", "a\x1b[2J", status=1)
    assert "text has no control characters but ends of lines" in told


def test_certificates_are_found_and_shown(run, issued):
    listed = run("certificates", "list", "--search", "cn=r1")
    assert listed.splitlines()[0].split() == ["SERIAL", "STATE", "SUBJECT", "REQUEST", "UNTIL", "REASON"]
    assert rows(listed) == [issued[1]]
    shown = run("certificates", "show", issued[0].lower())
    assert f"Certificate {issued[0]}\n  State:             valid\n" in shown
    with_colons = ":".join(issued[0][i : i + 2] for i in range(0, 32, 2))
    assert run("certificates", "show", with_colons) == shown
    assert "there is no certificate" in run("certificates", "show", "0xab", status=1)
    assert "'../ca' is no serial number" in run("certificates", "show", "../ca", status=1)


def test_export(lab, run, issued, tmp_path):
    leaf = x509.load_pem_x509_certificate(run("certificates", "export", issued[0]).encode())
    chain = run("certificates", "export", issued[0], "--chain").encode()
    assert x509.load_pem_x509_certificates(chain)[0] == leaf
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificates(chain)[1])
    run("certificates", "export", issued[0], "--der", "-o", str(tmp_path / "r0.cer"))
    assert (tmp_path / "r0.cer").read_bytes() == lab.store.certificate(leaf.serial_number).der


def test_revoke_hold_and_release(run, issued):
    assert run("certificates", "revoke", issued[0], "--reason", "certificatehold") == (
        f"Certificate {issued[0]} is held: CN=r0\n"
    )
    assert "is valid" in run("certificates", "release", issued[0])
    told = run("certificates", "revoke", issued[0], "--reason", "stolen", status=2)
    assert "'stolen' is none of unspecified, keyCompromise, cACompromise" in told
    refused = run("certificates", "revoke", "AB", *issued, "--reason", "keyCompromise", status=1)
    assert refused.startswith("Certificate AB: ")
    assert rows(run("certificates", "list", "--state", "revoked")) == issued
    assert "is not possible" in run("certificates", "revoke", issued[0], status=1)


def test_revoke_with_the_password_of_the_enrolment(run, lab, client):
    lab.send(client, client.seal(PkcsReq(client.csr(challenge="tell me"))))
    serial = f"{lab.approve(1).serial_number:032X}"
    command = ("certificates", "revoke", serial, "--with-password")
    assert "password" in run(*command, stdin="guess\n", status=1)
    assert "goes without" in run(*command, "--reason", "keyCompromise", status=2)
    assert "is revoked" in run(*command, stdin="tell me\n")


def test_crls(run, issued):
    number = json.loads(run("crl", "show", "--json"))["crls"][0]["number"]
    run("certificates", "revoke", issued[0])
    run("crl", "issue")
    shown = run("crl", "show").splitlines()
    assert shown[1].split()[:3] == ["ca-1", str(number + 2), "1"]
    assert run("crl", "serve", "huge") == "CRLs are served: huge.\n"
    assert run("crl", "serve", "expired") == "CRLs are served: expired.\n"
    assert run("crl", "show").splitlines()[-1] == "Served to clients: expired."
    crl = x509.load_pem_x509_crl(run("crl", "show", "--pem").encode())
    assert [f"{each.serial_number:032X}" for each in crl] == [issued[0]]


def test_the_ca_and_its_rollover(lab, run):
    shown = run("ca", "show")
    assert "Generation 1: current\nca: " in shown
    assert "/certsrv/mscep/mscep.dll" in shown
    assert "Generation 2: next, current from 2026-03-08 12:00:00 UTC" in run("ca", "rollover")
    assert "there is a next CA already" in run("ca", "rollover", "--in", "1h", status=1)
    assert "is no duration" in run("ca", "rollover", "--in", "soon", status=2)


def test_challenge_passwords(run):
    password = run("challenge", "new", "--device", "r1.lab", "--valid", "60m").strip()
    assert len(password) == 16
    chosen = run("challenge", "new", "--device", "r2", "--lasting", "--choose", stdin="own words\n")
    assert chosen == "own words\n"
    for words in (("--choose",), ("--lasting",), ("--valid", "0s"), ("--device", "r3", "--choose")):
        assert "GetPassWarning" not in run("challenge", "new", *words, status=2)
    listed = run("challenge", "list")
    assert rows(listed) == ["1", "2"]
    assert password not in listed
    assert "2026-03-01 13:00:00 UTC" in listed.splitlines()[1]
    assert run("challenge", "withdraw", "1") == "Challenge 1 is withdrawn.\n"
    assert rows(run("challenge", "list")) == ["2"]
    assert "there is no challenge 1" in run("challenge", "withdraw", "1", status=1)


def test_tokens(lab, run):
    text = run("token", "new", "ci").strip()
    assert lab.desks.tokens.whose(text) == "token ci"
    assert text not in run("token", "list")
    assert run("token", "withdraw", "1") == "Token 1 is withdrawn.\n"
    assert run("token", "list") == "No tokens.\n"


def test_the_audit_ends_with_the_newest_line(run, issued):
    run("certificates", "revoke", issued[0])
    lines = run("audit", "list").splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["issued", "issued", "revoked"]
    assert len(run("audit", "list", "--limit", "1").splitlines()) == 2
    assert "revoked" in run("audit", "list", "--limit", "1")
    assert len(run("audit", "list", "--serial", issued[0].lower()).splitlines()) == 3
    assert "what is one of issued, denied" in run("audit", "list", "--what", "nonsense", status=1)


def test_a_long_name_is_cut_but_where_it_is_looked_at(lab, run, make_client):
    client = make_client(0, "r" * 5000)
    lab.send(client, client.pkcs_req())
    assert run("requests", "approve", "1").endswith("rrr…\n")
    serial = json.loads(run("certificates", "list", "--json"))[0]["serial_number"]
    for screen in (run("requests", "list"), run("certificates", "list"), run("audit", "list")):
        assert max(map(len, screen.splitlines())) < 220
    for screen in (run("requests", "show", "1"), run("certificates", "show", serial)):
        assert "CN=" + "r" * 5000 in screen


def test_a_client_cannot_draw_on_the_terminal(lab, run, make_client):
    client = make_client(0, "r1\x1b[2J\u202e")
    lab.send(client, client.pkcs_req())
    approved = run("requests", "approve", "1")
    serial = json.loads(run("certificates", "list", "--json"))[0]["serial_number"]
    shown = [
        approved,
        run("requests", "note", "1", "a\nb"),
        run("certificates", "list"),
        run("certificates", "show", serial),
        run("certificates", "revoke", serial),
        run("audit", "list"),
    ]
    for screen in shown:
        assert screen.replace("\n", "").isprintable()
