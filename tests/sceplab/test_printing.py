"""What the commands print of texts that clients sent."""

import pytest

from sceplab.printing import request_details, requests_table

# Clear the screen; forge a line; go back over one; delete; C1's CSI; turn the text's direction.
HOSTILE = "r1\x1b[2J\r\nState: issued\x08\x7f\x9b31m\u202e\u2028\t\0"
SHOWN = r"r1\x1b[2J\r\nState: issued\x08\x7f\x9b31m\u202e\u2028\t\x00"
TEXTS = (
    "subject",
    "key",
    "challenge",
    "signer",
    "transaction_id",
    "profile",
    "source",
    "reason",
    "decided_by",
)
PLAIN = {"id": 1, "state": "pending", "polls": 0, "received_at": "2026-11-23T12:00:00.000000Z"}


@pytest.mark.parametrize("key", [*TEXTS, "subject_alt_names", "fingerprints"])
def test_a_client_cannot_draw_on_the_terminal(key) -> None:
    value = {"subject_alt_names": ["DNS:ok", HOSTILE], "fingerprints": {"md5": HOSTILE}}.get(key, HOSTILE)
    details = request_details(PLAIN | {key: value})
    assert SHOWN in details
    assert details.count("State:") == 2  # the label, and what is shown of the forged line
    assert not any(line.startswith("State:") for line in details.splitlines())
    for screen in (details, requests_table([PLAIN | {key: value}])):
        assert screen.replace("\n", "").isprintable()


def test_what_is_printable_stays_as_it_is() -> None:
    assert "CN=Zürich \\, 東京" in request_details(PLAIN | {"subject": "CN=Zürich \\, 東京"})
