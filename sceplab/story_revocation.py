"""The story of a revoked certificate, as ``sceplab demo revocation`` plays it.

Both routers' certificates name the directory, and nothing else, as the place of the CRL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sceplab.client import Lab
from sceplab.printing import clock_line
from sceplab.stage import Stage, Terminal, move_clock
from sceplab.supervisor import Supervisor

# A fixed start, so that the documents can show the story as it is.
START = datetime(2030, 1, 1, 12, tzinfo=UTC)
TRUSTPOINT = "myca"
PROFILE = "ldap"
PASSWORDS = {"r1": "Lab-Only-1", "r2": "Lab-Only-2"}
POLL = timedelta(minutes=1)
# Longer than a CRL lasts: a week, and half a day more.
NEXT_CRL = timedelta(days=8)


def play(stage: Stage, running: Supervisor) -> None:
    """Play the story on a lab that has the routers r1 and r2."""
    Revocation(stage, running).play()


class Revocation:
    """Trusted, revoked, refused; refused for want of a CRL, and accepted where none is needed."""

    def __init__(self, stage: Stage, running: Supervisor) -> None:
        self._stage, self._running = stage, running
        self._scep = running.endpoints["ca"]["scep"]
        self._pages = {name: router["https"] for name, router in running.endpoints["routers"].items()}
        self._copies = 0

    def play(self) -> None:
        """Play the story to its end."""
        stage = self._stage
        with Lab(self._running.endpoints) as lab:
            stage.say(f"directory:  {self._running.endpoints['ldap']}")
            stage.say(f"lab clock:  {clock_line(lab.time.read())}")
            with lab.router("r1") as first, lab.router("r2") as second:
                r1, r2 = Terminal(stage, "r1", first), Terminal(stage, "r2", second)
                stage.title("1. Two routers enrol; the directory has the CRL of their CA")
                serial = self._enrol(r1, lab)
                self._enrol(r2, lab)
                self._trust(r1, r2)
                self._revoke(r2, lab, serial)
                self._without_directory(r2, lab)
                self._with_directory(r2)
                r1.leaves()
                r2.leaves()

    def _enrol(self, router: Terminal, lab: Lab) -> str:
        """Enrol a router whose web server shows the certificate; the certificate's serial number."""
        name, password = router.name, PASSWORDS[router.name]
        router.types(
            "configure",
            f"hostname {name}",
            "domain name lab.example",
            f"crypto ca trustpoint {TRUSTPOINT}",
            f"enrollment url {self._scep}/scep/{PROFILE}",
            f"subject-name CN={name},O=Lab",
            "subject-alternative-name IP:127.0.0.1",
            "root",
            "http server ssl",
            "commit",
            "end",
        )
        router.types("crypto key generate rsa", "2048")
        router.types(f"crypto ca authenticate {TRUSTPOINT}", "yes")
        router.types(f"crypto ca enroll {TRUSTPOINT}", password, password)
        request = lab.wait_for_request(lambda each: each["state"] == "pending")
        self._stage.screen(f"$ sceplab requests approve {request['id']}")
        approved = lab.approve(request["id"])
        move_clock(self._stage, lab, POLL)
        shown = router.types("show crypto ca certificates | include Serial|CN=|ldap:").text
        self._stage.check("ldap://" in shown, f"{name} has a certificate, which names the directory.")
        return str(approved["serial_number"])

    def _trust(self, r1: Terminal, r2: Terminal) -> None:
        stage = self._stage
        stage.title("2. Each fetches from the other over TLS, and asks the directory for the CRL")
        self._fetches(r1, "r2", "success", "r1 accepts the certificate of r2.")
        self._fetches(r2, "r1", "success", "r2 accepts the certificate of r1.")
        held = r2.types("show crypto ca crls").text
        stage.check("ldap://" in held, "The CRL is from the directory; it serves until its next update.")

    def _revoke(self, r2: Terminal, lab: Lab, serial: str) -> None:
        stage = self._stage
        stage.title("3. The operator revokes the certificate of r1 by its challenge password")
        stage.screen(f"$ sceplab certificates revoke {serial} --with-password")
        revoked = lab.revoke_with_password(serial, PASSWORDS["r1"])
        stage.screen(f"Certificate {serial} is {revoked['state']}: {revoked['subject']}")
        stage.check(revoked["state"] == "revoked", "It is in the CA's CRL, and so in the directory's.")
        self._fetches(r2, "r1", "success", "r2 does not know it yet: the CRL that it holds still serves.")
        move_clock(stage, lab, NEXT_CRL)
        self._fetches(r2, "r1", "revoked since", "With the next CRL it refuses r1.")

    def _without_directory(self, r2: Terminal, lab: Lab) -> None:
        stage = self._stage
        stage.title("4. The directory goes down, and the CRL runs out")
        stage.say("A router would ask its CA by SCEP then; let the CA have no CRL for it either.")
        stage.screen("$ sceplab crl serve missing")
        lab.serve_crls("missing")
        with self._running.without("ldap"), Lab(self._running.endpoints) as rest:
            move_clock(stage, rest, NEXT_CRL)
            self._fetches(r2, "r1", "could not be had", "r2 refuses r1 for want of a CRL.")
            stage.title("   The operator of r2 makes CRLs optional")
            r2.types("configure", f"crypto ca trustpoint {TRUSTPOINT}", "crl optional", "commit", "end")
            self._fetches(r2, "r1", "success", "Now it accepts r1, which is revoked: that is the price.")

    def _with_directory(self, r2: Terminal) -> None:
        self._stage.title("5. The directory is back")
        self._fetches(r2, "r1", "revoked since", "A CRL that can be had counts: r2 refuses r1 again.")

    def _fetches(self, router: Terminal, other: str, wanted: str, meaning: str) -> None:
        """Have the router fetch the other one's page over https, and check what comes of it."""
        self._copies += 1
        screen = router.types(f"copy {self._pages[other]}/ disk0:/page{self._copies}", "")
        self._stage.check(wanted in screen.text, meaning)
