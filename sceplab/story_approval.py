"""The story of manual approval, as ``sceplab demo pending-approval`` plays it."""

from __future__ import annotations

from datetime import timedelta

from sceplab.client import Lab, Request
from sceplab.printing import clock_line, request_details, requests_table
from sceplab.stage import Stage, Terminal, move_clock
from sceplab.supervisor import Supervisor

CHALLENGE = "Lab-Only-1"
DOMAIN = "lab.example"
TRUSTPOINT = "myca"
DENIAL = "not on the list of routers for this lab"


def play(stage: Stage, running: Supervisor) -> None:
    """Play the story on a lab that has the routers r1, r2 and r3."""
    with Lab(running.endpoints) as lab:
        PendingApproval(stage, lab).play()


class PendingApproval:
    """Manual approval, three times: approved, never looked at, denied."""

    def __init__(self, stage: Stage, lab: Lab) -> None:
        self._stage, self._lab = stage, lab

    def play(self) -> None:
        """Play the story to its end."""
        ca = self._lab.endpoints["ca"]
        self._stage.say(f"CA, as Microsoft's NDES:  {ca['ndes']}")
        self._stage.say(f"operators' REST API:      {ca['console']}/api/requests")
        self._stage.say(f"lab clock:                {clock_line(self._lab.time.read())}")
        self._approved()
        self._forgotten()
        self._denied()
        self._stage.title("The CA's queue at the end")
        self._show_queue()

    def _approved(self) -> None:
        stage, period = self._stage, timedelta(minutes=2)
        stage.title("1. Router r1 asks for a certificate, and an operator approves it")
        with self._lab.router("r1") as shell:
            router = Terminal(stage, "r1", shell)
            self._prepare(router, period=2, count=10)
            request = self._enrol(router)

            stage.title("   The operator looks at the queue")
            self._show_queue()
            stage.screen(request_details(request))
            stage.check(request["state"] == "pending", "The request is pending.")
            stage.check(request["challenge"] == "not-checked", "It carries a challenge password.")

            stage.title("   One retry period later the router polls; nobody has decided yet")
            move_clock(stage, self._lab, period)
            polled = self._lab.request(request["id"])
            self._show_queue()
            stage.check(polled["state"] == "pending", "The request is still pending.")
            stage.check(polled["polls"] == 1, "One poll is counted.")

            stage.title("   The operator approves; the router learns it at its next poll")
            stage.screen(f"$ sceplab requests approve {request['id']}")
            approved = self._lab.approve(request["id"])
            stage.check(approved["state"] == "issued", "The certificate is issued.")
            move_clock(stage, self._lab, period)
            certificates = router.types("show crypto ca certificates").text
            stage.check("CA certificate" in certificates, "The router has the CA's certificate.")
            stage.check("Router certificate" in certificates, "It has its own certificate.")
            stage.check(_serial(approved) in _hex(certificates), "It is the one that the CA issued.")
            router.says("CEPKI", "certificate received", "The router says that it got it.")
            router.leaves()

    def _forgotten(self) -> None:
        stage, count = self._stage, 3
        stage.title("2. Router r2 asks, and nobody ever looks: it runs out of its retry count")
        with self._lab.router("r2") as shell:
            router = Terminal(stage, "r2", shell)
            self._prepare(router, period=1, count=count)
            request = self._enrol(router)
            stage.title("   Ten minutes later")
            move_clock(stage, self._lab, timedelta(minutes=10))
            polls = self._lab.request(request["id"])["polls"]
            stage.check(polls == count, f"The router polled {count} times, its retry count, and no more.")
            waiting = [timer.name for timer in self._lab.time.timers() if timer.owner == "r2"]
            polls_to_come = [name for name in waiting if name.startswith("enrolment ")]
            stage.check(not polls_to_come, "It waits for its certificate no more.")
            self._has_no_certificate(router)
            router.says("CEPKI", "timed out", "The router says that it gave up.")
            router.leaves()

    def _denied(self) -> None:
        stage = self._stage
        stage.title("3. Router r3 asks, and the operator denies it")
        with self._lab.router("r3") as shell:
            router = Terminal(stage, "r3", shell)
            self._prepare(router, period=1, count=10)
            request = self._enrol(router)
            stage.screen(f"$ sceplab requests deny {request['id']} --reason '{DENIAL}'")
            denied = self._lab.deny(request["id"], DENIAL)
            stage.check(denied["state"] == "denied", "The request is denied.")
            move_clock(stage, self._lab, timedelta(minutes=1))
            self._has_no_certificate(router)
            router.says("CEPKI", DENIAL, "The router says why.")
            router.leaves()

    def _prepare(self, router: Terminal, *, period: int, count: int) -> None:
        """Configure the router, make its key, and let it take the CA's certificate."""
        router.types("configure", f"hostname {router.name}", f"domain name {DOMAIN}", "commit", "end")
        generated = router.types("crypto key generate rsa", "2048").text
        self._stage.check("[OK]" in generated, "The router has a key.")
        router.types(
            "configure",
            f"crypto ca trustpoint {TRUSTPOINT}",
            f"enrollment url {self._lab.endpoints['ca']['ndes']}",
            f"enrollment retry period {period}",
            f"enrollment retry count {count}",
            "commit",
            "end",
        )
        asked = router.types(f"crypto ca authenticate {TRUSTPOINT}")
        accepted = router.types("yes")
        self._stage.check("ingerprint" in asked.text, "The router showed the CA's fingerprint.")
        self._stage.check(asked.waits_for == "question", "It asked whether to accept the certificate.")
        self._stage.check(accepted.at_prompt, "It took the CA's certificate.")

    def _enrol(self, router: Terminal) -> Request:
        """Send the request; return what the CA holds of it."""
        before = {request["id"] for request in self._lab.requests()}
        asked = router.types(f"crypto ca enroll {TRUSTPOINT}")
        screen = router.types(CHALLENGE, CHALLENGE)
        self._stage.check(asked.waits_for == "password", "The router asked for a challenge password.")
        request = self._lab.wait_for_request(lambda request: request["id"] not in before)
        self._stage.check(
            any(print_ in screen.text for print_ in request["fingerprints"].values()),
            "The router's fingerprint is that of the request in the CA's queue.",
        )
        return request

    def _has_no_certificate(self, router: Terminal) -> None:
        certificates = router.types("show crypto ca certificates").text
        self._stage.check("Router certificate" not in certificates, "The router has no certificate.")

    def _show_queue(self) -> None:
        self._stage.screen("$ sceplab requests list\n" + requests_table(self._lab.requests()))


def _serial(request: Request) -> str:
    return str(request["serial_number"]).upper().lstrip("0")


def _hex(text: str) -> str:
    """Return the text so that a serial number is found in it, however it is grouped."""
    return text.upper().replace(":", "").replace(" ", "")
