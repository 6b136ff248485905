"""What the CA does wrong on demand, by name, and which of it a request may meet.

What spoils a CertRep is asked for when it is known what the answer is: only then can it be told whether there
is anything to spoil.  Who has met a fault of HTTP meets no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ca_server.domain.places import CRL_PATH
from ca_server.domain.profiles import Profiles
from ca_server.domain.spoiling import BAD_SIGNATURE
from scep_core import http
from scep_core.messages import ReplyMessage, Success
from scep_core.values import FailInfo, MessageType
from sceplab.fault_http import ANY_REQUEST, HTTP_FAULTS, Exposed, fault_of
from sceplab.faults import Fault, FaultBox, Injected
from sceplab.journal import Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

EMPTY_CAPABILITIES, CHANGED_CERTIFICATE, IIS_QUERY_LIMIT = (
    "empty-capabilities",
    "changed-certificate",
    "iis-query-limit",
)
IIS_LONGEST_QUERY = 2048  # maxQueryString unless configured otherwise (scep.md 2.1)
_REFUSALS = {f"fail-{each.rfc_name}": each for each in FailInfo}

CATALOGUE = (
    *HTTP_FAULTS,
    Fault(EMPTY_CAPABILITIES, "GetCACaps tells nothing."),
    Fault(CHANGED_CERTIFICATE, "GetCACert tells another CA: the same name, another key."),
    Fault(
        IIS_QUERY_LIMIT,
        f"A GET with a query of more than {IIS_LONGEST_QUERY} characters is not found (404.15), as at IIS.",
    ),
    *(
        Fault(name, f"A message gets FAILURE with {each.rfc_name}, whatever it says. It is not handled.")
        for name, each in _REFUSALS.items()
    ),
    Fault("pending", "PENDING comes in place of the certificate, which is issued."),
    Fault(BAD_SIGNATURE, "The CertRep's signature is wrong."),
    Fault("wrong-nonce", "The CertRep has another recipientNonce than the message's senderNonce."),
    Fault("wrong-transaction-id", "The CertRep is of another transaction."),
    Fault("wrong-recipient", "What SUCCESS carries is sealed for another certificate, the RA's."),
    Fault("expired-ra", "The CertRep is signed by an RA whose certificate has ended."),
    Fault("des-only", "What SUCCESS carries is sealed in single DES."),
)

# The page that IIS shows by default to who asks from elsewhere; the 15 stands in its log (ours: the words).
_NOT_FOUND = "<h2>404 - File or directory not found.</h2>\n"
INSTEAD: Mapping[str, Callable[[Injected], Response]] = {
    IIS_QUERY_LIMIT: lambda _fault: Response(_NOT_FOUND, 404, content_type="text/html"),
    EMPTY_CAPABILITIES: lambda _fault: Response(b"", content_type=http.TYPE_CAPS),
}

_ENROLMENTS = (MessageType.PKCS_REQ, MessageType.RENEWAL_REQ, MessageType.CERT_POLL)
_OF_ANY_REPLY = frozenset({BAD_SIGNATURE, "wrong-nonce", "wrong-transaction-id", "expired-ra"})
_OF_SUCCESS = _OF_ANY_REPLY | {"wrong-recipient", "des-only"}


class MessageFaults:
    """What goes wrong with one message of one client; ``name`` is the fault that it has met, or empty.

    See ``ca_server.domain.spoiling.Faults``.
    """

    def __init__(self, box: FaultBox, environ: WSGIEnvironment) -> None:
        self._box, self._client = box, environ.get("REMOTE_ADDR", "")
        self.name = fault_of(environ)

    def refusal(self) -> FailInfo | None:
        """The failInfo of the fault, if one is to happen."""
        return _REFUSALS.get(self._take(frozenset(_REFUSALS)))

    def spoils(self, reply: ReplyMessage, message_type: int | None) -> str:
        """The name of the fault, if one is to happen."""
        could = _OF_SUCCESS if isinstance(reply, Success) else _OF_ANY_REPLY
        if isinstance(reply, Success) and message_type in _ENROLMENTS:
            could |= {"pending"}
        return self._take(could)

    def _take(self, among: frozenset[str]) -> str:
        fault = None if self.name or self._box.is_idle else self._box.take(self._client, among)
        if fault is None:
            return ""
        self.name = fault.name
        return fault.name


def exposed_at(profiles: Profiles) -> Callable[[WSGIEnvironment], Exposed | None]:
    """Which faults a request of the SCEP port may meet: SCEP, NDES's page and CRLs do."""

    def exposed(environ: WSGIEnvironment) -> Exposed | None:
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        asked = f"{environ['REQUEST_METHOD']} {path}"
        if path.startswith(f"{CRL_PATH}/"):
            return Exposed(Kind.CRL, asked)
        if profiles.at(path) is None:
            return None
        could = set(ANY_REQUEST)
        operation = http.parse_query(query.encode("latin-1")).operation or ""
        asked += f"?operation={operation}" if operation else ""
        match operation.lower():
            case "getcacaps":
                could.add(EMPTY_CAPABILITIES)
            case "getcacert":
                could.add(CHANGED_CERTIFICATE)
        if environ["REQUEST_METHOD"] == "GET" and len(query) > IIS_LONGEST_QUERY:
            could.add(IIS_QUERY_LIMIT)
        return Exposed(Kind.SCEP, asked, could)

    return exposed
