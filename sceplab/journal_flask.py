"""Have a Flask application write what it answers into the journal."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, g, request

from sceplab.fault_http import about, fault_of, labelled
from sceplab.journal import Journal, Kind


def write_journal(app: Flask, journal: Journal, kind_of: Callable[[], Kind | None]) -> None:
    """Write an entry for each request; ``kind_of`` looks at ``flask.request``, None is for none.

    Neither query nor body is told, but for SCEP's operation: there may be passwords in them.
    """

    @app.after_request
    def write(response: Response) -> Response:
        kind = kind_of()
        if kind is not None:
            operation = request.args.get("operation")
            asked = f"{request.path}?operation={operation}" if operation else request.path
            details = {"status": response.status_code, "octets": response.calculate_content_length()}
            fault = fault_of(request.environ)
            summary = labelled(f"{request.method} {asked} -> {response.status_code}", fault)
            who = g.get("who", request.remote_addr or "")  # an operator's name, when that is known
            transaction = g.get("transaction", "")
            journal.add(kind, who, summary, transaction=transaction, details=details | about(fault))
        return response


def about_transaction(transaction_id: str) -> None:
    """Say which of SCEP's transactions the request at hand is about."""
    g.transaction = transaction_id


def changes() -> Kind | None:
    """``kind_of`` for an operators' API: what only asks is not worth an entry."""
    return None if request.method in ("GET", "HEAD", "OPTIONS") else Kind.MANAGEMENT
