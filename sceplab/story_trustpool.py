"""The story of a trust pool that runs out, as ``sceplab demo trustpool`` plays it.

The bundle server's own certificate is from a CA that is not built in, so that a router needs the bundle to
believe the server.  That CA ends 30 days after the start, and its successor is in the next bundle.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sceplab.bundle_tables import published_lines
from sceplab.bundles_client import BundleServer
from sceplab.client import Lab
from sceplab.management import Fired
from sceplab.printing import clock_line
from sceplab.stage import Stage, Terminal, move_clock
from sceplab.supervisor import Supervisor

# A fixed start, so that the documents can show the story as it is.
START = datetime(2030, 1, 1, 12, tzinfo=UTC)
END = START + timedelta(days=30)
HTTPS_ISSUER = "services"
BUNDLE = "/security/pki/trs/ios.p7b"
BROKEN = "/faults/broken-signature.p7b"
FILE = "/builtin.pem"
# The chapter's schedule, until an hour after the end; "once every hour" begins with the last day.
TRIES = (
    *(END - timedelta(days=days) for days in (20, 15, 10, 5, 4, 3, 2, 1)),
    *(END - timedelta(hours=hours) for hours in range(23, -2, -1)),
)
SHOWN_TRIES = 12
HOUR = timedelta(hours=1)


def play(stage: Stage, running: Supervisor) -> None:
    """Play the story on a lab that has the router r1, and whose bundle server shows ``HTTPS_ISSUER``'s."""
    TrustPool(stage, running).play()


class TrustPool:
    """Import, the schedule of tries with the server down, a refresh, and a bundle that changes nothing."""

    def __init__(self, stage: Stage, running: Supervisor) -> None:
        self._stage, self._running = stage, running
        self._server = running.endpoints["bundles"]

    def play(self) -> None:
        """Play the story to its end."""
        with Lab(self._running.endpoints) as lab:
            self._stage.say(f"bundles:    {self._server['http']}{BUNDLE}")
            self._stage.say(f"the same:   {self._server['https']}, with a certificate of Lab Services CA")
            self._stage.say(f"lab clock:  {clock_line(lab.time.read())}")
            with lab.router("r1") as shell:
                router = Terminal(self._stage, "r1", shell)
                self._built_in(router)
                self._import(router)
                router.leaves()
        self._forsaken()
        with Lab(self._running.endpoints) as lab, lab.router("r1") as shell:
            router = Terminal(self._stage, "r1", shell)
            self._ended(router, lab)
            self._refreshed(router, lab)
            self._broken(router)
            router.leaves()

    def _built_in(self, router: Terminal) -> None:
        self._stage.title("1. The router has four CAs built in; none of them has certified the bundle server")
        self._pool(router)
        self._fetches(router, "disk0:/one.pem", "not accepted", "The session is refused.")

    def _import(self, router: Terminal) -> None:
        stage = self._stage
        stage.title("2. An operator publishes a bundle with the CA of the server; it ends in 30 days")
        self._publishes("expiring")
        stage.title(
            "   The router takes the bundle, signed for a CA that is built in, and validates the server"
        )
        router.types(
            "configure",
            "hostname r1",
            "crypto ca trustpool policy",
            f"cabundle url {self._server['http']}{BUNDLE}",
            "commit",
            "end",
        )
        said = router.types(f"crypto ca trustpool import url {self._server['http']}{BUNDLE}").text
        stage.check("succeeded" in said, "The bundle is imported.")
        pool = self._pool(router)
        stage.check("Trustpool: Downloaded" in pool, "Its certificates are in the pool.")
        self._fetches(router, "disk0:/two.pem", "success", "The session validates.")
        policy = router.types("show crypto ca trustpool policy").text
        stage.check("20 days before" in policy, "It will be refreshed 20 days before the CA's end.")

    def _forsaken(self) -> None:
        stage = self._stage
        stage.title("3. The bundle server goes down, and the CA nears its end")
        with self._running.without("bundles"), Lab(self._running.endpoints) as lab:
            fired = move_clock(stage, lab, END + HOUR - lab.time.read().now, most=SHOWN_TRIES)
            stage.check(
                tuple(each.at for each in fired) == TRIES,
                "It tried 20, 15, 10, 5, 4, 3, 2 days and 1 day before the end, and then every hour.",
            )
            stage.check(all(map(_failed, fired)), "No try succeeded.")

    def _ended(self, router: Terminal, lab: Lab) -> None:
        stage = self._stage
        stage.title("4. The server is back, with the old bundle: its CA has ended")
        self._fetches(
            router, "disk0:/three.pem", "was valid until", "The session is refused: the CA has ended."
        )
        before = _certificates(router)
        fired = move_clock(stage, lab, HOUR)
        stage.check([_failed(each) for each in fired] == [True], "The next try finds an expired bundle.")
        stage.check(_certificates(router) == before, "The pool is as it was.")
        first = f"{TRIES[0]:%b %d}.*TRUSTPOOL"
        router.says(first, "cannot be refreshed", "The log tells of it; this was the first try.")

    def _refreshed(self, router: Terminal, lab: Lab) -> None:
        stage = self._stage
        stage.title("5. The operator publishes the successor, where the CA is reissued")
        self._publishes("successor")
        fired = move_clock(stage, lab, HOUR)
        stage.check(
            [each.outcome for each in fired] == ["refreshed: 11 CA certificates"],
            "An hour later the pool is replaced.",
        )
        self._fetches(router, "disk0:/four.pem", "success", "The session validates again.")
        policy = router.types("show crypto ca trustpool policy").text
        stage.check("20 days before" in policy, "The timer is set anew.")
        router.says(
            "TRUSTPOOL_(IMPORTED|REFRESHED)", "by itself", "The log tells what has replaced it, and when."
        )

    def _broken(self, router: Terminal) -> None:
        stage = self._stage
        stage.title("6. A bundle whose signature is broken changes nothing")
        before = _certificates(router)
        said = router.types(f"crypto ca trustpool import url {self._server['http']}{BROKEN}").text
        stage.check("refused" in said and "succeeded" not in said, "The router refuses it, and says why.")
        stage.check(_certificates(router) == before, "The pool is as it was.")
        self._fetches(router, "disk0:/five.pem", "success", "The session still validates.")

    def _pool(self, router: Terminal) -> str:
        return router.types("show crypto ca trustpool | include Trustpool:|Inactive|CN=|End").text

    def _fetches(self, router: Terminal, name: str, wanted: str, meaning: str) -> None:
        """Have the router fetch a file over https, and check what comes of it."""
        screen = router.types(f"copy {self._server['https']}{FILE} {name}", "")
        self._stage.check(wanted in screen.text, meaning)

    def _publishes(self, bundle: str) -> None:
        self._stage.screen(f"$ sceplab bundles publish {BUNDLE} {bundle}")
        with BundleServer(self._running.endpoints) as server:
            server.publish(BUNDLE, bundle)
            found = [each for each in server.published() if each["path"] == BUNDLE]
        self._stage.screen(published_lines(BUNDLE, found))


def _failed(fired: Fired) -> bool:
    return fired.owner == "r1" and fired.outcome.startswith("not refreshed: ")


def _certificates(router: Terminal) -> str:
    """Return all that the router shows of its pool, without the line of the time."""
    screen = router.reads("show crypto ca trustpool")
    return screen[screen.index("Trustpool:") :]
