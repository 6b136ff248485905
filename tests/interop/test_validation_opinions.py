"""Others judge the chains that the router judges: openssl's ``verify``, and pyhanko-certvalidator.

Where they come to something else, ``tests/vectors/chains/opinions.py`` says to what, and why.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose
from scep_core.certificates import Certificate
from tests.programs import program
from tests.vectors.chains.builder import Scene
from tests.vectors.chains.opinions import CERTVALIDATOR, OPENSSL, Opinions, verdicts
from tests.vectors.chains.recipe import Row
from tests.vectors.chains.rows import ROWS, scene_of
from tests.vectors.chains.rows_revocation import OPTIONAL

WORDS = {Good: "good", Bad: "bad", CannotTell: "cannot tell"}
# What openssl says when it lacks a CRL that counts: x509_vfy.h.
ABOUT_CRLS = {3, 5, 8, 11, 12, 15, 16, 33, 35, 36, 44, 54}
ANY_POLICY = "2.5.29.32.0"
EXTENDED = {PeerPurpose.SERVER: {"server_auth"}, PeerPurpose.CLIENT: {"client_auth"}}
PURPOSES = {PeerPurpose.SERVER: ["-purpose", "sslserver"], PeerPurpose.CLIENT: ["-purpose", "sslclient"]}


def expected(row: Row, opinions: Opinions) -> list[str]:
    """What a program may say of a row: our verdict, unless it is known for another.

    Nobody else has optional CRLs: whoever cannot tell is asked again without CRLs.
    """
    base = ROWS.get(row.name.removesuffix(OPTIONAL), row)
    said = verdicts(opinions, base.name, WORDS[base.wanted])
    return ["good" if row.crl_optional and each == "cannot tell" else each for each in said]


@pytest.mark.interop
@pytest.mark.parametrize("name", ROWS)
def test_openssl_is_of_our_opinion_or_known_for_another(name: str, tmp_path: Path) -> None:
    row, scene = scene_of(name)
    says = openssl_says(row, scene, tmp_path)
    if row.crl_optional and says == "cannot tell":
        says = openssl_says(row, scene, tmp_path, with_crls=False)
    assert says in expected(row, OPENSSL)


def openssl_says(row: Row, scene: Scene, folder: Path, *, with_crls: bool = True) -> str:
    made = scene.certificates
    files = {
        "leaf": pem(scene.shown[:1]),
        "others": pem([*scene.shown[1:], *(made[label] for label in row.intermediates)]),
        "anchors": pem(made[label] for label in row.anchors),
        "crls": "".join(map(crl_pem, (each.der for each in scene.crls))),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    command = [program("openssl"), "verify", "-attime", str(int(row.at.timestamp())), "-partial_chain"]
    command += ["-policy", ANY_POLICY, *PURPOSES.get(row.purpose, [])]
    command += ["-no-CApath", "-no-CAstore", "-CAfile", "anchors"]
    for option, name in ("-untrusted", "others"), ("-CRLfile", "crls"):
        command += [option, name] if files[name] else []
    command += ["-crl_check_all"] if with_crls else []
    done = subprocess.run([*command, "leaf"], cwd=folder, capture_output=True, text=True)
    if done.returncode == 0:
        return "good"
    numbers = {int(number) for number in re.findall(r"^error (\d+) at", done.stderr, re.MULTILINE)}
    return "cannot tell" if numbers and numbers <= ABOUT_CRLS else "bad"


def pem(certificates: Iterable[Certificate]) -> str:
    return "".join(ssl.DER_cert_to_PEM_cert(each.der) for each in certificates)


def crl_pem(der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "X509 CRL")


@pytest.mark.parametrize("name", ROWS)
def test_certvalidator_is_of_our_opinion_or_known_for_another(name: str) -> None:
    row, scene = scene_of(name)
    says = asyncio.run(certvalidator_says(row, scene))
    if row.crl_optional and says == "cannot tell":
        says = asyncio.run(certvalidator_says(row, scene, with_crls=False))
    assert says in expected(row, CERTVALIDATOR)


async def certvalidator_says(row: Row, scene: Scene, *, with_crls: bool = True) -> str:
    from asn1crypto import x509
    from pyhanko_certvalidator import CertificateValidator, ValidationContext, errors
    from pyhanko_certvalidator.policy_decl import DisallowWeakAlgorithmsPolicy

    def load(certificate: Certificate) -> x509.Certificate:
        return x509.Certificate.load(certificate.der, strict=True)

    made = scene.certificates
    sent = {each.der: each for each in [*scene.shown[1:], *(made[label] for label in row.intermediates)]}
    context = ValidationContext(
        trust_roots=[load(made[label]) for label in row.anchors],
        moment=row.at,
        crls=[each.der for each in scene.crls] if with_crls else [],
        revocation_mode="require" if with_crls else "soft-fail",
        time_tolerance=timedelta(0),
        algorithm_usage_policy=DisallowWeakAlgorithmsPolicy({"md2", "md5"}, frozenset(), 1024, 1024),
    )
    extended = EXTENDED.get(row.purpose, set())
    try:
        leaf, others = load(scene.shown[0]), [load(each) for each in sent.values()]
        validator = CertificateValidator(leaf, others, validation_context=context)
        await validator.async_validate_usage(set(), extended, extended_optional=True)
    except (AssertionError, NotImplementedError):
        return "none"
    except errors.RevokedError:
        return "bad"
    except (errors.InsufficientRevinfoError, errors.StaleRevinfoError, errors.CRLValidationError):
        return "cannot tell"
    except (errors.PathError, errors.ValidationError, ValueError):
        return "bad"
    return "good"


@pytest.mark.parametrize("opinions", [OPENSSL, CERTVALIDATOR])
def test_every_other_opinion_is_on_a_row_and_is_another(opinions: Opinions) -> None:
    for said, names in opinions.items():
        words, _, why = said.partition(": ")
        assert why
        for name in names:
            assert WORDS[ROWS[name].wanted] not in words.split(" or ")[:1]
