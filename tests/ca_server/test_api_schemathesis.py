"""The API against its own document: whatever schemathesis sends is answered as the document says.

Nothing that is sent makes a 500, what the document calls wrong is refused, and nobody gets in unknown.
"""

import dataclasses

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from ca_server.api.openapi import ALL_ROUTES, PATH
from scep_core.messages import PkcsReq
from tests.ca_server.api_stage import Console
from tests.ca_server.conftest import OPERATOR, Client, build_lab


def wrong_is_refused(context, response, case):
    """Schemathesis' own check, which does not know that a body may be too long to be looked at."""
    return None if response.status_code == 413 else checks.negative_data_rejection(context, response, case)


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    wrong_is_refused,
    checks.ignored_auth,
]
EXAMPLES = 12


@dataclasses.dataclass
class Api:
    """The document as schemathesis reads it, over a CA with requests in every state."""

    console: Console
    document: schemathesis.BaseSchema
    known: dict[str, object]  # a value for each parameter of a path that names something


@pytest.fixture(scope="module")
def api(authority, authority_keys, keys, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('api') / 'requests.sqlite3'}"
    lab = build_lab(authority, url, next_keys=lambda: authority_keys(2))
    for number in range(4):
        client = Client(keys(number), authority, f"r{number}")
        lab.send(client, client.seal(PkcsReq(client.csr(challenge="s3cret"))))
    lab.deny(3)
    serial = f"{lab.approve(1).serial_number:032X}"
    console = Console(lab.apps.console, OPERATOR)
    console.post("/api/challenges")
    console.post("/api/tokens", {"name": "ci"})
    document = schemathesis.openapi.from_wsgi(PATH, lab.apps.console, headers=console.headers)
    yield Api(console, document, {"id": 1, "serial_number": serial})
    lab.store.close()


def cases():
    """Every route in both modes; one that takes nothing can be given nothing wrong."""
    for route in ALL_ROUTES:
        yield pytest.param(route, GenerationMode.POSITIVE, id=f"{route.name}-right")
        if route.parameters or route.query or route.body:
            yield pytest.param(route, GenerationMode.NEGATIVE, id=f"{route.name}-wrong")


@pytest.mark.parametrize(("route", "mode"), [*cases()])
def test_what_is_sent_is_answered_as_the_document_says(api, route, mode):
    operation = api.document[route.path][route.method]
    cases = operation.as_strategy(generation_mode=mode)
    if route.parameters and mode is GenerationMode.POSITIVE:
        named = {name: api.known[name] for name in route.parameters}
        cases = strategies.one_of(cases, operation.as_strategy(path_parameters=named))

    @hypothesis.given(case=cases)
    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
    def send(case):
        case.call_and_validate(headers=api.console.headers, checks=CHECKS)

    send()
