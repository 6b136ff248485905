"""SCEP over HTTP as real clients speak it."""

import base64
import os
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ca_server.domain.authority import AuthorityKeys, found_authority
from ca_server.domain.challenges import ChallengeRule
from ca_server.domain.places import Places
from ca_server.domain.profiles import BUILT_IN, NDES
from ca_server.web import MAX_BODY_BYTES
from scep_core import cms, http
from scep_core.messages import Pending, PkcsReq

PLACES = Places("http://ca.lab")
START = datetime(2026, 3, 1, tzinfo=UTC)
NDES_PATHS = [
    "/certsrv/mscep/mscep.dll",
    "/CertSrv/mscep/MSCEP.dll",
    "/certsrv/mscep/mscep.dll/",
    "/certsrv/mscep/mscep.dll/pkiclient.exe",
    "/CERTSRV/MSCEP/MSCEP.DLL/PKICLIENT.EXE/",
    "/certsrv/mscep/",
    "/certsrv/mscep_admin/mscep.dll",
]
COMPAT_PATHS = ["/scep", "/scep/", "/SCEP", "/scep/pkiclient.exe", "/cgi-bin/pkiclient.exe"]
GARBAGE = [b"", b"garbage", b"\x30\x82\xff\xff", b"\x30\x80" * 4000, b"\0" * 5000]


@pytest.fixture
def web(lab):
    return lab.apps.scep.test_client()


@pytest.mark.parametrize("path", NDES_PATHS)
@pytest.mark.parametrize("message", ["", "&message=default", "&message=NDESLongUrlValidatorStep1of3"])
def test_ndes_tells_iis_capabilities_and_three_certificates(web, lab, path, message):
    caps = web.get(f"{path}?operation=GetCACaps{message}")
    assert caps.text.split() == ["POSTPKIOperation", "Renewal", "SHA-512", "SHA-256", "SHA-1", "DES3"]
    answer = web.get(f"{path}?operation=GetCACert{message}")
    assert answer.content_type == "application/x-x509-ca-ra-cert"
    assert cms.read_degenerate(answer.data)[0] == lab.authority.certificates(ra_mode=True)


@pytest.mark.parametrize("path", COMPAT_PATHS)
@pytest.mark.parametrize("message", ["", "&message=0", "&message=CAIdentifier"])
def test_compat_tells_what_it_does_and_one_certificate(web, lab, path, message):
    caps = web.get(f"{path}?operation=GetCACaps{message}")
    assert caps.content_type == "text/plain"
    words = "AES DES3 POSTPKIOperation Renewal SHA-1 SHA-256 SHA-384 SHA-512 SCEPStandard"
    assert caps.text.split("\n") == [*words.split(), ""]
    answer = web.get(f"{path}?operation=GetCACert{message}")
    assert (answer.content_type, answer.data) == (
        "application/x-x509-ca-cert",
        lab.authority.ca.certificate.der,
    )


def queries(data):
    """One message in the spellings of real GETs (scep.md 3.1, 6.4)."""
    text = base64.b64encode(data).decode()
    return {
        "escaped": "operation=PKIOperation&message=" + quote(text, safe=""),
        "cisco": http.pki_operation_query(data, line_length=64),
        "raw plus": "operation=PKIOperation&message=" + quote(text, safe="+/="),
        "no padding": "operation=PKIOperation&message=" + quote(text.rstrip("="), safe="/"),
        "any case": "Operation=pkioperation&Message=" + quote(text, safe=""),
    }


@pytest.mark.parametrize("spelling", list(queries(b"")))
def test_a_message_by_get(web, client, spelling):
    answer = web.get("/scep?" + queries(client.pkcs_req())[spelling])
    assert answer.content_type == "application/x-pki-message"
    assert client.open(answer.data) == Pending()


@pytest.mark.parametrize("query", ["", "?operation=PKIOperation", "?operation=PKIOperation&message="])
@pytest.mark.parametrize(
    "content_type", [None, "application/x-pki-message", "application/x-www-form-urlencoded"]
)
def test_a_message_by_post(web, client, query, content_type):
    answer = web.post(f"/scep{query}", data=client.pkcs_req(), content_type=content_type)
    assert client.open(answer.data) == Pending()


def test_http_1_0_without_a_host(lab, client):
    environ = {
        "REQUEST_METHOD": "GET",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "SERVER_NAME": "",
        "SERVER_PORT": "80",
        "PATH_INFO": "/certsrv/mscep/mscep.dll/pkiclient.exe",
        "QUERY_STRING": http.pki_operation_query(client.pkcs_req(), line_length=64),
        "wsgi.url_scheme": "http",
        "wsgi.errors": None,
    }
    statuses = []
    body = b"".join(lab.apps.scep(environ, lambda status, _headers: statuses.append(status)))
    assert statuses == ["200 OK"]
    assert client.open(body) == Pending()
    assert lab.store.request(1).profile == NDES.name


@pytest.mark.parametrize("path", ["/scep", "/certsrv/mscep/mscep.dll"])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_400_and_never_500(web, path, garbage):
    assert web.post(path, data=garbage).status_code == 400
    assert web.get(f"{path}?operation=PKIOperation&message={quote(garbage)}").status_code == 400
    assert web.get(f"{path}?" + http.pki_operation_query(garbage)).status_code == 400


def test_other_answers(web):
    assert web.get("/scep?operation=GetNextCACert").status_code == 404
    assert web.get("/scep?operation=Nonsense").status_code == 400
    assert web.get("/scep?operation=").status_code == 400
    assert web.get("/nowhere?operation=GetCACaps").status_code == 404
    root = web.get("/")
    assert root.status_code == 200
    for path in ("/scep<", "/certsrv/mscep/mscep.dll<", "/scep/rfc8894<"):
        assert path in root.text
    for lost in (web.get("/?operation=GetCACaps"), web.post("/", data=b"0"), web.get("/scap?operation=x")):
        assert lost.status_code == 404
        assert "/scep," in lost.text
    refused = web.put("/scep")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert web.put("/certsrv/mscep_admin").headers["Allow"] == "GET, HEAD, POST"
    assert "lab" in web.get("/scep").text
    head = web.head("/scep?operation=GetCACert")
    assert (head.status_code, head.data) == (200, b"")


def test_a_body_has_a_bound(web):
    assert web.post("/scep", data=bytes(MAX_BODY_BYTES + 1)).status_code == 413
    assert web.post("/scep", data=bytes(MAX_BODY_BYTES)).status_code == 400


@pytest.mark.parametrize("name", [each.name for each in BUILT_IN])
@pytest.mark.parametrize("suffix", ["", "/", "/pkiclient.exe"])
def test_every_profile_has_a_path_by_its_name(web, lab, client, name, suffix):
    caps = web.get(f"/scep/{name}{suffix}?operation=GetCACaps&message=anything").text
    assert caps.split() == list(lab.profile(name).capabilities)
    answer = web.post(f"/scep/{name}{suffix}", data=client.pkcs_req())
    assert client.open(answer.data) == Pending()
    assert lab.only_request.profile == name


def test_a_chain_is_told_from_the_leaf_up(make_lab, authority_keys, keys, client):
    one_level = authority_keys()
    made = AuthorityKeys(keys(9, 2048), one_level.ca, one_level.ra_signing, one_level.ra_encryption)
    chained = found_authority(made, places=PLACES, now=START, random_bytes=os.urandom)
    web = make_lab(authority=chained).apps.scep.test_client()
    answer = web.get("/scep?operation=GetCACert")
    assert answer.content_type == "application/x-x509-ca-ra-cert"
    told, _ = cms.read_degenerate(answer.data)
    assert told == (chained.ca.certificate, chained.root.certificate)
    told, _ = cms.read_degenerate(web.get("/scep/ndes?operation=GetCACert").data)
    assert told == (
        chained.ra_signing.certificate,
        chained.ra_encryption.certificate,
        chained.ca.certificate,
        chained.root.certificate,
    )


def test_what_nobody_thought_of_is_400(lab, client, monkeypatch):
    monkeypatch.setattr(lab.clock, "now", lambda: 1 / 0)
    assert lab.apps.scep.test_client().post("/scep", data=client.pkcs_req()).status_code == 400


FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "double"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=4,
)


def mutate(data, edits):
    for kind, where, octets in edits:
        at = int(where * len(data))
        if kind == "flip":
            data = data[:at] + octets + data[at + len(octets) :]
        elif kind == "cut":
            data = data[:at] + data[at + len(octets) :]
        elif kind == "insert":
            data = data[:at] + octets + data[at:]
        else:
            data = data[:at] + data[at : at + 40] + data[at:]
    return data


@FUZZ
@given(edits=EDITS)
def test_a_mutated_message_gets_nothing_that_was_not_asked_for(automatic, client, edits):
    """Nothing is issued but what the client signed for, and nothing is ever our fault."""
    data = mutate(client.pkcs_req(), edits)
    answer = automatic.apps.scep.test_client().post("/scep", data=data)
    assert answer.status_code in (200, 400)
    for request in automatic.requests:
        assert (request.public_key_info, request.subject) == (client.public_key_info, "CN=r1.lab")
        assert request.signer_key == client.public_key_info
    if answer.status_code == 200:
        assert b"could not handle" not in answer.data


@FUZZ
@given(
    query=st.binary(max_size=200),
    body=st.binary(max_size=200),
    operation=st.sampled_from(["", "operation=PKIOperation&message="]),
)
def test_any_query_and_any_body_are_survived(automatic, query, body, operation):
    web = automatic.apps.scep.test_client()
    line = operation + quote(query, safe="&=%+")
    for answer in (web.get(f"/scep?{line}"), web.post(f"/scep?{line}", data=body)):
        assert answer.status_code in (200, 400, 404)
        assert b"could not be handled" not in answer.data
    assert automatic.requests == []


def test_no_password_is_kept_in_the_clear(make_lab, client, tmp_path):
    lab = make_lab(challenge=ChallengeRule.ONE_TIME)
    options = {"device": None, "once": True, "valid_for": None, "by": "operator", "now": lab.clock.now()}
    _, password = lab.desks.challenges.new(**options)
    assert lab.send(client, client.seal(PkcsReq(client.csr(challenge=password)))) == Pending()
    lab.store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"r1.lab" in kept
    assert password.encode() not in kept
