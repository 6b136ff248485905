"""What a directory has to know in order to publish for this CA: its CAs, and every certificate it has issued.

On the SCEP port and without a login, since all of it is what a directory shows to anybody.  A directory asks
for the index, and for the certificates after the last that it knows; with an ETag that costs it a 304.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ca_server.domain.authority import Authorities
from ca_server.domain.ledger import Store, StoreBusy
from ca_server.domain.places import CERTIFICATE_PATH, aia_dn, cdp_dn, certificate_path, crl_path
from ca_server.publication import busy, published
from scep_core import names
from sceplab.clock import Clock

_SEQUENCE = re.compile(r"[0-9]{1,15}")


def create_index(store: Store, authorities: Authorities, clock: Clock) -> Blueprint:
    """The routes."""
    routes = Blueprint("index", __name__, url_prefix=CERTIFICATE_PATH)

    def answer(value: Mapping[str, object]) -> ResponseReturnValue:
        content = json.dumps(value).encode()
        return published(content, "application/json", clock.now()).make_conditional(request)

    @routes.get("/index.json")
    def index() -> ResponseReturnValue:
        cas = [
            {
                "name": ca.name,
                "certificate": certificate_path(ca.name),
                "crl": crl_path(ca.name),
                "dn": names.rfc4514(ca.certificate.subject),
                "cdp_dn": cdp_dn(ca.name),
                "aia_dn": aia_dn(ca.name),
            }
            for ca in authorities().cas
        ]
        return answer({"cas": cas, "issued": store.last_issued()})

    @routes.get("/issued.json")
    def issued() -> ResponseReturnValue:
        after, last = _after(), store.last_issued()
        found = [] if after >= last else store.issued_between(after, last)
        shown = [{"sequence": each.id, "certificate": base64.b64encode(each.der).decode()} for each in found]
        return answer({"issued": shown, "more": bool(found) and found[-1].id < last})

    routes.register_error_handler(StoreBusy, busy)
    return routes


def _after() -> int:
    """The sequence number after which to begin; BadRequest."""
    given = request.args.getlist("after") or ["0"]
    if len(given) != 1 or not _SEQUENCE.fullmatch(given[0]):
        raise BadRequest("after is one sequence number: a whole number from 0 on")
    return int(given[0])
