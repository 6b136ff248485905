"""A CA that only publishes, for the directory to ask; a test says what it has and what is wrong with it."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, jsonify, request

from scep_core import names
from scep_core.certificates import build_certificate, key_identifier
from scep_core.crls import build_crl
from scep_core.csr import public_key_info
from scep_core.values import Digest
from sceplab.serving import HttpServer

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABOVE = "CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
CA = "CN=Lab CA,O=Lab"
PAGE = 3


@cache
def key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1000 + number, ec.SECP256R1())


def name(text: str) -> bytes:
    """DER of a name as RFC 4514 writes it."""
    return names.build_name(names.parse_text(text)[::-1]) if text else names.EMPTY_NAME


def certificate(subject: str, serial_number: int = 1, by: int = 1) -> bytes:
    """A certificate that the CA of this number has issued."""
    return build_certificate(
        serial_number=serial_number,
        issuer=name(CA),
        subject=name(subject),
        public_key_info=public_key_info(key(by).public_key()),
        not_before=START,
        not_after=START + timedelta(days=365),
        extensions=(),
        key=key(by),
        digest=Digest.SHA256,
    ).der


def crl(number: int, by: int = 1) -> bytes:
    """A CRL of the CA of this number."""
    return build_crl(
        issuer=name(CA),
        key=key(by),
        digest=Digest.SHA256,
        this_update=START,
        next_update=START + timedelta(days=7),
        revoked=(),
        number=number,
        authority_key_id=key_identifier(public_key_info(key(by).public_key())),
    )


class PublishedCa:
    """Its ports are one: the management port's CRLs are there too."""

    def __init__(self) -> None:
        self.certificates = {"ca-1": certificate(CA)}
        self.crls: dict[str, bytes | None] = {"ca-1": crl(1)}
        self.issued: list[bytes] = []
        self.chain = ["ca-1"]
        self.answers: list[tuple[str, int]] = []  # path and status of each answer
        self.broken: dict[str, tuple[int, bytes]] = {}
        self.app = Flask("published-ca")
        self.app.add_url_rule("/<path:_path>", view_func=self._answer)

    def _answer(self, _path: str) -> Response:
        answer = self._content(request.path)
        answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest())
        answer = answer.make_conditional(request)
        self.answers.append((request.full_path.rstrip("?"), answer.status_code))
        return answer

    def _content(self, path: str) -> Response:
        if path in self.broken:
            status, body = self.broken[path]
            return Response(body, status)
        stem, _, kind = path.rpartition("/")[2].rpartition(".")
        if path == "/ca/index.json":
            cas = [
                {
                    "name": each,
                    "certificate": f"/ca/{each}.cer",
                    "crl": f"/crl/{each}.crl",
                    "dn": CA,
                    "cdp_dn": f"CN={each},CN=scep-lab,CN=CDP,{ABOVE}",
                    "aia_dn": f"CN={each},CN=AIA,{ABOVE}",
                }
                for each in self.certificates
            ]
            return jsonify({"cas": cas, "issued": len(self.issued)})
        if path == "/ca/issued.json":
            after = int(request.args["after"])
            page = [
                {"sequence": number, "certificate": base64.b64encode(der).decode()}
                for number, der in enumerate(self.issued, 1)
                if number > after
            ]
            return jsonify({"issued": page[:PAGE], "more": len(page) > PAGE})
        if path == "/ca/chain.pem":
            return Response("".join(ssl.DER_cert_to_PEM_cert(self.certificates[each]) for each in self.chain))
        if path.startswith("/_lab/crl/") and request.args["as"] != "normal":
            return Response(f"{stem} {request.args['as']}")
        found = (self.certificates if kind == "cer" else self.crls).get(stem)
        return Response("none", 404) if found is None else Response(found)


@contextmanager
def served(ca: PublishedCa, port: int = 0) -> Iterator[str]:
    """The CA on a port, for as long as the block lasts; yields its URL."""
    with HttpServer(ca.app, port=port, threads=2) as server:
        yield server.url
