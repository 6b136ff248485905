"""A challenge password from NDES's page, and what it is worth: curl fetches, jscep checks and enrols.

No registry has a program that reads this page and runs here by itself; `tests/ca_server/test_ndes_admin.py`
has a reader of the shape of each that is known.  Here an HTML parser and two sentences do it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.interop.jscep_client import Jscep, JscepError
from tests.programs import Ca, RunCa, program, run

pytestmark = pytest.mark.interop

SETTINGS = """
[profiles.ndes]
decide = "challenge"
challenge = "one-time"
"""
PASSWORD = re.compile(r"The enrollment challenge password is: (?P<bold>[0-9A-F]{16}) ")
THUMBPRINT = re.compile(r"The thumbprint \(hash value\) for the CA certificate is: (?P<bold>[0-9A-F ]{35}) ")


class Text(HTMLParser):
    """What a browser would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shown = ""
        self.feed(page)
        self.close()
        self.shown = " ".join(self.shown.split())

    def handle_data(self, data: str) -> None:
        self.shown += data


@pytest.fixture
def ndes(run_ca: RunCa) -> Ca:
    return run_ca(settings=SETTINGS)


def fetch(ca: Ca, path: str, *, status: int = 200, password: str | None = None) -> str:
    """The page's text, fetched by curl with the operator's name; Windows's UTF-16 is told by its mark."""
    operator = ca.operator.endpoints["operator"]
    config = f'user = "{operator["username"]}:{operator["password"] if password is None else password}"'
    curl = [program("curl"), "--silent", "--basic", "--config", "-", "--write-out", "%{stderr}%{http_code}"]
    done = run([*curl, f"{ca.scep}{path}"], stdin=config.encode())
    assert done.stderr.decode() == str(status)
    return Text(done.stdout.decode("utf-16" if status == 200 else "utf-8")).shown


def bold(sentence: re.Pattern[str], text: str) -> str:
    found = sentence.search(text)
    assert found, text
    return found["bold"]


@pytest.mark.parametrize("path", ["/certsrv/mscep_admin/", "/CertSrv/mscep_admin/mscep.dll"])
def test_one_password_enrols_once(jscep: Jscep, ndes: Ca, path: str) -> None:
    page = fetch(ndes, path)
    assert "This password can be used only once and will expire within 60 minutes." in page
    password = bold(PASSWORD, page)

    first, second = (jscep.device(f"{each} at {len(path)}", password) for each in ("first", "second"))
    assert jscep.enrol(ndes.ndes, first).certificate
    assert jscep.enrol(ndes.ndes, second).words == ("badMessageCheck",)
    request = ndes.operator.wait_for_request(lambda each: f"CN={first}," in each["subject"])
    assert (request["state"], request["challenge"]) == ("issued", "right")
    assert len(ndes.operator.audit(request_id=request["id"], what="alarm")) == 1
    assert jscep.enrol(ndes.ndes, jscep.device("a guess", "0123456789ABCDEF")).words == ("badMessageCheck",)


def test_thumbprint_is_the_cas(jscep: Jscep, ndes: Ca) -> None:
    thumbprint = bold(THUMBPRINT, fetch(ndes, "/certsrv/mscep_admin/")).replace(" ", "")
    assert len(jscep.authorities(ndes.ndes, md5=thumbprint)) == 3
    with pytest.raises(JscepError, match="CA certificate fingerprint could not be verified"):
        jscep.authorities(ndes.ndes, md5=thumbprint[::-1])


def test_full_cache_and_wrong_login(jscep: Jscep, ndes: Ca) -> None:
    fetch(ndes, "/certsrv/mscep_admin/", status=401, password="a guess")
    pages = [fetch(ndes, "/certsrv/mscep_admin/") for _ in range(6)]
    assert "The password cache is full." in pages[-1]
    password = bold(PASSWORD, pages[0])
    assert jscep.enrol(ndes.ndes, jscep.device("who had waited", password)).certificate
    assert bold(PASSWORD, fetch(ndes, "/certsrv/mscep_admin/")) != password
