"""SIGKILL at any moment: what was acknowledged is there afterwards, and no serial number is used twice.

Several threads ask, approve and revoke while the CA is killed under them; whatever an answer came for is
looked up after the next start.  The moment is that of the n-th acknowledgement, another n each time.
"""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException

import pytest
from cryptography import x509

from ca_server.domain.authority import Shape
from ca_server.domain.places import Places
from ca_server.state import StateFolder
from scep_core.messages import Pending, Success
from sceplab.clock import wall_time
from tests.ca_server.processes import fetch, running

GONE = (OSError, HTTPException)  # what a caller sees of a CA that was killed
ROUNDS = 12
THREADS = 4
SETTINGS = '[profiles.granting]\nlike = "compat"\ndecide = "automatic"\n'


class Acknowledged:
    """What the CA has said yes to; ``enough`` is set at the n-th."""

    def __init__(self):
        self.pending, self.issued, self.approved, self.revoked = set(), {}, set(), set()
        self.count = 0
        self.wanted = 0
        self.enough = threading.Event()
        self._lock = threading.Lock()

    def note(self, add, *what):
        with self._lock:
            add(*what)
            self.count += 1
            if self.count >= self.wanted:
                self.enough.set()


@pytest.mark.slow
def test_nothing_acknowledged_is_lost(tmp_path, make_client):
    state, settings = tmp_path / "ca", tmp_path / "ca.toml"
    settings.write_text(SETTINGS)
    done, numbers = Acknowledged(), itertools.count(1)
    for turn in range(ROUNDS):
        with running(state, "--settings", str(settings)) as (ready, process):
            ca = Caller(ready, done, make_client, state, numbers)
            ca.check()
            done.wanted = done.count + 1 + 7 * turn
            done.enough.clear()
            with ThreadPoolExecutor(THREADS + 2) as pool:
                jobs = [pool.submit(ca.ask) for _ in range(THREADS)]
                jobs += [pool.submit(ca.approve), pool.submit(ca.revoke)]
                assert done.enough.wait(60)
                process.kill()
                for job in jobs:
                    job.result()
    with running(state, "--settings", str(settings)) as (ready, _):
        Caller(ready, done, make_client, state, numbers).check()
    assert min(map(len, (done.pending, done.issued, done.approved, done.revoked))) > 0


class Caller:
    """Asks one running CA until it is gone."""

    def __init__(self, ready, done, make_client, state, numbers):
        self._ready, self._done, self._make_client, self._numbers = ready, done, make_client, numbers
        folders = StateFolder(state).authorities(Shape(), Places(), now=wall_time())
        self._authority = folders.succession().authorities[0]

    def _api(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        return json.loads(fetch(f"{self._ready['console']}/api{path}", self._ready["operator"], data))

    def ask(self):
        client = self._make_client()
        client.authority = self._authority
        with suppress(*GONE):
            for number in self._numbers:
                profile = ("compat", "granting")[number % 2]
                name = str(number)
                body = client.pkcs_req(transaction_id=name)
                reply = client.open(fetch(f"{self._ready['scep']}/scep/{profile}", body=body), name)
                if reply == Pending():
                    self._done.note(self._done.pending.add, name)
                else:
                    assert isinstance(reply, Success)
                    [issued] = reply.certificates
                    self._done.note(self._done.issued.__setitem__, name, issued)

    def approve(self):
        with suppress(*GONE):
            while True:
                for each in self._api("/requests?state=pending&limit=3")["requests"]:
                    shown = self._api(f"/requests/{each['id']}/approve", {})
                    self._done.note(self._done.approved.add, (shown["id"], shown["serial_number"]))

    def revoke(self):
        with suppress(*GONE):
            while True:
                for each in self._api("/certificates?state=valid&limit=2")["certificates"]:
                    self._api(f"/certificates/{each['serial_number']}/revoke", {"reason": "superseded"})
                    self._done.note(self._done.revoked.add, each["serial_number"])

    def check(self):
        """Everything that was acknowledged is there, and every certificate belongs to one request."""
        requests = {each["transaction_id"]: each for each in self._all("requests")}
        certificates = self._all("certificates")
        by_serial = {each["serial_number"]: each for each in certificates}
        assert len(by_serial) == len(certificates)
        assert len({each["request_id"] for each in certificates}) == len(certificates)
        issued = {each["serial_number"] for each in requests.values() if each["state"] == "issued"}
        assert issued == set(by_serial)
        for name in self._done.pending:
            assert requests[name]["state"] in ("pending", "issued")
        for name, certificate in self._done.issued.items():
            shown = by_serial[requests[name]["serial_number"]]
            assert int(shown["serial_number"], 16) == certificate.serial_number
        ids = {each["id"]: each["serial_number"] for each in requests.values()}
        for request_id, serial in self._done.approved:
            assert ids[request_id] == serial
        crl = x509.load_der_x509_crl(fetch(self._ready["crl"]))
        listed = {f"{each.serial_number:X}" for each in crl}
        for serial in self._done.revoked:
            assert by_serial[serial]["state"] == "revoked"
            assert serial.lstrip("0") in listed

    def _all(self, what):
        found, path = [], f"/{what}?limit=500"
        after = ""
        while True:
            answer = self._api(path + after)
            found += answer[what]
            if answer["next"] is None:
                return found
            after = f"&after={answer['next']}"
