"""The state folder: whole or not at all, and for the owner's eyes."""

import stat
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from ca_server import state
from ca_server.domain.authority import KeyKind, Shape
from ca_server.domain.places import Places
from ca_server.state import StateError, StateFolder

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHAPE = Shape()


@pytest.fixture
def folder(tmp_path, keys, monkeypatch):
    """A new state folder, whose CA takes the session's keys instead of making some."""
    made = count()
    monkeypatch.setattr(state, "_generate_rsa", lambda kind: keys(next(made), int(kind[4:])))
    return tmp_path / "ca"


def open_folders(folder, shape=SHAPE):
    return StateFolder(folder).authorities(shape, Places("http://ca.lab"), now=NOW)


def open_authority(folder, shape=SHAPE):
    return open_folders(folder, shape).succession().current(NOW)


def test_the_second_start_finds_the_first_ones_ca(folder):
    first = open_authority(folder)
    second = open_authority(folder)
    assert second.certificates(ra_mode=True) == first.certificates(ra_mode=True)
    assert first.ca.identity.key.private_numbers() == second.ca.identity.key.private_numbers()
    for name in ("ra_signing", "ra_encryption"):
        one, other = getattr(first, name).key, getattr(second, name).key
        assert one.private_numbers() == other.private_numbers()
    assert first.ca.certificate.not_before == NOW


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.EC_P256])
@pytest.mark.parametrize("with_root", [False, True])
def test_every_shape_is_there_again(folder, kind, with_root):
    first = open_authority(folder, Shape(kind, with_root))
    second = open_authority(folder)  # what is asked for counts for a new CA alone
    assert second.certificates(ra_mode=True) == first.certificates(ra_mode=True)
    assert (second.root is second.ca) is not with_root
    assert second.ra_only is (kind is KeyKind.EC_P256)


def test_a_next_generation_is_seen_by_every_process(folder):
    one = open_folders(folder, Shape(KeyKind.EC_P256, with_root=True))
    other = open_folders(folder)
    at = NOW + timedelta(days=7)
    made = one.add_next(active_from=at, now=NOW)
    for seen in (one.succession(), other.succession(), open_folders(folder).succession()):
        assert (seen.current(NOW).number, seen.next(NOW).number) == (1, 2)
        assert seen.current(at).certificates(ra_mode=False) == made.certificates(ra_mode=False)
    assert made.root is not made.ca
    assert made.ra_only


def test_when_the_next_generation_begins_must_be_readable(folder):
    open_folders(folder).add_next(active_from=NOW + timedelta(days=7), now=NOW)
    (folder / "authority-2" / state.ACTIVE_FROM).write_text("soon")
    with pytest.raises(StateError, match="active-from is damaged"):
        open_authority(folder)


def test_everything_is_for_the_owners_eyes(folder):
    open_folders(folder).add_next(active_from=NOW + timedelta(days=7), now=NOW)
    StateFolder(folder).operator_password()
    StateFolder(folder).hash_key()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_operators_password_is_made_once(folder):
    password = StateFolder(folder).operator_password()
    assert len(password) >= 16
    assert StateFolder(folder).operator_password() == password


def test_the_hash_key_is_made_once_and_its_damage_noticed(folder):
    key = StateFolder(folder).hash_key()
    assert len(key) == 32
    assert StateFolder(folder).hash_key() == key
    for damage in ("xyz", "00" * 31):
        (folder / state.HASH_KEY).write_text(damage)
        with pytest.raises(StateError, match="hash-key is damaged"):
            StateFolder(folder).hash_key()
    (folder / state.PASSWORD).write_text("\n")
    with pytest.raises(StateError, match="is empty"):
        StateFolder(folder).operator_password()


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
