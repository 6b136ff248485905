"""The state folder: whole or not at all, and for the owner's eyes."""

import stat
from datetime import UTC, datetime

import pytest

from ca_server import state
from ca_server.state import StateError, StateFolder

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path, keys, monkeypatch):
    """A new state folder, whose CA takes the session's keys instead of making some."""
    made = iter(range(3))
    monkeypatch.setattr(state.rsa, "generate_private_key", lambda _exponent, bits: keys(next(made), bits))
    return tmp_path / "ca"


def open_authority(folder):
    return StateFolder(folder).authority(key_bits=2048, now=lambda: NOW)


def test_the_second_start_finds_the_first_ones_ca(folder):
    first = open_authority(folder)
    second = open_authority(folder)
    assert second.certificates(ra_mode=True) == first.certificates(ra_mode=True)
    for name in ("ca", "ra_signing", "ra_encryption"):
        one, other = getattr(first, name).key, getattr(second, name).key
        assert one.private_numbers() == other.private_numbers()
    assert first.ca.certificate.not_before == NOW


def test_everything_is_for_the_owners_eyes(folder):
    open_authority(folder)
    StateFolder(folder).operator_password()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_operators_password_is_made_once(folder):
    password = StateFolder(folder).operator_password()
    assert len(password) >= 16
    assert StateFolder(folder).operator_password() == password


@pytest.mark.parametrize("name", ["ca.key", "ra-signing.pem", "ra-encryption.key"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty"])
def test_a_damaged_authority_is_refused_with_a_sentence(folder, name, damage):
    open_authority(folder)
    place = folder / "authority" / name
    if damage == "missing":
        place.unlink()
    else:
        place.write_bytes(place.read_bytes()[:100] if damage == "truncated" else b"")
    with pytest.raises(StateError, match=name.split(".")[0]):
        open_authority(folder)


def test_keys_in_each_others_place_are_refused(folder):
    open_authority(folder)
    place = folder / "authority"
    (place / "ca.key").write_bytes((place / "ra-signing.key").read_bytes())
    with pytest.raises(StateError, match=r"not the key of ca\.pem"):
        open_authority(folder)


def test_a_database_without_its_ca_is_refused(folder):
    folder.mkdir()
    (folder / state.DATABASE).touch()
    with pytest.raises(StateError, match="no CA keys"):
        open_authority(folder)


def test_a_start_that_failed_leaves_no_authority(folder, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(state, "_pem", fail)
        with pytest.raises(OSError, match="no space"):
            open_authority(folder)
    assert list(folder.iterdir()) == []
