"""A CA whose every answer a test chooses, and a console that carries a router's exchanges to it.

No sockets, no threads; the only clock is the screen's, which a test moves by hand.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from router_emu.cli.session import Output
from router_emu.commands.context import Router
from router_emu.commands.disk import DiskRefusal, Entry, LookUp, ReadFile, WriteFile
from router_emu.pki import snapshot
from router_emu.pki.attempts import Task
from router_emu.pki.keys import Algorithm, GenerateKey, KeyPair, generate
from router_emu.pki.store import Pki
from router_emu.pki.wire import ExchangeFailed, HttpRequest, HttpResponse, LdapSearch, NoResponse, Work
from scep_core import certificates, http, names
from scep_core.certificates import Certificate, Extension, build_certificate, ext_crl_distribution_points
from scep_core.cms import Identity
from scep_core.codec import ReplyShape, Request, open_request, parse_message, seal_reply
from scep_core.csr import public_key_info
from scep_core.messages import Failure, Pending, PkcsReq, ReplyMessage, Success
from scep_core.values import LEGACY, Digest, FailInfo

# The CA of the chapter's example: its name, its life, and the serial number of what it issues.
CHAPTERS_CA = "C=US,ST=CA,L=San Jose,O=Cisco Systems,OU=HFR,CN=Root coax-u10 Certificate Manager"
BORN = datetime(2003, 8, 19, 7, tzinfo=UTC)
DIES = datetime(2020, 8, 19, 7, tzinfo=UTC)
ISSUED_SERIAL = 0x6E
ISSUED_LIFE = (
    datetime(2003, 9, 22, 21, 43, 14, tzinfo=UTC),
    datetime(2003, 9, 29, 21, 43, 14, tzinfo=UTC),
)

URL = "http://ca.lab/certsrv/mscep/mscep.dll"
PASSWORD = "c0rrect-h0rse"

Answer = HttpResponse | NoResponse


def rsa_key(name: str, bits: int = 1024) -> rsa.RSAPrivateKey:
    """One key for each name and session; 1024 bits to be quick."""
    return _rsa_key(name, bits)


@cache
def _rsa_key(_name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def make_identity(
    key_name: str,
    subject: str,
    *extensions: Extension,
    issuer: Identity | None = None,
    serial_number: int = 1,
    life: tuple[datetime, datetime] = (BORN, DIES),
) -> Identity:
    """A certificate with its key, self-signed unless there is an issuer."""
    key, name = rsa_key(key_name), names.build_name(names.parse_text(subject))
    certificate = build_certificate(
        serial_number=serial_number,
        issuer=issuer.certificate.subject if issuer else name,
        subject=name,
        public_key_info=public_key_info(key.public_key()),
        not_before=life[0],
        not_after=life[1],
        extensions=extensions,
        key=issuer.key if issuer else key,
        digest=Digest.SHA256,
    )
    return Identity(certificate, key)


# The chapter's example: where the router's certificate says that its CRL is.
CHAPTERS_CRL = "ldap://coax-u10.cisco.com/CN=Root coax-u10 Certificate Manager,O=Cisco Systems"


def make_ca(key_name: str = "ca", subject: str = CHAPTERS_CA, **options: Any) -> Identity:
    """A CA's identity."""
    return make_identity(key_name, subject, certificates.ext_basic_constraints(True), **options)


def pem_lines(certificate: Certificate) -> list[str]:
    """A certificate as people paste it, line by line."""
    text = base64.b64encode(certificate.der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"]


def make_ra(usage: str, issuer: Identity, *, subject: str | None = None) -> Identity:
    """One of NDES's two RA identities."""
    extension = certificates.ext_key_usage(usage)
    return make_identity(f"ra {usage}", subject or f"CN=RA {usage}", extension, issuer=issuer)


class ScriptedCa:
    """Answers over the pretend wire.

    ``answer`` decides about each PKIOperation; ``certificates`` and ``capabilities`` are what is told (an
    ``Answer`` instead is sent as it stands), and ``next_ca`` is GetNextCACert's answer.  ``requests`` and
    ``messages`` are what came; ``serial_number`` and ``life`` are those of what is issued next.
    """

    def __init__(self) -> None:
        self.identity = self.signer = make_ca()
        self.recipients = [self.identity]
        self.certificates: Sequence[Certificate] | Answer = (self.identity.certificate,)
        self.capabilities: str | Answer = "POSTPKIOperation\nSHA-1\nSHA-256\nDES3\nAES\n"
        self.next_ca: Answer = HttpResponse(404, "text/plain", b"there is no next CA")
        self.answer: Callable[[Request], Answer] = self.pending
        self.requests: list[HttpRequest] = []
        self.messages: list[Request] = []
        self.serial_number, self.life = ISSUED_SERIAL, ISSUED_LIFE

    def use_ras(self, order: Sequence[int] = (0, 1, 2)) -> tuple[Identity, Identity]:
        """RA mode, as NDES: two RA certificates and the CA's, told in this order."""
        signing, encryption = (
            make_ra(use, self.identity) for use in ("digital_signature", "key_encipherment")
        )
        told = (signing.certificate, encryption.certificate, self.identity.certificate)
        self.certificates = [told[index] for index in order]
        self.signer, self.recipients = signing, [encryption, self.identity]
        return signing, encryption

    @property
    def kinds(self) -> list[str]:
        """Which messages came."""
        return [type(each.message).__name__ for each in self.messages]

    def __call__(self, request: HttpRequest) -> Answer:
        self.requests.append(request)
        query = http.parse_query(urlsplit(request.url).query.encode())
        if query.operation == http.GET_CA_CERT:
            if isinstance(self.certificates, HttpResponse | NoResponse):
                return self.certificates
            return HttpResponse(200, *http.format_ca_certificates(tuple(self.certificates)))
        if query.operation == http.GET_CA_CAPS:
            if not isinstance(self.capabilities, str):
                return self.capabilities
            return HttpResponse(200, http.TYPE_CAPS, self.capabilities.encode())
        if query.operation == http.GET_NEXT_CA_CERT:
            return self.next_ca
        assert query.operation == http.PKI_OPERATION
        data = request.body or http.decode_get_message(query.message or b"")
        opened = open_request(parse_message(data), self.recipients, LEGACY, random_bytes=os.urandom)
        self.messages.append(opened)
        return self.answer(opened)

    # --- answers ---

    def reply(
        self,
        reply: ReplyMessage,
        request: Request,
        *,
        signer: Identity | None = None,
        sealed_for: Certificate | None = None,
        **head: Any,
    ) -> Answer:
        """A CertRep; ``head`` changes what it claims to answer."""
        body = seal_reply(
            reply,
            head=replace(request.head, signer=sealed_for or request.signer, **head),
            signer=signer or self.signer,
            shape=ReplyShape.COMPAT,
            random_bytes=os.urandom,
        )
        return HttpResponse(200, http.TYPE_PKI_MESSAGE, body)

    def pending(self, request: Request) -> Answer:
        """A person has to decide."""
        return self.reply(Pending(), request)

    def issued(self, request: Request) -> Answer:
        """The certificate."""
        return self.reply(Success((self.certify(request),)), request)

    def denied(self, request: Request) -> Answer:
        """No, with a reason."""
        return self.reply(Failure(FailInfo.BAD_REQUEST, "not on my network"), request)

    def silent(self, _request: Request) -> Answer:
        """The answer, or the request, gets lost."""
        return NoResponse("timed out")

    def certify(
        self, request: Request, *, issuer: Identity | None = None, key: bytes = b"", subject: str = ""
    ) -> Certificate:
        """What the request asks for, or something else."""
        asked = next(each.message.csr for each in self.messages if isinstance(each.message, PkcsReq))
        issuer = issuer or self.identity
        return build_certificate(
            serial_number=self.serial_number,
            issuer=issuer.certificate.subject,
            subject=names.build_name(names.parse_text(subject)) if subject else asked.subject,
            public_key_info=key or request.signer.public_key_info,
            not_before=self.life[0],
            not_after=self.life[1],
            extensions=[ext_crl_distribution_points(CHAPTERS_CRL)],
            key=issuer.key,
            digest=Digest.SHA256,
        )


def awaited(pki: Pki) -> list[tuple[datetime, str, str]]:
    """The timers that somebody waits for: all but those that tell the end of a certificate."""
    return [each for each in pki.timers() if not each[2].startswith("expiry ")]


class Lab:
    """A router's shell over a wire.  ``hold`` keeps PKI exchanges back, as a slow network does."""

    def __init__(self, screen: Any, wire: Callable[[Any], Answer]) -> None:
        self.screen, self.wire = screen, wire
        self.hold = False
        self.held: list[Task[Any]] = []
        self.files: dict[str, bytes] = {}

    def key(self, label: str = "the_default") -> KeyPair:
        """The general-purpose RSA key that goes by this label."""
        [key] = self.pki.keys.for_enrolment(label)
        return key

    @property
    def router(self) -> Router:
        router: Router = self.screen.router
        return router

    @property
    def pki(self) -> Pki:
        return self.router.pki

    @property
    def log(self) -> list[str]:
        """The messages of the log, from the mnemonic on, without those of the configuration."""
        lines = (line.partition(": %")[2] for line in self.router.log.lines)
        return [line for line in lines if line.startswith("SECURITY-")]

    def type(self, *lines: str) -> Output:
        """Type lines; jobs are done, and what is to be sent is sent."""
        output: Output = self.screen.output
        for line in lines:
            output = self.screen(line)
            jobs = 0
            while output.job is not None:
                jobs += 1
                output = self.screen.take(self._do(output.job, jobs))
            self.settle()
        return output

    def _do(self, job: object, number: int) -> Output:
        session, now = self.screen.session, self.screen.now
        try:
            result = self._perform(job, number)
        except DiskRefusal as refusal:
            done: Output = session.throw(refusal, now)
        else:
            done = session.resume(result, now)
        return done

    def _perform(self, job: object, number: int) -> object:
        match job:
            case GenerateKey(Algorithm.RSA, bits):  # usage keys are two of one command
                return rsa_key("router" if number == 1 else f"router {number}", bits)
            case GenerateKey():  # always the same, because DSA's numbers differ in length
                return generate(job, Random(job.bits).randbytes)
            case ReadFile(path, most):
                if path not in self.files:
                    raise DiskRefusal(f"{path}: No such file or directory")
                return self.files[path][:most]
            case WriteFile(path) | LookUp(path) if not path.lstrip("/").startswith(("disk0:", "harddisk:")):
                raise DiskRefusal(f"{path}: there is no such disk")
            case WriteFile(path, data):
                self.files[path] = data
                return None
            case LookUp(path):
                return Entry(path, False, len(self.files[path]), BORN) if path in self.files else None
            case Work(do):
                return do()
        assert isinstance(job, HttpRequest | LdapSearch)
        return self.wire(job)

    def settle(self) -> None:
        """What the router's owner does after each command."""
        self.router.follow_configuration(self.screen.now)
        tasks, self.pki.outbox = self.pki.outbox, []
        self.held += tasks
        if not self.hold:
            self.deliver()
            if self.pki.outbox:  # one thing led to another
                self.settle()

    def deliver(self) -> list[str]:
        """Carry what was held back; what each exchange came to."""
        tasks, self.held = self.held, []
        return [task.finish(self.carry(task), self.screen.now) for task in tasks]

    def carry(self, task: Task[Any]) -> Any:
        try:
            request = next(task.exchange)
            while True:
                request = task.exchange.send(self._perform(request, 1))
        except StopIteration as done:
            return done.value
        except ExchangeFailed as failure:
            return failure

    def wait(self, **span: float) -> None:
        """Let time pass, from timer to timer."""
        until = self.screen.now + timedelta(**span)
        while self.pki.timers() and self.pki.timers()[0][0] <= until:
            due, trustpoint, _ = self.pki.timers()[0]
            self.screen.now = max(self.screen.now, due)
            self.pki.fire(trustpoint, self.screen.now)
            self.settle()
        self.screen.now = until

    def restart(self) -> None:
        """Go down and come up with what a snapshot holds."""
        stored = json.loads(json.dumps(snapshot.dump(self.pki)))
        fresh = Pki(self.pki.wire, os.urandom)
        snapshot.load(fresh, stored)
        self.router.pki = fresh
        fresh.on_report = self.router.log_enrolment
        self.held.clear()
        self.router.follow_configuration(self.screen.now)
        fresh.recover(self.screen.now)
        self.settle()

    # --- the beginnings of most stories ---

    def configure(self, *more: str, url: str = URL) -> Lab:
        """Host name, domain name, the trustpoint myca (every 2 minutes, 3 times) and an RSA key."""
        trustpoint = (f"enrollment url {url}", "enrollment retry period 2", "enrollment retry count 3", *more)
        self.type("configure", "hostname r1", "domain name lab.example", "crypto ca trustpoint myca")
        self.type(*trustpoint, "commit", "end", "crypto key generate rsa", "1024")
        assert not self.screen.output.failed
        self.screen.now = max(self.screen.now, ISSUED_LIFE[0])  # in the chapter it is four days later, too
        return self

    def authenticate(self, *more: str) -> Lab:
        """The same, and the CA's certificate accepted."""
        self.configure(*more)
        assert self.type("crypto ca authenticate myca").question
        self.type("yes")
        assert self.pki.trustpoint("myca").ca is not None
        return self

    def enrol(self, *more: str) -> Lab:
        """The same, and the request sent."""
        self.authenticate(*more)
        self.type("crypto ca enroll myca", PASSWORD, PASSWORD)
        return self
