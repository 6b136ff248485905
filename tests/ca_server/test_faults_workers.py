"""Faults of a CA that is several processes: switched on in the first one, they happen in the workers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.ca_server.processes import fetch, running


def status(url: str) -> tuple[int, str | None]:
    """How a GET of GetCACaps ends, and the fault in its answer."""
    try:
        with urllib.request.urlopen(f"{url}/scep?operation=GetCACaps", timeout=30) as answer:
            return answer.status, answer.headers["X-Lab-Fault"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["X-Lab-Fault"]


def test_a_fault_happens_as_often_as_was_said_whichever_worker_answers(tmp_path) -> None:
    with running(tmp_path, "--workers", "2") as (ready, _), ThreadPoolExecutor(8) as clients:
        faults = f"{ready['management']}/_lab/faults"
        for fault in ({"name": "http-error", "count": 25}, {"name": "empty-capabilities", "count": 15}):
            fetch(faults, body=json.dumps(fault).encode())
        answers = list(clients.map(status, [ready["scep"]] * 100))
        assert answers.count((503, "http-error")) == 25
        assert answers.count((200, "empty-capabilities")) == 15
        assert answers.count((200, None)) == 60
        assert json.loads(fetch(faults))["active"] == []
        told: list[str] = []
        while len(told) < 40:  # the workers' entries come when the answers may be there already
            found = json.loads(fetch(f"{ready['management']}/_lab/journal?kind=scep&limit=1000"))["entries"]
            told = [each["details"]["fault"] for each in found if "fault" in each["details"]]
    assert (told.count("http-error"), told.count("empty-capabilities")) == (25, 15)


def test_one_that_is_cleared_happens_no_more_in_any_worker(tmp_path) -> None:
    with running(tmp_path, "--workers", "2") as (ready, _):
        faults = f"{ready['management']}/_lab/faults"
        fetch(faults, body=b'{"name": "http-error", "value": 404}')
        assert {status(ready["scep"]) for _ in range(20)} == {(404, "http-error")}
        (active,) = json.loads(fetch(faults))["active"]
        assert active["happened"] == 20
        request = urllib.request.Request(faults, method="DELETE")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer) == {"cleared": 1}
        assert {status(ready["scep"]) for _ in range(20)} == {(200, None)}
