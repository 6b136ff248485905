"""What the trust pool's commands print: the chapter's listing, and whole transcripts in both wordings."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from router_emu.texts import NODE
from tests.router_emu.pki_lab import Lab, make_ca
from tests.router_emu.pool_stage import shipped
from tests.router_emu.trustpool_stage import CORE, IMPORT, URL, Bundles, a_lab, a_router, after

Golden = Callable[[str, str], None]
MakeLab = Callable[..., Lab]

# The chapter's listing, but for two lines that have lost their indentation in it, one in each entry, and the
# fingerprints, which are those of other keys.
CHAPTER = """\
Trustpool: Built-In
==================================================
CA certificate
  Serial Number  : 5F:F8:7B:28:2B:54:DC:8D:42:A3:15:B5:68:C9:AD:FF
  Subject:
        CN=Cisco Root CA 2048,O=Cisco Systems
  Issued By      :
        CN=Cisco Root CA 2048,O=Cisco Systems
  Validity Start : 20:17:12 UTC Fri May 14 2004
  Validity End   : 20:25:42 UTC Mon May 14 2029
  SHA1 Fingerprint:
         #

Trustpool: Built-In
==================================================
CA certificate
  Serial Number  : 2E:D2:0E:73:47:D3:33:83:4B:4F:DD:0D:D7:B6:96:7E
  Subject:
        CN=Cisco Root CA M1,O=Cisco
  Issued By      :
        CN=Cisco Root CA M1,O=Cisco
  Validity Start : 20:50:24 UTC Tue Nov 18 2008
  Validity End   : 21:59:46 UTC Fri Nov 18 2033
  SHA1 Fingerprint:
         #
"""


@pytest.fixture
def web() -> Bundles:
    return Bundles()


@pytest.fixture
def make_lab(make_screen: Callable[..., Any], web: Bundles) -> Callable[..., Lab]:
    return lambda *built, **options: a_lab(make_screen, a_router(*built, **options), web)


def without_keys(text: str) -> str:
    """Without what differs from key to key."""
    text = re.sub(r"(Serial Number  : )[0-9A-F:]+", r"\1#", text)
    return re.sub(r"(?m)^( {9})[0-9A-F]{40}$", r"\1#", text)


@pytest.mark.parametrize("wording", ["classic", "modern"])
def test_the_listing_is_the_chapters_in_both_wordings(make_lab: MakeLab, wording: str) -> None:
    first = make_ca(
        "2048",
        "O=Cisco Systems,CN=Cisco Root CA 2048",
        serial_number=0x5FF87B282B54DC8D42A315B568C9ADFF,
        life=(
            datetime(2004, 5, 14, 20, 17, 12, tzinfo=UTC),
            datetime(2029, 5, 14, 20, 25, 42, tzinfo=UTC),
        ),
    )
    second = make_ca(
        "m1",
        "O=Cisco,CN=Cisco Root CA M1",
        serial_number=0x2ED20E7347D333834B4FDD0DD7B6967E,
        life=(
            datetime(2008, 11, 18, 20, 50, 24, tzinfo=UTC),
            datetime(2033, 11, 18, 21, 59, 46, tzinfo=UTC),
        ),
    )
    lab = make_lab(wording, first.certificate, second.certificate)
    text = after(lab, "show crypto ca trustpool")
    shown = text[text.index("Trustpool:") : text.rindex(NODE)]
    assert re.sub(r"[0-9A-F]{40}", "#", shown) == CHAPTER


@pytest.mark.parametrize("wording", ["classic", "modern"])
def test_a_pools_life(make_lab: MakeLab, web: Bundles, golden: Golden, wording: str) -> None:
    lab = make_lab(wording)
    lab.type("show crypto ca trustpool policy", "configure", "crypto ca trustpool policy")
    lab.type(f"cabundle url {URL}", "crl optional", "description Trustpool for Test.", "vrf MGMT")
    lab.type("show configuration", "commit", "do show crypto ca trustpool policy", "no crl optional")
    lab.type("no cabundle url", "no description", "no vrf", "commit", "end")
    lab.type("show running-config crypto ca trustpool policy", "configure", "no crypto ca trustpool policy")
    lab.type("end", "yes", "show running-config crypto ca trustpool policy", IMPORT)
    web.pages[CORE] = shipped()["full-unsigned"].content
    lab.type("show crypto ca trustpool", "show crypto ca trustpool policy", IMPORT)
    lab.type("show crypto ca trustpool | include Down", "crypto ca trustpool import url http://b/none")
    web.pages[CORE] = shipped()["broken-signature"].content
    lab.type(IMPORT, "crypto ca trustpool import url clean")
    lab.type("show crypto ca trustpool | include Inactive", "show logging | include TRUSTPOOL")
    golden(f"trustpool-{wording}.txt", without_keys(lab.screen.text))


@pytest.mark.parametrize(
    "url", ["ftp://bundles.lab/x", "disk0:/x", "http://", "https://b:99999/x", "http://[b/x"]
)
def test_a_location_that_nothing_can_be_fetched_from_is_refused_at_commit(
    make_lab: MakeLab, url: str
) -> None:
    lab = make_lab("modern")
    lab.type("configure", "crypto ca trustpool policy", f"cabundle url {url}", "commit")
    assert lab.screen.output.failed
    assert lab.pki.pool.policy.cabundle_url == ""
    assert "the URL is not http://host/... or https://host/..." in after(lab, "show configuration failed")
    lab.type(f"cabundle url {URL}", "commit")
    assert lab.pki.pool.policy.cabundle_url == URL


def test_no_needs_only_the_first_word_where_it_can_mean_no_other(make_lab: MakeLab) -> None:
    lab = make_lab("modern")
    lab.type("configure", "crypto ca trustpool policy", f"cabundle url {URL}", "crl optional", "commit")
    lab.type("no cabundle", "no crl", "commit")
    assert not lab.screen.output.failed
    assert (lab.pki.pool.policy.cabundle_url, lab.pki.pool.policy.crl_optional) == ("", False)
