"""The settings file: what it can say, and what it is told when it says it wrong."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from ca_server.domain.challenges import ChallengeRule, Hasher
from ca_server.domain.places import PointKind
from ca_server.domain.policy import Decide, Issue, Otherwise, Queue, Refuse, Renewals, Rule
from ca_server.domain.profiles import BUILT_IN, COMPAT, NDES, RFC8894, Profiles
from ca_server.settings import SettingsError, read_settings
from scep_core.values import LEGACY, FailInfo
from sceplab import cli

HASHER = Hasher(bytes(32))


def read(text, **defaults):
    return read_settings(text, HASHER, defaults, has_directory=True)


def test_nothing_said_is_what_is_built_in():
    settings = read("")
    assert tuple(settings.profiles) == BUILT_IN == tuple(Profiles())
    assert (settings.ndes.utf16, settings.ndes.single_password) == (True, False)


def test_everything_can_be_said():
    [*_, profile] = read("""
        [profiles.branch]
        like = "rfc8894"
        capabilities = ["AES", "Example.com-Word"]
        ra_mode = true
        legacy_algorithms = true
        tells_next_ca = false
        paths = ["/Branch/", "/cgi-bin/branch/pkiclient.exe"]
        decide = "after-time"
        polls = 5
        after = "1h30m"
        challenge = "static"
        static_challenges = ["open", "sesame"]
        otherwise = "queue"
        bad_challenge = "badMessageCheck"
        renewals = "issue"
        unique_subjects = false
        own_key_only = false
        clock_skew = false
        certificate_days = 30
        extended_key_usages = ["serverAuth", "1.2.3.4"]
        distribution_points = ["directory-name", "ldap", "http"]
        rules = [
            { subject = "CN=*.lab", name = "r*", source = "10.0.0.1/8", then = "issue" },
            { key_bits_below = 2048, key_bits_above = 100, then = "refuse", reason = "too small" },
        ]
    """).profiles
    policy = profile.policy
    assert (profile.name, profile.shape, profile.algorithms) == ("branch", RFC8894.shape, LEGACY)
    assert (profile.capabilities, profile.ra_mode, profile.tells_next_ca) == (
        ("AES", "Example.com-Word"),
        True,
        False,
    )
    assert profile.paths == ("/branch", "/cgi-bin/branch/pkiclient.exe")
    assert (policy.decide, policy.polls, policy.after) == (Decide.AFTER_TIME, 5, timedelta(minutes=90))
    assert (policy.challenge, policy.otherwise) == (ChallengeRule.STATIC, Otherwise.QUEUE)
    assert policy.static_challenges == (HASHER.digest("open"), HASHER.digest("sesame"))
    assert (policy.bad_challenge, policy.renewals) == (FailInfo.BAD_MESSAGE_CHECK, Renewals.ISSUE)
    assert (policy.terms.unique_subjects, policy.own_key_only, policy.clock_skew) == (False, False, None)
    assert policy.terms.lifetime == timedelta(days=30)
    assert policy.terms.purposes == ("1.3.6.1.5.5.7.3.1", "1.2.3.4")
    assert policy.terms.distribution_points == (PointKind.DIRECTORY_NAME, PointKind.LDAP, PointKind.HTTP)
    assert policy.rules == (
        Rule(Issue(), subject="CN=*.lab", name="r*", source=ip_network("10.0.0.0/8")),
        Rule(Refuse(FailInfo.BAD_REQUEST, "too small"), key_bits_below=2048, key_bits_above=100),
    )


def test_where_a_profile_answers():
    profiles = read('[profiles.branch]\nlike = "ndes"\npaths = ["/b"]').profiles
    for path in ("/b", "/B/", "/b/pkiclient.exe", "/scep/branch", "/SCEP/Branch/pkiclient.exe"):
        assert profiles.at(path).name == "branch", path
    for path, expected in {
        "/scep": COMPAT,
        "/scep/ndes": NDES,
        "/certsrv/mscep/mscep.dll/pkiclient.exe": NDES,
        "/CertSrv/mscep_admin/mscep.dll": NDES,
        "/cgi-bin/pkiclient.exe": COMPAT,
        "/scep/rfc8894/": RFC8894,
        "/scep/nobody": None,
        "/cgi-bin/pkiclient.exe/pkiclient.exe": None,
    }.items():
        assert profiles.at(path) == expected, path


def test_a_profile_like_another_answers_at_its_own_paths_alone():
    profiles = read('[profiles.branch]\nlike = "ndes"').profiles
    branch = profiles.named("branch")
    assert (branch.paths, branch.shape, branch.policy) == ((), NDES.shape, NDES.policy)
    assert profiles.at("/scep/branch") is branch
    assert [profiles.at(path) for path in NDES.paths] == [NDES] * len(NDES.paths)


def test_what_rules_say():
    [*_, profile] = read("""
        [profiles.x]
        rules = [{ then = "queue", key_bits_below = 1 }, { then = "issue" }, { name = "r?" }]
    """).profiles
    assert profile.policy.rules == (
        Rule(Queue(), key_bits_below=1),
        Rule(Issue()),
        Rule(Refuse(FailInfo.BAD_REQUEST, "refused by a rule of this CA"), name="r?"),
    )


def test_a_built_in_profile_is_changed_in_what_is_said():
    changed = read('[profiles.ndes]\ndecide = "automatic"').profiles.named("ndes")
    assert changed.policy.decide is Decide.AUTOMATIC
    assert (changed.capabilities, changed.paths, changed.policy.bad_challenge) == (
        NDES.capabilities,
        NDES.paths,
        FailInfo.BAD_MESSAGE_CHECK,
    )


def test_the_command_lines_words_are_for_all_and_the_files_count_more():
    profiles = read('[profiles.ndes]\ndecide = "manual"', decide="automatic", certificate_days=7).profiles
    assert [each.name for each in profiles if each.policy.decide == "manual"] == ["ndes"]
    assert {each.policy.decide for each in profiles} == {"manual", "automatic"}
    assert {each.policy.terms.lifetime for each in profiles} == {timedelta(days=7)}


def test_a_static_challenge_from_outside_is_for_who_asks_for_one_and_names_none():
    text = '[profiles.ndes]\nchallenge = "static"\n'
    text += '[profiles.x]\nchallenge = "static"\nstatic_challenges = ["own"]'
    profiles = read_settings(text, HASHER, {}, "shared").profiles
    given = {each.name: each.policy.static_challenges for each in profiles if each.policy.static_challenges}
    assert given == {"ndes": (HASHER.digest("shared"),), "x": (HASHER.digest("own"),)}


def test_who_names_the_directory_alone_needs_one():
    """The built-in profile of that kind is there when there is a directory; asking for it is an error."""
    profiles = read_settings("", HASHER).profiles
    assert {each.name for each in BUILT_IN} - {each.name for each in profiles} == {"ldap"}
    for text in (
        '[profiles.ldap]\ndecide = "automatic"',
        '[profiles.x]\nlike = "ldap"',
        '[profiles.x]\ndistribution_points = ["ldap"]',
    ):
        with pytest.raises(SettingsError, match=r'distribution_points: "ldap" alone goes with --ldap-url'):
            read_settings(text, HASHER)
        assert read(text)
    disabled = "[profiles.ldap]\nenabled = false"
    assert tuple(read_settings(disabled, HASHER).profiles) == tuple(profiles)


def test_ndes_with_a_single_password():
    settings = read("[ndes]\nsingle_password = true\nutf16 = false")
    assert (settings.ndes.utf16, settings.ndes.single_password) == (False, True)
    policy = settings.profiles.named("ndes").policy
    assert policy.challenge is ChallengeRule.STATIC
    assert policy.static_challenges == (HASHER.digest(HASHER.single_password()),)
    assert settings.profiles.named("compat") == COMPAT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[profiles", "not TOML"),
        ("profile = 1", "settings has no setting 'profile'"),
        ("profiles = 1", "settings.profiles: a table"),
        ("[ndes]\nutf8 = true", "ndes has no setting 'utf8'"),
        ("[profiles.compat]\ndecides = 1", "profiles.compat has no setting 'decides'"),
        ('[profiles.compat]\ndecide = "maybe"', "profiles.compat.decide: one of manual, automatic"),
        ("[profiles.compat]\npolls = 0", "profiles.compat.polls: a whole number from 1"),
        ("[profiles.compat]\npolls = true", "profiles.compat.polls: a whole number from 1"),
        ("[profiles.compat]\nafter = 10", "profiles.compat.after: a text"),
        ('[profiles.compat]\nafter = "soon"', "profiles.compat.after: 'soon' is no duration"),
        ('[profiles.compat]\nra_mode = "yes"', "profiles.compat.ra_mode: true or false"),
        ('[profiles.compat]\ncapabilities = "AES"', "profiles.compat.capabilities: a list"),
        ('[profiles.compat]\npaths = ["scep"]', "profiles.compat.paths: a path begins with /"),
        ("[profiles.compat]\ncertificate_days = 36500", "certificate_days: up to 3650"),
        ('[profiles.compat]\nextended_key_usages = ["web"]', "extended_key_usages: each one of serverAuth"),
        (
            '[profiles.compat]\ndistribution_points = ["ftp"]',
            "profiles.compat.distribution_points: one of http, ldap, ldap-no-host, ad-cs, directory-name",
        ),
        ('[profiles.compat]\ndistribution_points = ["http", "http"]', "distribution_points: each one once"),
        ("[profiles.compat]\ndistribution_points = []", "distribution_points: at least one"),
        ('[profiles.compat]\nbad_challenge = "no"', "bad_challenge: one of badAlg"),
        ('[profiles.compat]\ndecide = "challenge"', 'profiles.compat.decide: goes with another "challenge"'),
        ('[profiles.compat]\nstatic_challenges = ["x"]', "profiles.compat.static_challenges: goes with"),
        (
            '[profiles.compat]\npaths = ["/crl/x"]',
            "profiles.compat.paths: below /crl/, /ca/",
        ),
        ('[profiles.compat]\nchallenge = "static"', 'profiles.compat.challenge: "static" goes with'),
        ('[profiles.compat]\nrules = [{ then = "burn" }]', "rules[1].then: one of issue, queue, refuse"),
        ('[profiles.compat]\nrules = [{ source = "here" }]', "rules[1].source: 'here' does not appear"),
        ('[profiles.compat]\nrules = [{ subjekt = "x" }]', "rules[1] has no setting 'subjekt'"),
        ('[profiles.new]\nlike = "old"', "profiles.new.like: one of compat"),
        ('[profiles."New!"]', "a profile's name is of a-z"),
        ('[profiles.new]\npaths = ["/scep"]', "two profiles answer at /scep"),
        ("[profiles.compat]\nlegacy_algorithms = 1", "legacy_algorithms: true or false"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, told):
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert told in str(caught.value)


def test_the_example_in_the_documents_can_be_read():
    document = (Path(__file__).parents[2] / "docs" / "ca.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    settings = read(example)
    assert settings.profiles.at("/branch").policy.challenge is ChallengeRule.STATIC
    assert settings.ndes.single_password


def test_sceplab_up_offers_the_words_that_the_ca_knows():
    assert (*cli.DECIDE,) == (*map(str, Decide),)
    assert (*cli.CHALLENGE,) == (*map(str, ChallengeRule),)
