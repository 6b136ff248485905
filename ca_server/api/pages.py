"""The console's two pages: without a script, readable on a telephone, and with one style sheet of their own.

What clients have sent stands here: it is escaped, wraps anywhere, and a long one scrolls in its cell.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from flask import render_template_string

from ca_server.api.route import Route
from ca_server.domain.requests import CertificateRequest
from sceplab.clock import format_instant

_STYLE = """
body { font: 1rem/1.4 system-ui, sans-serif; margin: 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid; padding: .3rem .5rem; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
td > div { min-width: 10ch; max-height: 9rem; overflow: auto }
@media (max-width: 60rem) {
  thead { display: none }
  tr { display: block; border: 1px solid; margin-bottom: 1rem }
  td { display: block; border: 0 }
  td[data-label]::before { content: attr(data-label); font-weight: bold }
}
"""
# The style sheet is known by its hash: nothing else that finds its way into a page is taken for one.
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}: scep-lab CA</title>
<style>{{ style | safe }}</style>
<h1>{{ title }}</h1>
<p>{{ about }} <a href="{{ link }}">{{ link_text }}</a>
<table>
<thead><tr>{% for heading in headings %}<th>{{ heading }}{% endfor %}</thead>
{% for row in rows %}
<tr>{% for cell in row %}<td data-label="{{ headings[loop.index0] }}"><div>{{ cell }}</div>{% endfor %}
{% else %}<tr><td colspan="{{ headings | length }}">none yet
{% endfor %}
</table>
</html>
"""


def queue_page(requests: Iterable[CertificateRequest], now: datetime) -> str:
    """The newest requests."""
    headings = (
        "id",
        "state",
        "subject",
        "names",
        "key",
        "MD5 of the request",
        "challenge",
        "polls",
        "received",
    )
    rows = [
        (
            *(each.id, each.state, each.subject, ", ".join(each.subject_alt_names), each.key),
            *(each.md5, each.challenge, each.polls, f"{each.received_at:%Y-%m-%d %H:%M:%S}"),
        )
        for each in requests
    ]
    about = f"A lab's CA: nothing here is to be trusted. Lab time {format_instant(now)}. The newest 100."
    return _page("Certificate requests", about, ("/api/", "The API has all."), headings, rows)


def api_page(routes: Iterable[Route]) -> str:
    """Every route of the API."""
    rows = [
        (
            *(each.method, each.path, ", ".join(each.query)),
            *(", ".join((each.body or {}).get("properties", ())), each.summary),
        )
        for each in routes
    ]
    headings = ("method", "path", "query", "body", "what it does")
    about = "For programs; a change is sent as JSON."
    return _page("The operators' API", about, ("/api/openapi.json", "OpenAPI 3.1"), headings, rows)


def _page(
    title: str, about: str, link: tuple[str, str], headings: Sequence[str], rows: Sequence[Sequence[object]]
) -> str:
    return render_template_string(
        _PAGE,
        title=title,
        style=_STYLE,
        about=about,
        link=link[0],
        link_text=link[1],
        headings=headings,
        rows=rows,
    )
