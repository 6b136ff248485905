"""The ledger in a database: what is kept comes back, the same from SQLite and from PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ca_server.domain.ledger import (
    ABOUT_CHALLENGES,
    ABOUT_SETTINGS,
    ABOUT_TOKENS,
    AuditEntry,
    AuditFilter,
    CertificateFilter,
    CertificateState,
    RequestFilter,
    Slice,
    StoreBusy,
    What,
    about_certificates_of,
    about_transaction,
)
from ca_server.domain.requests import ChallengeState, State
from ca_server.store import SqlStore
from tests.ca_server.store_samples import (
    LONG_SERIAL_NUMBER,
    NOW,
    SUBJECT_KEY,
    WALL,
    YEAR,
    a_certificate,
    a_challenge,
    a_crl,
    a_request,
    a_token,
    add,
    enrol,
)

pytest_plugins = ("tests.postgres",)

ALL = Slice()
HOUR = timedelta(hours=1)
ABOUT_CA_1 = about_certificates_of("ca-1")


@pytest.fixture
def store(store_url):
    opened = SqlStore(store_url, lambda: WALL)
    yield opened
    opened.close()


def test_what_is_kept_comes_back_after_a_restart(store, store_url):
    request = add(store, a_request())
    certificate = a_certificate(LONG_SERIAL_NUMBER, request.id, wrong_passwords=2)
    entry = AuditEntry(What.NOTED, "operator", NOW, request.id, LONG_SERIAL_NUMBER, "ünïcode")
    with store.write(ABOUT_SETTINGS) as ledger:
        ledger.add_certificate(certificate)
        ledger.add_audit(entry)
        ledger.add_crl(a_crl(2**40))
        challenge = ledger.add_challenge(a_challenge(b"digest\x00", device="r1"))
        token = ledger.add_token(a_token("ci"))
        ledger.set_setting("crl", "expired")
    store.close()
    after = SqlStore(store_url, lambda: WALL)
    try:
        assert after.request(request.id) == after.latest_request(request.transaction_id) == request
        assert after.certificate(LONG_SERIAL_NUMBER) == replace(certificate, id=1)
        assert after.audit(AuditFilter(), ALL) == [replace(entry, wall_at=WALL, id=1)]
        assert after.latest_crl("ca-1") == a_crl(2**40)
        assert after.challenge(b"digest\x00") == challenge
        assert after.token(token.digest) == token
        assert after.tokens() == [token]
        assert after.setting("crl") == "expired"
    finally:
        after.close()


def test_what_is_not_there_is_none(store):
    assert (
        store.latest_request("T")
        is store.request(1)
        is store.certificate(1)
        is store.latest_crl("ca-1")
        is None
    )
    assert store.challenge(b"") is store.token(b"") is store.setting("crl") is None
    assert store.valid_certificate_of("2.5.4.3=r1", "ca-1", NOW) is None
    assert store.requests_of("T") == []
    assert store.request(2**80) is None  # what an operator may type


def test_a_transaction_has_a_newest_request(store):
    for state in (State.DENIED, State.ISSUED, State.PENDING):
        newest = add(store, a_request(transaction_id="T", state=state))
    add(store, a_request())
    assert store.latest_request("T") == newest
    assert [each.id for each in store.requests_of("T")] == [3, 2, 1]
    assert store.requests_of("T")[0] == newest


def test_an_update_keeps_all_that_has_changed(store):
    request = add(store, a_request())
    other = add(store, a_request())
    polled = replace(request, polls=3, last_poll_at=NOW + HOUR)
    issued = replace(
        polled,
        state=State.ISSUED,
        decided_at=NOW,
        decided_by="me",
        serial_number=7,
        challenge=ChallengeState.USED,
    )
    with store.write(about_transaction(request.transaction_id)) as ledger:
        assert ledger.latest_request(request.transaction_id) == request
        ledger.update_request(polled)
        assert ledger.request(request.id) == polled
        ledger.update_request(issued)
        ledger.update_request(issued)
    assert store.request(request.id) == issued
    with store.write(about_transaction(request.transaction_id)) as ledger:
        ledger.update_request(request)  # one that this transaction has not read
    assert store.request(request.id) == request
    assert store.request(other.id) == other


def test_what_fails_half_way_leaves_nothing(store):
    request = add(store, a_request())
    with pytest.raises(StoreBusy):
        poll_and_add(store, request)
    assert store.request(request.id) == request
    assert store.audit(AuditFilter(), ALL) == []
    with store.write(about_transaction(request.transaction_id)) as ledger:
        ledger.update_request(replace(request, polls=8))
    assert store.request(request.id).polls == 8


def poll_and_add(store, pending):
    with store.write(about_transaction(pending.transaction_id)) as ledger:
        ledger.update_request(replace(pending, polls=7))
        ledger.add_audit(AuditEntry(What.ALARM, "policy", NOW))
        ledger.add_request(pending)  # a second pending one of the same transaction


def test_whoever_writes_what_is_there_already_should_try_again(store):
    """The second line of defence, should transactions not exclude each other as they do."""
    pending = add(store, a_request())
    with pytest.raises(StoreBusy):
        add(store, a_request(transaction_id=pending.transaction_id))
    add(store, a_request(transaction_id=pending.transaction_id, state=State.DENIED))
    enrol(store, 5)
    with pytest.raises(StoreBusy):
        enrol(store, 5)
    assert store.request_counts() == {State.PENDING: 1, State.ISSUED: 1, State.DENIED: 1}


def test_what_refers_to_nothing_is_a_fault_of_ours(store):
    with pytest.raises(Exception, match=r"(?i)foreign key") as caught, store.write(ABOUT_CA_1) as ledger:
        ledger.add_certificate(a_certificate(1, request_id=99))
    assert not isinstance(caught.value, StoreBusy)


# ----------------------------------------------------------------------------------------- certificates


def revoked_in_all_ways(store):
    """Certificates 1 to 7: valid, ended, held, revoked, revoked for no reason, revoked and ended, of ca-2."""
    request = add(store, a_request())
    ended = {"not_before": NOW - YEAR, "not_after": NOW}
    revoked = {"revoked_at": NOW}
    kept = [
        a_certificate(number, request.id, id=number, **changes)
        for number, changes in enumerate(
            (
                {},
                ended,
                {**revoked, "reason": 6},
                {**revoked, "reason": 1, "invalidity_date": NOW - HOUR},
                revoked,
                {**revoked, **ended, "reason": 0},
                {**revoked, "issuer": "ca-2", "wrong_passwords": 3},
            ),
            start=1,
        )
    ]
    with store.write(ABOUT_CA_1) as ledger:
        for each in kept:
            ledger.add_certificate(
                replace(each, revoked_at=None, reason=None, invalidity_date=None, wrong_passwords=0)
            )
            ledger.update_certificate(each)
    return kept


def test_certificates_are_listed_by_their_state(store):
    kept = revoked_in_all_ways(store)
    for now in (NOW, NOW + YEAR):
        for state in CertificateState:
            found = store.certificates(CertificateFilter(state=state), ALL, now)
            assert found == [each for each in kept if each.state(now) is state], (state, now)
    assert store.certificates(CertificateFilter(issuer="ca-2"), ALL, NOW) == kept[6:]
    assert (
        store.certificates(CertificateFilter(search="R1.LAB"), Slice(2, 2, newest_first=False), NOW)
        == kept[2:4]
    )
    assert store.certificates(CertificateFilter(search="nobody"), ALL, NOW) == []
    number = f"{kept[1].serial_number:X}"
    octets = bytes.fromhex(number.zfill(len(number) + len(number) % 2))
    for printed in (number, "0x" + number.lower(), octets.hex(":"), octets.hex()):
        found = store.certificates(CertificateFilter(search=printed), ALL, NOW)
        assert kept[1] in found, printed
        assert all(number in f"{each.serial_number:X}" for each in found)


def test_a_crl_lists_what_is_revoked_and_has_not_ended(store):
    kept = revoked_in_all_ways(store)
    assert store.revoked_certificates("ca-1", NOW) == kept[2:5]
    assert store.revoked_certificates("ca-2", NOW) == kept[6:]
    assert store.revoked_certificates("ca-1", NOW + YEAR) == []


def test_a_subject_has_a_newest_valid_certificate_from_each_ca(store):
    kept = revoked_in_all_ways(store)
    assert store.valid_certificate_of(SUBJECT_KEY, "ca-1", NOW) == kept[2]  # held, and may be released
    with store.write(ABOUT_CA_1) as ledger:
        ledger.update_certificate(replace(kept[2], reason=1))
    assert store.valid_certificate_of(SUBJECT_KEY, "ca-1", NOW) == kept[0]
    assert store.valid_certificate_of(SUBJECT_KEY, "ca-1", NOW + YEAR) is None
    assert store.valid_certificate_of(SUBJECT_KEY, "ca-2", NOW) is None
    assert store.valid_certificate_of(SUBJECT_KEY + "2", "ca-1", NOW) is None
    enrol(store, 9)
    assert store.valid_certificate_of(SUBJECT_KEY, "ca-1", NOW).serial_number == 9


def test_a_subject_may_be_of_any_length(store):
    subject = "CN=" + "x" * 100_000
    with store.write(ABOUT_CA_1) as ledger:
        request = ledger.add_request(a_request(subject=subject))
        ledger.add_certificate(a_certificate(1, request.id, subject=subject, subject_key=subject))
    assert store.valid_certificate_of(subject, "ca-1", NOW).subject == subject


def test_a_crl_takes_its_predecessors_place_and_never_goes_back(store):
    for crl in (a_crl(1), a_crl(3), a_crl(2, "ca-2")):
        with store.write(about_certificates_of(crl.issuer)) as ledger:
            ledger.add_crl(crl)
    for number in (2, 3):
        with pytest.raises(StoreBusy), store.write(ABOUT_CA_1) as ledger:
            ledger.add_crl(a_crl(number))
    assert store.latest_crl("ca-1") == a_crl(3)
    assert store.latest_crl("ca-2") == a_crl(2, "ca-2")


# ------------------------------------------------------------------------- challenges, tokens, settings


def test_a_challenge_is_used_once_and_open_until_then(store):
    request = add(store, a_request())
    with store.write(ABOUT_CHALLENGES) as ledger:
        challenge = ledger.add_challenge(a_challenge(b"1"))
        ledger.add_challenge(a_challenge(b"2", expires_at=None))
        ledger.add_challenge(a_challenge(b"3", device="r1"))
        ledger.add_challenge(a_challenge(b"4", once=False))
        assert ledger.open_challenges(NOW) == 2
        assert ledger.open_challenges(NOW + HOUR) == 1
    with store.write(about_transaction("T")) as ledger:
        assert ledger.use_challenge(challenge, by=request.id, now=NOW)
        assert not ledger.use_challenge(challenge, by=request.id, now=NOW)
        assert ledger.challenge(b"1") == replace(challenge, used_at=NOW, used_by=request.id)
    assert store.open_challenges(NOW) == 1
    assert [each.digest for each in store.challenges(Slice(newest_first=True))] == [b"4", b"3", b"2", b"1"]


@pytest.mark.parametrize(
    ("about", "kind"),
    [(ABOUT_CHALLENGES, "challenge"), (ABOUT_TOKENS, "token")],
    ids=["challenges", "tokens"],
)
def test_what_is_withdrawn_is_gone_and_its_number_with_it(store, about, kind):
    def new(ledger):
        return (
            ledger.add_challenge(a_challenge(b"x")) if kind == "challenge" else ledger.add_token(a_token("x"))
        )

    with store.write(about) as ledger:
        first, withdraw = new(ledger), getattr(ledger, f"withdraw_{kind}")
        assert withdraw(first.id)
        assert not withdraw(first.id)
        assert not withdraw(2**80)
        assert getattr(ledger, kind)(first.digest) is None
    with store.write(about) as ledger:
        assert new(ledger).id > first.id


def test_a_setting_has_its_last_value(store):
    for value in ("valid", "expired"):
        with store.write(ABOUT_SETTINGS) as ledger:
            ledger.set_setting("crl", value)
            assert ledger.setting("crl") == value
    assert store.setting("crl") == "expired"


# ---------------------------------------------------------------------------------- lists for operators


def test_requests_are_found_by_what_they_are(store):
    one = add(store, a_request(profile="ndes", source="192.0.2.7"))
    two = add(store, a_request(state=State.DENIED, subject="CN=100%_sure"))  # r1.lab is among its names
    three = add(store, a_request(subject_alt_names=(), md5="FEEDFEED 0123ABCD"))
    found = {
        RequestFilter(): [one, two, three],
        RequestFilter(state=State.DENIED): [two],
        RequestFilter(state=State.PENDING, profile="compat"): [three],
        RequestFilter(profile="ndes"): [one],
        RequestFilter(source="192.0.2.7"): [one],
        RequestFilter(transaction_id=two.transaction_id): [two],
        RequestFilter(search="R1.Lab"): [one, two, three],
        RequestFilter(search="dns:R1"): [one, two],
        RequestFilter(search="müller"): [one, two],
        RequestFilter(search="feedf"): [three],
        RequestFilter(search="feedfeed 0123"): [three],
        RequestFilter(search="ED:FE:ED:01:23:ab"): [three],
        RequestFilter(search="ED:FE:ED:01:23:ac"): [],
        RequestFilter(search=three.transaction_id.lower()): [three],
        RequestFilter(search="0%_s"): [two],
        RequestFilter(search="r_.lab"): [],
        RequestFilter(search="\\"): [],
        RequestFilter(search="a\0b", profile="\0"): [],
    }
    for wanted, expected in found.items():
        assert store.requests(wanted, ALL) == expected, wanted
    assert store.request_counts() == {State.PENDING: 2, State.DENIED: 1, State.ISSUED: 0}


def test_a_list_is_shown_in_parts(store):
    for _ in range(7):
        add(store, a_request())

    def ids(*part, **options):
        return [
            each.id for each in store.requests(RequestFilter(state=State.PENDING), Slice(*part, **options))
        ]

    assert ids(limit=3) == [1, 2, 3]
    assert ids(3, 3) == [4, 5, 6]
    assert ids(6, 3) == [7]
    assert ids(7, 3) == ids(2**80, 3) == ids(limit=0) == []
    assert ids(limit=3, newest_first=True) == [7, 6, 5]
    assert ids(5, 10**30, newest_first=True) == [4, 3, 2, 1]
    assert ids(-1, 1) == [1]


def test_the_audit_is_found_by_what_it_tells_of(store):
    first, second = enrol(store, 5), enrol(store, 6)
    with store.write(ABOUT_CHALLENGES) as ledger:
        ledger.add_audit(AuditEntry(What.ALARM, "192.0.2.1", NOW, second.id, text="again"))
    found = {
        AuditFilter(): [1, 2, 3],
        AuditFilter(what=What.ALARM): [3],
        AuditFilter(request_id=first.id): [1],
        AuditFilter(request_id=second.id): [2, 3],
        AuditFilter(serial_number=6): [2],
        AuditFilter(request_id=2**80): [],
    }
    for wanted, expected in found.items():
        assert [each.id for each in store.audit(wanted, ALL)] == expected, wanted
    assert [each.id for each in store.audit(AuditFilter(), Slice(3, 1, newest_first=True))] == [2]
