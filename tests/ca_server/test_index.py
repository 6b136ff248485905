"""What a directory asks the CA for: its CAs, what it has issued since, and bad CRLs to publish."""

import base64
from datetime import timedelta

import pytest
from flask import Flask

from ca_server.bad_crls import create_bad_crls
from ca_server.domain.authority import Shape
from ca_server.domain.crl_desk import FURTHER_ENTRIES, SPOILT, Serving
from ca_server.domain.ledger import StoreBusy
from ca_server.index import create_index
from scep_core import names
from scep_core.crls import read_crl
from sceplab.clock import LabClock
from sceplab.management import create_management_app
from tests.ca_server.revocation_stage import START, authority, staged

LATER = START + timedelta(days=30)


class ManualClock:
    """Stands still until told."""

    instant = START

    def now(self):
        return self.instant


class Busy:
    """A store or a desk that cannot be used at the moment."""

    def __getattr__(self, _name):
        raise StoreBusy("the database is in use")


@pytest.fixture
def stage(tmp_path):
    with staged(f"sqlite:///{tmp_path}/store.sqlite3", authority(Shape(with_root=True))) as stage:
        yield stage


@pytest.fixture
def web(stage):
    app = Flask(__name__)
    app.register_blueprint(create_index(stage.store, stage.succession, ManualClock()))
    return app.test_client()


def management(desk):
    class Service:
        name = "ca"

    app = create_management_app(Service(), LabClock())
    app.register_blueprint(create_bad_crls(desk, ManualClock()))
    return app.test_client()


def all_issued(web):
    """What a directory gathers, a page at a time: (sequence, DER)."""
    found, more, pages = [], True, 0
    while more:
        answer = web.get(f"/ca/issued.json?after={found[-1][0] if found else 0}").json
        found += [(each["sequence"], base64.b64decode(each["certificate"])) for each in answer["issued"]]
        more, pages = answer["more"], pages + 1
    return found, pages


def test_all_generations_are_listed_oldest_first(web, stage):
    stage.generations.append(authority(Shape(with_root=True), number=2, now=LATER))  # not current yet
    shown = web.get("/ca/index.json").json
    assert list(shown) == ["cas", "issued"]
    assert [each["name"] for each in shown["cas"]] == ["ca-1", "root-1", "ca-2", "root-2"]
    above = "CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
    assert shown["cas"][2] == {
        "name": "ca-2",
        "certificate": "/ca/ca-2.cer",
        "crl": "/crl/ca-2.crl",
        "dn": names.rfc4514(stage.generations[1].ca.certificate.subject),
        "cdp_dn": f"CN=ca-2,CN=scep-lab,CN=CDP,{above}",
        "aia_dn": f"CN=ca-2,CN=AIA,{above}",
    }


def test_a_directory_misses_nothing_and_is_told_when_it_has_all(web, stage):
    assert web.get("/ca/index.json").json["issued"] == 0
    assert web.get("/ca/issued.json").json == {"issued": [], "more": False}
    serial_numbers = [stage.issue(), stage.issue(lifetime=timedelta(seconds=1)), stage.issue()]
    stage.desk.revoke(serial_numbers[0], by="operator", now=START)  # revoked and ended ones stay
    found, pages = all_issued(web)
    assert [der for _, der in found] == [stage.store.certificate(each).der for each in serial_numbers]
    assert pages == 1
    assert web.get("/ca/index.json").json["issued"] == found[-1][0]
    assert web.get(f"/ca/issued.json?after={found[-1][0]}").json == {"issued": [], "more": False}
    assert web.get("/ca/issued.json?after=999999999999999").json == {"issued": [], "more": False}
    [rest] = web.get(f"/ca/issued.json?after={found[-2][0]}").json["issued"]
    assert rest["sequence"] == found[-1][0]


def test_a_page_has_a_bound(web, stage):
    stage.issue()
    with stage.store._database._connection() as connection:  # certifying them would take its time
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
            "INSERT INTO certificates SELECT i + 10, printf('%X', i), request_id, issuer, subject, "
            "subject_key, not_before, not_after, revoked_at, reason, invalidity_date, wrong_passwords, der "
            "FROM certificates, n"
        )
    assert len(web.get("/ca/issued.json").json["issued"]) == 500
    found, pages = all_issued(web)
    assert [sequence for sequence, _ in found] == [1, *range(11, 1211)]
    assert pages == 3


def test_what_has_not_changed_costs_a_few_octets(web, stage):
    stage.issue()
    for path in ("/ca/index.json", "/ca/issued.json?after=0"):
        first = web.get(path)
        assert (first.content_type, first.headers["Cache-Control"]) == ("application/json", "no-cache")
        headers = {"If-None-Match": first.headers["ETag"]}
        again = web.get(path, headers=headers)
        assert (again.status_code, again.data) == (304, b"")
        stage.issue()
        assert web.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "query", ["after=", "after=-1", "after=1.5", "after=x", f"after={10**15}", "after=1&after=2"]
)
def test_a_bad_sequence_number_is_said_in_words(web, query):
    answer = web.get(f"/ca/issued.json?{query}")
    assert answer.status_code == 400
    assert "after is one sequence number" in answer.text


def test_a_directory_may_come_again_when_the_store_is_busy(stage):
    app = Flask(__name__)
    app.register_blueprint(create_index(Busy(), stage.succession, ManualClock()))
    for path in ("/ca/index.json", "/ca/issued.json"):
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    answer = management(Busy()).get("/_lab/crl/ca-1.crl?as=expired")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "busy")


# -------------------------------------------------------------------------------------------- bad CRLs


def test_crls_are_had_whatever_is_served(stage):
    client = management(stage.desk)
    stage.desk.set_serving(Serving.MISSING, by="operator", now=START)
    for kind in (Serving.NORMAL, *SPOILT):
        answer = client.get(f"/_lab/crl/root-1.crl?as={kind}")
        assert (answer.status_code, answer.content_type) == (200, "application/pkix-crl")
        assert answer.data == stage.desk.crl_as(kind, "root-1", START).der
        again = client.get(
            f"/_lab/crl/root-1.crl?as={kind}", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert (again.status_code, again.data) == (304, b"")
    assert len(read_crl(client.get("/_lab/crl/ca-1.crl?as=huge").data).revoked) == FURTHER_ENTRIES
    assert stage.desk.serving() is Serving.MISSING


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ("ca-9.crl?as=expired", 404, "there is no CA ca-9"),
        ("ca-1.crl?as=missing", 400, "as is one of normal, expired, wrong-signer, huge"),
        ("ca-1.crl", 400, "as is one of normal, expired, wrong-signer, huge"),
    ],
)
def test_what_is_no_bad_crl(stage, asked, status, told):
    answer = management(stage.desk).get(f"/_lab/crl/{asked}")
    assert (answer.status_code, answer.json["error"]["message"]) == (status, told)
