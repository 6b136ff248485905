"""The statements of a trustpoint: what they take, how they show, and what they change in a request."""

from __future__ import annotations

from typing import Any

import pytest
from asn1crypto import csr as asn1_csr

from router_emu.config import text
from router_emu.texts import MODERN
from scep_core import names
from scep_core.messages import PkcsReq
from scep_core.values import Digest
from tests.router_emu.pki_lab import PASSWORD, Lab, ScriptedCa, awaited, make_ca

ENROLL = "crypto ca enroll myca"
STATEMENTS = [
    "auto-enroll 80",
    "crl optional",
    "description of the lab",
    "enrollment retry count 3",
    "enrollment retry period 2",
    "enrollment terminal",
    "enrollment url http://ca.lab/certsrv/mscep/mscep.dll",
    "extended-key-usage match server-auth",
    "ip-address 192.0.2.1",
    "message-digest sha384",
    "query url ldap://ldap.lab",
    "renewal-message-type renewalreq",
    "rsakeypair mykey",
    "serial-number",
    "sftp-password ******",
    "sftp-username backup",
    "skip-challenge-password",
    "subject-alternative-name DNS:r1.lab,IP:192.0.2.1,email:noc@lab",
    "subject-name CN=r1,OU=lab",
    "vrf mgmt",
]


def typed(lab: Lab, *lines: str) -> Any:
    return lab.type("configure", "crypto ca trustpoint myca", *lines, "commit", "end")


def shown(lab: Lab) -> list[str]:
    text = lab.type("show running-config crypto ca trustpoint myca").text
    return [line.strip() for line in text.splitlines() if line.startswith(" ")]


def asked(ca: ScriptedCa) -> Any:
    """The last request that came."""
    message = ca.messages[-1].message
    assert isinstance(message, PkcsReq)
    return message.csr


def test_each_is_kept_shown_and_taken_back(lab: Lab) -> None:
    typed(lab, *STATEMENTS)
    assert shown(lab) == STATEMENTS
    typed(lab, *(f"no {line}" for line in STATEMENTS[::2]))
    assert shown(lab) == STATEMENTS[1::2]
    for line in STATEMENTS[1::2]:  # `no` without the value
        row = next(each for each in TRUSTPOINT_ROWS if line.startswith(each))
        typed(lab, f"no {row}")
    assert "trustpoint myca" in lab.type("show running-config crypto ca trustpoint").text
    assert shown(lab) == []


TRUSTPOINT_ROWS = [
    "crl optional",
    "enrollment retry count",
    "enrollment terminal",
    "extended-key-usage match",
    "message-digest",
    "renewal-message-type",
    "serial-number",
    "sftp-username",
    "subject-alternative-name",
    "vrf",
]


def test_of_a_choice_the_last_word_counts(lab: Lab) -> None:
    typed(lab, "serial-number", "serial-number none", "ip-address none", "ip-address 192.0.2.9")
    assert shown(lab) == ["ip-address 192.0.2.9", "serial-number none"]


@pytest.mark.parametrize(
    "line",
    [
        "auto-enroll 0",
        "auto-enroll 100",
        "enrollment retry count 0",
        "enrollment retry count 101",
        "enrollment retry period 61",
        "enrollment est",
        "ip-address 192.0.2.256",
        "message-digest sha224",
        "renewal-message-type 17",
        "serial-number yes",
        "description " + 81 * "x",
        "vrf " + 33 * "x",
        "subject-name " + 801 * "x",
    ],
)
def test_what_is_out_of_range_is_refused_as_it_is_typed(lab: Lab, line: str) -> None:
    lab.type("configure", "crypto ca trustpoint myca")
    assert MODERN.invalid in lab.type(line).text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("subject-name myrouter", "not an attribute of a distinguished name: 'myrouter'"),
        ("subject-name CN=", "not an attribute of a distinguished name: 'CN='"),
        ("subject-name CN=a,,O=b", "not an attribute of a distinguished name: ''"),
        ("subject-alternative-name r1.lab", "not a subject alternative name: 'r1.lab'"),
        ("subject-alternative-name DNS:r1.lab,IP:r1", "'r1' does not appear to be an IPv4 or IPv6 address"),
    ],
)
def test_a_commit_refuses_names_that_are_none(lab: Lab, line: str, reason: str) -> None:
    lab.configure()
    lab.type("configure", "crypto ca trustpoint myca", line)
    assert MODERN.commit_failed in lab.type("commit").text
    assert f"\n {line}\n!!% {reason}\n" in lab.type("show configuration failed").text
    lab.type("abort")
    assert line not in shown(lab)


BAD_QUERY_URLS = {
    "http://x/": "it is no ldap://host",
    "ldaps://127.0.0.1:1": "it is no ldap://host",
    "ldap:///CN=ca": "it is no ldap://host",
    "CN=scep-lab Root CA": "it is no ldap://host",
    "host:abc": "the URL's port cannot be read",
    "127.0.0.1:99999": "the URL's port cannot be read",
    "::1": "the URL's port cannot be read",
    "ldap://noc:sEcReT@dir.lab": "the URL names a user, and directories are asked as nobody",
    "ldap://dir lab": "the URL's host cannot be read",
    "[dir.lab]": "the URL's address cannot be read",
    "ldap://dir.lab/CN=%ff": "the URL's escapes are not UTF-8",
}


@pytest.mark.parametrize("url", BAD_QUERY_URLS)
def test_a_commit_refuses_a_query_url_that_can_never_work(lab: Lab, url: str) -> None:
    line = f"query url {url}"
    lab.type("configure", "crypto ca trustpoint myca", line)
    assert MODERN.commit_failed in lab.type("commit").text
    reason = f"a query url is ldap://host[:port][/name] or host[:port]: {BAD_QUERY_URLS[url]}"
    assert f"\n {line}\n!!% {reason}\n" in lab.type("show configuration failed").text


@pytest.mark.parametrize(
    "url",
    [
        "ldap://dir.lab:3890/CN=scep-lab Root CA,O=Lab",
        "LDAP://dir.lab",
        "dir.lab",
        "dir.lab:3890",
        "[::1]:389",
    ],
)
def test_a_query_url_that_may_work_is_kept(lab: Lab, url: str) -> None:
    typed(lab, f'query url "{url}"')
    assert shown(lab) == [f"query url {url}"]
    running = lab.router.config.running
    assert text.read(lab.router.config.schema, "\n".join(text.lines(running))) == running


@pytest.mark.parametrize("url", [*BAD_QUERY_URLS, '""', '"x"'])
def test_a_stored_query_url_that_cannot_work_loads_and_waits_for_the_next_commit(lab: Lab, url: str) -> None:
    stored = f"crypto ca trustpoint myca\n query url {url}\n!"
    lab.router.config.running = text.read(lab.router.config.schema, stored)
    lab.router.follow_configuration(lab.screen.now)
    assert len(shown(lab)) == 1
    lab.type("configure", "hostname r9")
    assert lab.type("commit").failed == (url != '"x"')
    lab.type("crypto ca trustpoint myca", "no query url")
    assert not lab.type("commit").failed


def test_a_secret_is_not_kept(lab: Lab) -> None:
    lab.type("configure", "crypto ca trustpoint myca", "sftp-password hunter2", "commit", "end")
    output = lab.type("show running-config").text + lab.type("show configuration commit changes last 1").text
    assert "sftp-password ******" in output
    assert "hunter2" not in output


class TestRequest:
    def test_the_device_makes_one_rdn(self, lab: Lab, ca: ScriptedCa) -> None:
        """scep.md 3.2: OU, then serialNumber + unstructuredAddress + unstructuredName."""
        lab.enrol("serial-number", "ip-address 192.0.2.1", "subject-name OU=cml.lab")
        request = asn1_csr.CertificationRequest.load(asked(ca).der, strict=True)
        rdns = request["certification_request_info"]["subject"].chosen
        assert [{each["type"].dotted: each["value"].native for each in rdn} for rdn in rdns] == [
            {names.ORGANIZATIONAL_UNIT: "cml.lab"},
            {
                names.SERIAL_NUMBER: lab.router.serial_number,
                names.UNSTRUCTURED_ADDRESS: "192.0.2.1",
                names.UNSTRUCTURED_NAME: "r1.lab.example",
            },
        ]

    @pytest.mark.parametrize("lines", [(), ("serial-number none", "ip-address none")])
    def test_nothing_of_the_device_but_its_name(
        self, lab: Lab, ca: ScriptedCa, lines: tuple[str, ...]
    ) -> None:
        lab.enrol(*lines)
        assert asked(ca).subject.count(b"r1.lab.example") == 1
        assert len(asked(ca).subject) < 40

    def test_alternative_names_stand_in_the_place_of_the_fqdn(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol(
            "subject-alternative-name dns:test.example.com, IP:192.168.1.1,email:info@example.com,ip:::1"
        )
        assert asked(ca).subject_alt_names == (
            "DNS:test.example.com",
            "IP:192.168.1.1",
            "email:info@example.com",
            "IP:0000:0000:0000:0000:0000:0000:0000:0001",
        )

    @pytest.mark.parametrize("digest", [Digest.MD5, Digest.SHA1, Digest.SHA384, Digest.SHA512])
    def test_the_digest_is_the_requests_and_the_messages(
        self, lab: Lab, ca: ScriptedCa, digest: Digest
    ) -> None:
        ca.answer = ca.issued
        lab.enrol(f"message-digest {digest}")
        assert asked(ca).digest is digest
        assert ca.messages[-1].head.algorithms.digest is digest
        assert lab.pki.trustpoint("myca").router is not None  # and an answer in it is understood

    def test_without_the_password(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.authenticate("skip-challenge-password")
        output = lab.type(ENROLL)
        assert not output.question
        assert "Password" not in lab.screen.text
        assert asked(ca).challenge_password is None

    def test_an_empty_password_is_none(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.authenticate().type(ENROLL, "", "")
        assert asked(ca).challenge_password is None
        lab.type("crypto ca cancel-enroll myca", ENROLL, PASSWORD, PASSWORD)
        assert asked(ca).challenge_password == PASSWORD


def test_removing_a_trustpoint_removes_its_certificates_after_the_commit(lab: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.issued
    lab.enrol("auto-enroll 50")
    lab.type("configure", "no crypto ca trustpoint myca")
    assert lab.pki.trustpoint("myca").router is not None
    lab.type("commit")
    assert (lab.pki.trustpoints, awaited(lab.pki)) == ({}, [])
    lab.type("crypto ca trustpoint myca", "enrollment url http://ca.lab", "commit", "end")
    assert lab.type("show crypto ca certificates myca").text.count("certificate") == 0


def test_clear_forgets_certificates_and_requests(lab: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.issued
    lab.enrol()
    ca.answer = ca.pending
    lab.type(ENROLL, "yes", "", "")
    lab.type("clear crypto ca certificates myca")
    assert (lab.pki.trustpoints, lab.pki.attempts) == ({}, {})
    ca.certificates = (make_ca("new ca", "CN=new").certificate,)
    lab.type("crypto ca authenticate myca", "yes")  # no other CA's certificate stands in the way
    assert lab.pki.trustpoint("myca").ca == ca.certificates[0]
    assert MODERN.no_trustpoint.format(name="other") in lab.type("clear crypto ca certificates other").text


@pytest.mark.parametrize("line", ["crl", "extended-key-usage", "query"])
def test_no_needs_no_more_words_than_can_mean_one_statement(lab: Lab, line: str) -> None:
    kept = next(each for each in STATEMENTS if each.startswith(line))
    typed(lab, kept)
    assert kept in shown(lab)
    typed(lab, f"no {line}")
    assert kept not in shown(lab)


def test_no_of_several_statements_asks_for_more(lab: Lab) -> None:
    lab.type("configure", "crypto ca trustpoint myca")
    assert lab.type("no enrollment").text == "% Incomplete command.\n"


def test_what_a_commit_refused_stands_once_and_in_one_block(lab: Lab) -> None:
    lab.type("configure", "crypto ca trustpoint myca", "enrollment terminal", "enrollment self")
    lab.type("key-usage certificate foo", "subject-name rubbish")
    assert lab.type("commit").failed
    said = lab.type("show configuration failed").text.partition("found below.\n\n\n")[2]
    only = "!!% only the trustpoint system-trustpoint has this"
    several = "!!% enrollment local, self and terminal exclude each other"
    *lines, why, close, end, empty = said.splitlines()
    assert lines == [
        "crypto ca trustpoint myca",
        *(" enrollment self", only),
        *(" enrollment terminal", several),
        *(" key-usage certificate foo", only),
        " subject-name rubbish",
    ]
    assert why.startswith("!!% ")
    assert (close, end, empty) == ("!", "end", "")


def test_parts_of_the_running_configuration(lab: Lab) -> None:
    settings = ["http client vrf M", "crypto ca crl curl-timeout 7", "ssh server trustpoint user a"]
    lab.type("configure", *settings, "crypto ca trustpoint other", "commit", "end")
    for part in ("http", "ssh", "crypto", "crypto ca"):
        said = lab.type(f"show running-config {part}").text.splitlines()[1:]
        assert said[0] == next(line for line in settings if line.startswith(part))
        assert ("crypto ca trustpoint other" in said) == part.startswith("crypto")
        assert "domain" not in str(said)
    lab.type("configure", "ssh server trustpoint user b", "no ssh server trustpoint user", "commit", "end")
    assert "% No such" in lab.type("show running-config ssh").text
