"""NDES's two web pages: the one that hands out challenge passwords, and the one that says what is there.

The sentences, and the mark-up just around thumbprint and password, are what programs look for that fetch
passwords for devices; ``docs/ndes.md`` names them and says what each one needs.  The rest of the page is
ours.  Whatever a browser, or such a program, asks here without naming an operation of SCEP is answered
here; everything else goes on to SCEP, which answers under all of these paths (``scep.md`` 2.1; jscep's
manual gives ``mscep_admin/mscep.dll`` as NDES's URL).
"""

from __future__ import annotations

import codecs
import hashlib
import html
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import Forbidden, MethodNotAllowed, ServiceUnavailable

from ca_server.domain.challenges import NDES_CACHE, NDES_VALIDITY, CacheFull, ChallengeDesk
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.requests import fingerprint_text
from sceplab.clock import Clock

# In lower case and without a slash at the end.
ADMIN_PATHS = frozenset({"/certsrv/mscep_admin", "/certsrv/mscep_admin/mscep.dll"})
SCEP_PATHS = frozenset(
    {"/certsrv/mscep", "/certsrv/mscep/mscep.dll", "/certsrv/mscep/mscep.dll/pkiclient.exe"}
)
_MINUTES = NDES_VALIDITY.seconds // 60
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class NdesAdminSettings:
    """How the pages are.

    ``utf16``: UTF-16LE with a byte order mark and no charset in the Content-Type, as Windows sends them;
    the default, because most programs that read the page read nothing else.  Otherwise UTF-8.
    ``single_password``: always the same password (registry: UseSinglePassword).
    """

    utf16: bool = True
    single_password: bool = False


def create_ndes_admin(
    desk: ChallengeDesk,
    *,
    thumbprint: Callable[[], bytes],
    authenticate: Callable[[str, str], bool],
    clock: Clock,
    settings: NdesAdminSettings | None = None,
    may_enroll: Callable[[str], bool] = lambda _username: True,
) -> Blueprint:
    """The pages, for the application of the SCEP port.

    ``thumbprint`` tells the DER of the CA's current certificate.  ``authenticate`` is asked about a name
    and a password; who is known but may not enrol gets NDES's page that says so.
    """
    pages = _Pages(desk, thumbprint, authenticate, clock, settings or NdesAdminSettings(), may_enroll)
    blueprint = Blueprint("ndes_admin", __name__)
    # Not a route: in Flask, those tell cases apart, and none can leave a request to another.
    blueprint.before_app_request(pages.answer)
    return blueprint


@dataclass(frozen=True)
class _Pages:
    desk: ChallengeDesk
    thumbprint: Callable[[], bytes]
    authenticate: Callable[[str, str], bool]
    clock: Clock
    settings: NdesAdminSettings
    may_enroll: Callable[[str], bool]

    def answer(self) -> Response | None:
        """Answer the request that is at hand; None when it is for SCEP."""
        path = request.path.lower().rstrip("/")
        if path in SCEP_PATHS and request.method in ("GET", "HEAD") and not _names_operation():
            return _response(plain_page(request.host), self.settings)
        if path not in ADMIN_PATHS or _names_operation():
            return None
        if request.method not in ("GET", "HEAD", "POST"):  # HPE's scripts for iLO come by POST
            raise MethodNotAllowed(["GET", "HEAD", "POST"])
        return self._admin()

    def _admin(self) -> Response:
        given = request.authorization
        username = (given.username if given is not None and given.type == "basic" else None) or ""
        if given is None or not username or not self.authenticate(username, given.password or ""):
            _log.info("ndes-admin", by=username, source=request.remote_addr, answer="unauthorized")
            return _unauthorized()
        _refuse_other_sites()
        if request.method == "HEAD":
            return _head(self.settings)
        what, page = self._admin_page(username)
        _log.info("ndes-admin", by=username, source=request.remote_addr, answer=what)
        return _response(page, self.settings)

    def _admin_page(self, username: str) -> tuple[str, str]:
        """The page, and what it is, in a word for the log."""
        if not self.may_enroll(username):
            return "no-permission", NO_PERMISSION_PAGE
        certificate = self.thumbprint()
        if self.settings.single_password:
            return "single-password", password_page(certificate, self.desk.single_password(), single=True)
        try:
            password = self.desk.ndes_password(by=username, now=self.clock.now())
        except CacheFull:
            return "cache-full", CACHE_FULL_PAGE
        except StoreBusy as error:
            raise ServiceUnavailable("no password can be kept at the moment", retry_after=1) from error
        return "password", password_page(certificate, password)


def _page(*paragraphs: str) -> str:
    # One space to each side of every <P> and <B>: programs count on it.
    return (
        "<HTML><Head><Title>Network Device Enrollment Service</Title></Head><Body><P> "
        "Network Device Enrollment Service allows you to obtain certificates for routers or other network "
        "devices using the Simple Certificate Enrollment Protocol (SCEP). <P> "
        + " <P> ".join(paragraphs)
        + " <P> For more information see Using Network Device Enrollment Service. </Body></HTML>"
    )


CACHE_FULL_PAGE = _page(
    "The password cache is full.",
    "Network Device Enrollment Service stores unused password for later use. "
    f"By default, passwords are stored for {_MINUTES} minutes.",
    "Use one of the existing passwords. If you cannot use an existing password: wait until one or more "
    f"existing passwords expire (by default passwords expire {_MINUTES} minutes after they are created). "
    f"This lab keeps {NDES_CACHE}; its operator can withdraw one, or advance the lab's clock.",
)
NO_PERMISSION_PAGE = _page(
    "You do not have sufficient permission to enroll with SCEP.  Please contact your system administrator."
)


def password_page(certificate: bytes, password: str, *, single: bool = False) -> str:
    """The page with a challenge password, and the thumbprint of the CA's certificate (DER).

    It is the MD5 of the whole certificate (jscep#13), in groups of eight digits (sscep#46): programs
    that take the first 16 digits in a row for the password rely on the gaps.
    """
    md5 = hashlib.md5(certificate, usedforsecurity=False).digest()
    how = (
        ["This password can be used multiple times and will not expire."]  # sscep#46
        if single
        else [
            f"This password can be used only once and will expire within {_MINUTES} minutes.",
            "Each enrollment requires a new challenge password. "
            "You can refresh this web page to obtain a new challenge password.",
        ]
    )
    return _page(
        "To complete certificate enrollment for your network device you will need the following information:",
        f"The thumbprint (hash value) for the CA certificate is: <B> {fingerprint_text(md5)} </B>",
        f"The enrollment challenge password is: <B> {password} </B>",
        *how,
    )


def plain_page(host: str) -> str:
    """The page of ``mscep.dll`` for who comes without an operation; ``host`` as the client wrote it."""
    return _page(
        "This URL is used by network devices to submit certificate requests.",
        "To obtain an enrollment challenge password, go to the admin URL. By default, the admin URL is "
        f"http://{html.escape(host)}/CertSrv/mscep_admin",
    )


def _names_operation() -> bool:
    # Not http.parse_query: a message of kilobytes need not be decoded twice.
    keys = (pair.partition(b"=")[0] for pair in request.query_string.split(b"&"))
    return any(key.lower() == b"operation" for key in keys)


def _refuse_other_sites() -> None:
    # NDES makes a password for every GET.  Another site's image or frame must not use them up with what
    # the browser remembers of a login; a link that somebody follows may.
    headers = request.headers
    if headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Dest") != "document":
        raise Forbidden("another site has sent this request")


def _response(page: str, settings: NdesAdminSettings) -> Response:
    body = codecs.BOM_UTF16_LE + page.encode("utf-16-le") if settings.utf16 else page.encode()
    answer = Response(body, content_type=_content_type(settings))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _head(settings: NdesAdminSettings) -> Response:
    """What a GET would bring, as far as can be told without using up a password."""
    answer = Response(content_type=_content_type(settings))
    answer.automatically_set_content_length = False
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _content_type(settings: NdesAdminSettings) -> str:
    return "text/html" if settings.utf16 else "text/html; charset=utf-8"


def _unauthorized() -> Response:
    answer = Response("name and password, please\n", status=401, content_type="text/plain; charset=utf-8")
    answer.headers["WWW-Authenticate"] = 'Basic realm="mscep_admin"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
