"""Recipes: what they may say, and how a mistake is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bundles.app import SHIPPED, load_recipes
from bundles.domain.issuing import Issuer
from bundles.domain.reader import RecipeError
from bundles.domain.recipes import Derived, Fault, Form, KeyKind, SameAs, Switch, read_recipes
from scep_core import names
from scep_core.values import Digest
from tests.bundles.stage import START, no_key

CA = '[certificates.root]\nsubject = "CN=Root"\nkey = "p-256"\nfrom = "-1y"\nuntil = "+1y"\n'
BUNDLE = '[bundles.good]\ncertificates = ["root"]\n'


def read(text):
    return read_recipes([("my.toml", text)])


def test_a_recipe_is_read_into_values():
    recipes = read_recipes(
        [
            ("one.toml", CA),
            (
                "two.toml",
                """
                seed = "known to all"
                [certificates.signer]
                subject = 'CN=A \\, B,O=Lab'
                key = "derived"
                issuer = "root"
                ca = false
                serial = "5F:F8"
                digest = "sha384"
                from = 2004-05-14T20:17:12+02:00
                until = "+12h"
                [certificates.root-again]
                subject = "CN=Root"
                key_of = "root"
                from = "-1d"
                until = "+2y"
                [files.mine]
                path = "mine.pem"
                [bundles.one]
                title = "the first"
                certificates = ["root", "mine"]
                signer = "signer"
                fault = "truncated"
                paths = ["/a/b.p7b", "/c"]
                switch = [{ at = "+25d", to = "two" }]
                [bundles.two]
                like = "one"
                form = "pem"
                comment = "hello"
                content_type = "text/plain"
                [bundles.three]
                like = "one"
                signed = false
                """,
            ),
        ]
    )
    root, signer, again = recipes.certificates.values()
    assert (root.key, root.ca, root.issuer, root.digest) == (KeyKind.P_256, True, None, Digest.SHA256)
    assert (root.not_before, root.not_after) == (timedelta(days=-365), timedelta(days=365))
    assert signer.key == Derived("known to all")
    assert (signer.issuer, signer.ca, signer.serial_number, signer.digest) == (
        "root",
        False,
        0x5FF8,
        "sha384",
    )
    assert signer.not_before == datetime(2004, 5, 14, 18, 17, 12, tzinfo=UTC)
    assert again.key == SameAs("root")
    one, two, three = recipes.bundles.values()
    assert (one.title, one.form, one.signer, one.fault) == (
        "the first",
        Form.PKCS7,
        "signer",
        Fault.TRUNCATED,
    )
    assert one.paths == ("/a/b.p7b", "/c")
    assert one.switches == (Switch(timedelta(days=25), "two"),)
    assert one.content_type == "application/x-pkcs7-certificates"
    assert (two.certificates, two.form, two.signer) == (one.certificates, Form.PEM, None)
    assert (two.paths, two.switches, two.fault, two.title) == ((), (), None, "two")
    assert (two.comment, two.content_type) == ("hello", "text/plain")
    assert (three.form, three.signer) == (Form.PKCS7, None)


def test_a_subject_is_written_as_it_is_printed():
    recipe = read(CA.replace("CN=Root", r"CN=A\\, B,OU=Lab+UID=7,C=DE")).certificates["root"]
    assert names.rfc4514(recipe.subject_der(1)) == r"CN=A\, B,OU=Lab+UID=7,C=DE"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[certificates", "my.toml: Expected ']'"),
        ("certificates = 1", "my.toml.certificates: a table is needed"),
        ("colour = 1", "my.toml.colour: is not known here"),
        ("[certificates.Root]", "my.toml: certificates.Root: a name is made of small letters"),
        ("[certificates]\nroot = 1", "my.toml: certificates.root: a table is needed"),
        (CA.replace('"CN=Root"', '"Root"'), "my.toml: certificates.root.subject: not an attribute"),
        (CA.replace('subject = "CN=Root"\n', ""), "my.toml: certificates.root.subject: is missing"),
        (CA.replace("p-256", "p-257"), "my.toml: certificates.root.key: one of rsa-2048, "),
        (CA.replace("p-256", "derived"), 'my.toml: certificates.root.key: "derived" needs a seed'),
        (CA.replace('key = "p-256"\n', ""), "my.toml: certificates.root.key: is missing"),
        (CA + 'key_of = "root"', "my.toml: certificates.root.key_of: goes without key"),
        (CA.replace('"-1y"', '"1y"'), "my.toml: certificates.root.from: a distance such as -10y"),
        (
            CA.replace('"-1y"', "2030-01-31T12:00:00"),
            "my.toml: certificates.root.from: a date needs its time zone",
        ),
        (CA.replace('"-1y"', "7"), "my.toml: certificates.root.from: a distance"),
        (
            CA.replace("+1y", "9999-12-31T23:59:59Z"),
            "my.toml: certificates.root.until: a date stands without",
        ),
        (CA.replace("CN=Root", "CN=A\\u0000"), "my.toml: certificates.root.subject: a name has no control"),
        (CA.replace("CN=Root", r"CN=A\\00B"), "my.toml: certificates.root.subject: a name has no control"),
        ("a = " + "[" * 5000 + "]" * 5000, "my.toml: is nested too deeply"),
        (CA.replace('"-1y"', '"+2y"'), "my.toml: certificates.root.until: is before from"),
        (CA + "ca = 1", "my.toml: certificates.root.ca: true or false"),
        (CA + 'serial = "-1"', "my.toml: certificates.root.serial: a serial number is positive"),
        (
            CA + 'serial = "xyz"',
            "my.toml: certificates.root.serial: a serial number is a text in hexadecimal",
        ),
        (CA + f'serial = "{"F" * 40}"', "my.toml: certificates.root.serial: a serial number is positive"),
        (CA + 'digest = "md5"', "my.toml: certificates.root.digest: one of sha1, "),
        (CA + "count = 0", "my.toml: certificates.root.count: a whole number from 1 to 1000"),
        (CA + "count = 2", "my.toml: certificates.root.subject: several certificates need {number} in it"),
        (CA + 'issuer = "nobody"', "my.toml: certificates.root.issuer: there is no certificate 'nobody'"),
        (CA + 'issuer = "root"', "my.toml: certificates.root.issuer: this leads back to 'root'"),
        (CA + "color = 1", "my.toml: certificates.root.color: is not known here"),
        (CA + '[files.root]\npath = "x"', "my.toml: files.root: this name is taken"),
        ("[files.x]", "my.toml: files.x.path: is missing"),
        ("[bundles.good]", "my.toml: bundles.good.certificates: is missing"),
        (BUNDLE, "my.toml: bundles.good.certificates: there is no certificate 'root'"),
        (CA + BUNDLE + 'form = "zip"', "my.toml: bundles.good.form: one of pkcs7, "),
        (CA + BUNDLE + 'signer = "x"', "my.toml: bundles.good.signer: there is no certificate 'x'"),
        (CA + BUNDLE + 'form = "pem"\nsigner = "root"', "my.toml: bundles.good.signer: nobody signs pem"),
        (CA + BUNDLE + 'fault = "bad"', "my.toml: bundles.good.fault: one of broken-signature, "),
        (
            CA + BUNDLE + 'fault = "broken-signature"',
            "my.toml: bundles.good.fault: a signature is broken where",
        ),
        (CA + BUNDLE + 'comment = "x"', "my.toml: bundles.good.comment: there is no place for one in pkcs7"),
        (CA + BUNDLE + 'like = "other"', "my.toml: bundles.good.like: one of "),
        (CA + BUNDLE + 'paths = "/x"', "my.toml: bundles.good.paths: a list is needed"),
        (CA + BUNDLE + 'paths = ["/x/../y"]', "my.toml: bundles.good.paths: a path is made of"),
        (CA + BUNDLE + 'paths = ["/crl/x"]', "my.toml: bundles.good.paths: below /crl/ are the CRLs"),
        (CA + BUNDLE + 'paths = ["/"]', "my.toml: bundles.good.paths: a path begins with /"),
        (CA + BUNDLE + 'paths = ["/x", "/x"]', "my.toml: bundles.good.paths: /x is where good is"),
        (
            CA + BUNDLE + 'content_type = "a\\r\\nb"',
            "my.toml: bundles.good.content_type: a media type in ASCII",
        ),
        (CA + BUNDLE + 'switch = [{ at = "+1d" }]', "my.toml: bundles.good.switch[1].to: is missing"),
        (
            CA + BUNDLE + 'switch = [{ at = "+1d", to = "x" }]',
            "my.toml: bundles.good.switch: there is no bundle 'x'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(text, told):
    with pytest.raises(RecipeError) as caught:
        read(text)
    assert str(caught.value).startswith(told)


def test_chains_that_go_in_a_ring_are_refused():
    ring = "\n".join(
        CA.replace(".root", f".{name}") + f'issuer = "{issuer}"' for name, issuer in ("ab", "bc", "ca")
    )
    with pytest.raises(RecipeError, match="leads back"):
        read(ring)


def test_a_ring_further_up_is_refused_too():
    ring = CA.replace(".root", ".b") + 'issuer = "c"\n' + CA.replace(".root", ".c") + 'issuer = "b"\n'
    with pytest.raises(RecipeError, match="leads back"):
        read(CA + 'issuer = "b"\n' + ring)


def test_names_are_taken_once_over_all_files():
    with pytest.raises(RecipeError, match=r"two\.toml: certificates\.root: this name is taken"):
        read_recipes([("one.toml", CA), ("two.toml", CA)])


def test_dates_out_of_the_calendar_are_told_when_the_epoch_is_known():
    recipes = read('seed = "x"\n' + CA.replace("p-256", "derived").replace("+1y", "+9999y"))
    with pytest.raises(RecipeError, match=r"my\.toml: certificates\.root: a date is out of the calendar"):
        Issuer(recipes.certificates, no_key, START).identities("root")


def test_a_certificate_may_last_until_the_calendar_ends():
    text = CA.replace("p-256", "derived").replace('"+1y"', "9999-12-31T23:59:59Z")
    issuer = Issuer(read('seed = "x"\n' + text).certificates, no_key, START)
    assert issuer.identity("root").certificate.not_after == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_every_shipped_recipe_is_read():
    recipes, files = load_recipes(SHIPPED)
    assert len(recipes.bundles) > 25
    assert len(files["public-roots"]) > 100


def test_a_recipe_of_ones_own_may_name_a_file_beside_it(tmp_path):
    (tmp_path / "mine.toml").write_text('[files.mine]\npath = "mine.pem"\n')
    with pytest.raises(RecipeError, match=r"mine\.toml: files\.mine\.path: .*mine\.pem: No such file"):
        load_recipes([str(tmp_path / "mine.toml")])
    (tmp_path / "mine.pem").write_text("nothing\n")
    with pytest.raises(RecipeError, match="there is no certificate in it"):
        load_recipes([str(tmp_path / "mine.toml")])
    (tmp_path / "mine.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(RecipeError, match=r"mine\.pem: "):
        load_recipes([str(tmp_path / "mine.toml")])


def test_a_recipe_that_is_not_there_is_told_with_those_that_are(tmp_path):
    with pytest.raises(RecipeError, match=r"No such file .* builtin, lab, faults, changing, certifi"):
        load_recipes([str(tmp_path / "none.toml")])
