"""NDES's pages, read as the programs read them that fetch passwords from NDES.

Each reader below is of the shape of a published one, which its name tells; the code is ours.
"""

import base64
import hashlib
import os
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.exceptions import HTTPException

from ca_server.domain.challenges import ChallengeDesk, Hasher
from ca_server.domain.ledger import StoreBusy, What
from ca_server.ndes_admin import NdesAdminSettings, create_ndes_admin, plain_page
from tests.ca_server.challenge_ledger import ChallengeLedger

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CERTIFICATE = b"the DER of a certificate"
ADMIN = "/certsrv/mscep_admin/"


class Ndes:
    """A SCEP port with the pages; whatever they leave to SCEP answers ``scep``."""

    def __init__(self, settings=None, may_enroll=lambda username: True):
        self.now_is = START
        self.ledger = ChallengeLedger()
        self.hasher = Hasher(os.urandom(32))
        app = Flask("test", static_folder=None)
        pages = create_ndes_admin(
            ChallengeDesk(self.ledger, self.hasher, os.urandom),
            thumbprint=lambda: CERTIFICATE,
            authenticate=lambda username, password: (
                (username, password) in (("op", "s3:cret"), ("é", "é"), ("", ""))
            ),
            clock=self,
            settings=settings,
            may_enroll=may_enroll,
        )
        app.register_blueprint(pages)
        app.add_url_rule("/<path:_path>", "scep", lambda _path: "scep", methods=["GET", "POST"])
        app.register_error_handler(HTTPException, lambda error: (error.description, error.code))
        self.web = app.test_client()

    def now(self):
        return self.now_is

    def ask(self, path=ADMIN, *, method="GET", who="op:s3:cret", headers=(), **options):
        login = {"Authorization": "Basic " + base64.b64encode(who.encode()).decode()} if who else {}
        return self.web.open(path, method=method, headers=login | dict(headers), **options)

    def page(self, path=ADMIN, **options):
        answer = self.ask(path, **options)
        assert answer.status_code == 200
        return answer.data.decode("utf-16")  # the encoding eats a byte order mark

    def password(self, **options):
        return fleet(self.ask(**options).data)

    def opened(self):
        return self.ledger.open_challenges(self.now_is)


@pytest.fixture
def ndes():
    return Ndes()


def fleet(body):
    """fleetdm/fleet, scep_proxy.go, earlier versions: big-endian unless a byte order mark says otherwise."""
    text = body.decode("utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-be")
    return re.search(r"(?i)enrollment challenge password is: <B> (\S+)", text)[1]


def zentral(body):
    """zentralopensource/zentral, microsoft_ca.py: UTF-16 alone, 16 to 32 digits."""
    return re.search(r"challenge password is: <B> ([A-Z0-9]{16,32}) </B>", body.decode("utf-16"))[1]


def manage_engine(body):
    """ManageEngine's AdcsResponseHandler: all between two texts, one of which spans two elements."""
    text = body.decode("utf-16")
    start = text.index("The enrollment challenge password is: <B> ") + 42
    return text[
        start : re.search(r" </B> <P> This password can be used (only once|multiple times)", text).start()
    ]


def powershell(body):
    """PSCertificateEnrollment's Get-NDESOTP.ps1: little-endian, the first 16 digits in a row."""
    return re.search("[A-F0-9]{16}", body.decode("utf-16-le"))[0]


def ilo(body):
    """HPE's iLO scripts in PowerShell: little-endian, the first word that begins with 16 digits."""
    return next(word for word in body.decode("utf-16-le").split() if re.match("[A-F0-9]{16}", word))


def scepwright(body):
    """pdb0102/SCEPwright, NdesChallengeSource.cs: the first long hexadecimal number after the words."""
    return re.search("(?is)challenge password.*?([0-9a-f]{8,64})", body.decode("utf-16"))[1]


def angle_brackets(body):
    """A Python script with requests_ntlm: split at ``>``, the words one character after it."""
    pieces = body.decode("utf-16").split(">")
    at = [piece.find("The enrollment challenge password is: <B") for piece in pieces].index(1)
    return pieces[at + 1].removesuffix("</B").strip()


READERS = [fleet, zentral, manage_engine, powershell, ilo, scepwright, angle_brackets]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_the_readers_that_exist_find_the_password(ndes, read):
    body = ndes.ask().data
    (kept,) = ndes.ledger.kept.values()
    assert ndes.hasher.matches(read(body), kept.digest)


@pytest.mark.parametrize("read", [each for each in READERS if each not in (powershell, ilo)])
def test_they_find_the_single_password_too(read):
    ndes = Ndes(NdesAdminSettings(single_password=True))
    assert [read(ndes.ask().data) for _ in range(7)] == [ndes.hasher.single_password()] * 7
    assert not ndes.ledger.kept
    assert "This password can be used multiple times and will not expire." in ndes.page()


def test_the_page_says_what_ndess_says(ndes):
    page = ndes.page()
    md5 = hashlib.md5(CERTIFICATE).hexdigest().upper()
    thumbprint = " ".join(md5[at : at + 8] for at in range(0, 32, 8))
    for sentence in (
        f"The thumbprint (hash value) for the CA certificate is: <B> {thumbprint} </B>",
        "This password can be used only once and will expire within 60 minutes.",
        "Each enrollment requires a new challenge password. You can refresh this web page to obtain a new "
        "challenge password.",
    ):
        assert sentence in page
    assert ndes.page() != page


@pytest.mark.parametrize(
    "path",
    [
        "/certsrv/mscep_admin",
        "/certsrv/mscep_admin/",
        "/CertSrv/mscep_admin/",
        "/CERTSRV/MSCEP_ADMIN/MSCEP.DLL",
        "/certsrv/mscep_admin/mscep.dll?x=operation",
    ],
)
def test_where_the_page_is(ndes, path):
    assert re.fullmatch("[0-9A-F]{16}", ndes.password(path=path))


def test_a_form_brings_the_page_too(ndes):
    assert ilo(ndes.ask(method="POST", data={"operation": "GetCACaps"}).data)  # as the iLO scripts do
    assert ndes.opened() == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [ADMIN + "mscep.dll", "/certsrv/mscep/", "/certsrv/mscep/mscep.dll"])
def test_an_operation_is_left_to_scep(ndes, path, method):
    for query in ("operation=GetCACaps", "message=x&OPERATION=", "operation"):
        assert ndes.ask(f"{path}?{query}", method=method, who=None).text == "scep"
    assert ndes.opened() == 0


def test_other_paths_and_messages_without_an_operation_are_left_to_scep(ndes):
    assert ndes.ask("/certsrv/mscep_administration", who=None).text == "scep"
    assert ndes.ask("/scep", who=None).text == "scep"
    assert ndes.ask("/certsrv/mscep/mscep.dll", method="POST", who=None).text == "scep"


@pytest.mark.parametrize(
    "path",
    [
        "/certsrv/mscep",
        "/CertSrv/mscep/",
        "/certsrv/mscep/mscep.dll",
        "/certsrv/mscep/MSCEP.dll/pkiclient.exe",
    ],
)
def test_the_plain_page_tells_everybody_where_the_other_is(ndes, path):
    page = ndes.page(path, who=None, headers={"Host": "ca.lab:8080"})
    assert "This URL is used by network devices to submit certificate requests." in page
    assert "http://ca.lab:8080/CertSrv/mscep_admin " in page


def test_a_host_of_mark_up_is_no_mark_up():
    assert "http://&lt;script&gt;/CertSrv/mscep_admin " in plain_page("<script>")


def test_utf8_is_there_for_who_reads_nothing_else():
    answer = Ndes(NdesAdminSettings(utf16=False)).ask()
    assert answer.content_type == "text/html; charset=utf-8"
    assert re.search("challenge password is: <B> [0-9A-F]{16} </B>", answer.text)


def test_what_goes_on_the_wire_is_windows_utf16_and_kept_by_nobody(ndes):
    answer = ndes.ask()
    assert answer.content_type == "text/html"
    assert answer.data.startswith(b"\xff\xfe<\0H\0T\0M\0L\0")
    assert answer.headers["Cache-Control"] == "no-store"


# -- who may --


@pytest.mark.parametrize("who", [None, "op:wrong", "op:", ":s3:cret", ":", "nobody:s3:cret", "op"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_nobody_gets_a_password_without_logging_in(ndes, who, method):
    answer = ndes.ask(who=who, method=method)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="mscep_admin"')
    assert ndes.opened() == 0


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !!!", "Basic /w==", "NTLM TlRMTVNTUAAB", 'Digest username="op", password="s3:cret"'],
)
def test_a_login_that_cannot_be_read_is_none(ndes, authorization):
    assert ndes.ask(who=None, headers={"Authorization": authorization}).status_code == 401


def test_a_login_is_unicode(ndes):
    assert ndes.password(who="é:é")


def test_who_may_not_enrol_is_told_so():
    ndes = Ndes(may_enroll=lambda username: username != "op")
    assert "You do not have sufficient permission to enroll with SCEP." in ndes.page()
    assert ndes.opened() == 0
    assert ndes.password(who="é:é")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(ndes, method):
    assert ndes.ask(method=method).status_code == 405
    assert ndes.opened() == 0


@pytest.mark.parametrize(
    ("destination", "opened"), [("image", 0), ("iframe", 0), ("empty", 0), ("document", 1), (None, 0)]
)
def test_another_site_uses_up_no_password_behind_an_operators_back(ndes, destination, opened):
    headers = {"Sec-Fetch-Site": "cross-site"} | ({"Sec-Fetch-Dest": destination} if destination else {})
    assert ndes.ask(headers=headers).status_code == (200 if opened else 403)
    assert ndes.opened() == opened


# -- the cache --


def test_a_head_uses_up_no_password(ndes):
    answer = ndes.ask(method="HEAD")
    assert (answer.status_code, answer.content_type, answer.data) == (200, "text/html", b"")
    assert ndes.opened() == 0


def test_the_sixth_finds_the_cache_full_until_an_hour_has_passed(ndes):
    passwords = {ndes.password() for _ in range(5)}
    assert len(passwords) == 5
    page = ndes.page()
    assert "The password cache is full." in page
    assert not re.search("[A-F0-9]{16}", page)
    ndes.now_is += timedelta(minutes=60)
    assert ndes.password() not in passwords


def test_a_busy_store_is_503_and_nothing_is_given_out(ndes, monkeypatch):
    def busy(about):
        raise StoreBusy("locked")

    monkeypatch.setattr(ndes.ledger, "write", busy)
    assert ndes.ask().status_code == 503


def test_audit_and_log_say_who_and_never_the_password(ndes):
    with capture_logs() as logs:
        password = ndes.password()
        ndes.ask(who="op:wrong")
    assert [(each["by"], each["answer"], each["source"]) for each in logs] == [
        ("op", "password", "127.0.0.1"),
        ("op", "unauthorized", "127.0.0.1"),
    ]
    assert [(each.what, each.by) for each in ndes.ledger.audited] == [(What.CHALLENGE, "op")]
    for secret in (password, "s3:cret", "wrong"):
        assert secret not in repr((logs, ndes.ledger.audited))
