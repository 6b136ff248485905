"""`crypto ca trustpool import`: from where, what is refused, what happens by itself, restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router_emu.adapters.storage import RouterFolder
from router_emu.pki.pool.bundle import MOST_OCTETS
from router_emu.pki.wire import Limits, NoResponse
from tests.router_emu.pki_lab import Lab
from tests.router_emu.pool_stage import built_in, shipped
from tests.router_emu.trustpool_stage import (
    CORE,
    IMPORT,
    NOT_IMPORTED,
    URL,
    Bundles,
    a_lab,
    a_router,
    after,
    refusal,
)


@pytest.fixture
def web() -> Bundles:
    return Bundles()


@pytest.fixture
def make_lab(make_screen: Callable[..., Any], web: Bundles) -> Callable[..., Lab]:
    return lambda *built, **options: a_lab(make_screen, a_router(*built, **options), web)


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab()


class TestSources:
    def test_a_file_on_a_disk(self, lab: Lab) -> None:
        lab.files["disk0:/ios.pem"] = shipped()["full-pem"].content
        assert "succeeded: 11 certificates" in after(lab, "crypto ca trustpool import url disk0:/ios.pem")
        assert lab.pki.pool.pool.source == "disk0:/ios.pem"

    def test_one_certificate_is_told_as_one(self, lab: Lab) -> None:
        lab.files["disk0:/one"] = shipped()["single"].content
        assert "succeeded: 1 certificate\n" in after(lab, "crypto ca trustpool import url disk0:/one")

    def test_one_octet_too_many(self, lab: Lab) -> None:
        lab.files["harddisk:/x"] = bytes(MOST_OCTETS + 1)
        text = refusal(lab, "crypto ca trustpool import url harddisk:/x")
        assert text.startswith("% The CA certificate bundle is refused: ")
        assert "larger" in text or "bytes" in text or "octets" in text

    def test_a_file_that_is_not_there(self, lab: Lab) -> None:
        text = refusal(lab, "crypto ca trustpool import url disk0:/none")
        assert text == "% The file cannot be read: disk0:/none: No such file or directory"

    @pytest.mark.parametrize("source", ["tftp://h/x", "running-config", "x", "://"])
    def test_what_it_does_not_read(self, lab: Lab, source: str) -> None:
        text = f"% Not a source of a bundle: {source}. It takes http://, https://, disk0: and harddisk:"
        assert refusal(lab, f"crypto ca trustpool import url {source}") == text

    def test_an_empty_line_after_it_hurts_nobody(self, lab: Lab) -> None:
        """As scripts send it (iosxr.md 1.2)."""
        lab.type(IMPORT, "")
        assert not lab.screen.output.failed
        assert len(lab.pki.pool.pool.downloaded) == 3

    def test_the_http_client_is_the_one_that_is_configured(self, lab: Lab, web: Bundles) -> None:
        lab.type(
            "configure", "http client response timeout 7", "http client connection retry 2", "end", "yes"
        )
        lab.type(IMPORT)
        [request] = web.requests
        assert request.limits == Limits(10, 7, 2, MOST_OCTETS)

    def test_a_password_in_the_url_shows_nowhere(self, lab: Lab, web: Bundles) -> None:
        url = "http://me:s3same@bundles.lab/ios_core.p7b"
        lab.type(f"crypto ca trustpool import url {url}", f"crypto ca trustpool import url {url}x")
        lab.type("show history", "show crypto ca trustpool policy", "show logging")
        assert lab.log[-1] == (
            f"{NOT_IMPORTED}http://bundles.lab/ios_core.p7bx is not imported, trustpool is as it was: "
            "HTTP status 404"
        )
        typed = 2  # the operator's own lines, as they were typed
        assert lab.screen.text.count("s3same") == typed
        assert dict(web.requests[0].headers)["Authorization"].startswith("Basic ")


class TestFailures:
    def test_a_server_that_does_not_answer(self, lab: Lab, web: Bundles) -> None:
        web.pages[CORE] = NoResponse("connection re\x1bfused")
        assert refusal(lab, IMPORT) == (
            f"% Failed to get the CA certificate bundle from {URL}: connection re?fused"
        )

    def test_a_path_that_serves_nothing(self, lab: Lab) -> None:
        assert refusal(lab, f"{IMPORT}x").endswith(f"from {URL}x: HTTP status 404")

    @pytest.mark.parametrize("before", [[], [IMPORT]])
    def test_clean_with_a_url_cleans_only_when_another_bundle_comes(
        self, lab: Lab, web: Bundles, before: list[str]
    ) -> None:
        lab.type(*before)
        command = "crypto ca trustpool import url clean http://bundles.lab/other.p7b"
        refusal(lab, command)
        web.pages["other.p7b"] = shipped()["stranger"].content
        refusal(lab, command)
        web.pages["other.p7b"] = shipped()["full"].content
        assert "succeeded: 11 certificates" in after(lab, command)

    def test_unsigned_bundles_where_the_inventory_says_refuse(
        self, make_lab: Callable[..., Lab], web: Bundles
    ) -> None:
        lab = make_lab(refuses_unsigned=True)
        lab.type(IMPORT)
        web.pages[CORE] = shipped()["full-unsigned"].content
        assert refusal(lab, IMPORT) == (
            "% The CA certificate bundle is refused: nobody has signed it. The trustpool is as it was."
        )

    def test_a_pool_that_has_nothing_to_clean(self, lab: Lab) -> None:
        assert "% Downloaded CA certificates removed: 0\n" in after(
            lab, "crypto ca trustpool import url clean"
        )


class TestByItself:
    def configured(self, lab: Lab, web: Bundles) -> None:
        web.pages[CORE] = shipped()["expiring"].content
        lab.type("configure", "crypto ca trustpool policy", f"cabundle url {URL}", "end", "yes", IMPORT)

    def test_the_bundle_is_fetched_on_its_timer_and_the_timer_is_set_anew(
        self, lab: Lab, web: Bundles
    ) -> None:
        self.configured(lab, web)
        [(due, slot, name)] = lab.pki.timers()
        assert (due, slot) == (datetime(2026, 3, 11, 12, tzinfo=UTC), " trustpool")
        assert name == "trustpool refresh: 20 days before the end of CN=Lab Services CA,O=scep-lab"
        web.pages[CORE] = shipped()["successor"].content
        lab.wait(days=15)
        assert len(web.requests) == 2
        assert len(lab.pki.pool.pool.downloaded) == 11
        [(due, _, _)] = lab.pki.timers()
        assert due > datetime(2033, 1, 1, tzinfo=UTC)
        assert lab.log[-1] == (
            f"SECURITY-CEPKI-6-TRUSTPOOL_REFRESHED : Trustpool refreshed by itself: "
            f"11 CA certificates from {URL}"
        )

    @pytest.mark.parametrize("page", [NoResponse("connection refused"), b"<html>", None])
    def test_a_server_that_fails_is_asked_by_the_chapters_schedule(
        self, lab: Lab, web: Bundles, page: Any
    ) -> None:
        self.configured(lab, web)
        pool = lab.pki.pool.pool
        web.pages[CORE] = page
        if page is None:
            del web.pages[CORE]
        lab.wait(days=29, hours=3)
        days, hours = 8, 2 + 1  # one of the latter is the day before the end itself
        assert len(web.requests) == 1 + days + hours
        assert lab.pki.pool.pool == pool
        assert sum("TRUSTPOOL_NOTREFRESHED" in line for line in lab.log) == days + hours

    def test_an_import_by_hand_overtakes_a_refresh(self, lab: Lab, web: Bundles) -> None:
        self.configured(lab, web)
        lab.hold = True
        lab.wait(days=15)
        web.pages[CORE] = shipped()["full"].content
        lab.hold = False
        [task] = lab.held
        assert "Next event: a download is on its way" in after(lab, "show crypto ca trustpool policy")
        web.pages["other"] = shipped()["core"].content
        lab.type("crypto ca trustpool import url http://bundles.lab/other")
        assert len(lab.pki.pool.pool.downloaded) == 3
        lab.held = []
        assert (
            task.finish(lab.carry(task), lab.screen.now)
            == "dropped: the pool or its policy was changed meanwhile"
        )
        assert len(lab.pki.pool.pool.downloaded) == 3

    def test_without_a_url_the_log_warns(self, lab: Lab, web: Bundles) -> None:
        web.pages[CORE] = shipped()["expiring"].content
        lab.type(IMPORT)
        lab.wait(days=11)
        assert lab.log[-1].startswith(
            "SECURITY-CEPKI-4-TRUSTPOOL_UNATTENDED : "
            "Trustpool CA certificate of CN=Lab Services CA,O=scep-lab ends on 12:00:00 UTC Tue Mar 31 2026,"
        )
        assert len(web.requests) == 1


class TestRestarts:
    def test_nothing_of_it_is_lost(self, lab: Lab, tmp_path: Path) -> None:
        lab.type("configure", "crypto ca trustpool policy", f"cabundle url {URL}", "end", "yes", IMPORT)
        RouterFolder(tmp_path).save(lab.router)
        fresh = a_router()
        RouterFolder(tmp_path).load(fresh)
        fresh.follow_configuration(lab.screen.now)
        fresh.pki.recover(lab.screen.now)
        assert fresh.pki.pool.pool == lab.pki.pool.pool
        assert fresh.pki.timers() == lab.pki.timers()
        assert fresh.pki.pool.policy == lab.pki.pool.policy

    def test_a_corrupted_store_is_said_and_mended_by_an_import(
        self, lab: Lab, make_screen: Callable[..., Any], web: Bundles, tmp_path: Path
    ) -> None:
        lab.type(IMPORT)
        RouterFolder(tmp_path).save(lab.router)
        (tmp_path / "trustpool.json").write_bytes(b"{\xff")
        fresh = Lab(make_screen(a_router()), web)
        fresh.screen.now = lab.screen.now
        folder = RouterFolder(tmp_path)
        folder.load(fresh.router)
        fresh.settle()
        fresh.pki.recover(fresh.screen.now)
        assert [line.partition(" :")[0] for line in fresh.log] == ["SECURITY-CEPKI-3-TRUSTPOOL_BROKEN"]
        assert fresh.pki.pool.pool.active == built_in()
        assert (tmp_path / "trustpool.json.broken").read_bytes() == b"{\xff"
        fresh.type(IMPORT)
        assert len(fresh.pki.pool.pool.downloaded) == 3
        folder.save(fresh.router)
        again = a_router()
        RouterFolder(tmp_path).load(again)
        assert again.pki.pool.pool == fresh.pki.pool.pool
