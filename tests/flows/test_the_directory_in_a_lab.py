"""The directory that `sceplab up` starts is the one that the CA's certificates name, before and after."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from cryptography import x509

from sceplab.client import Lab
from sceplab.ports import AUTO_PORTS
from sceplab.supervisor import Settings, running_lab
from tests.ldap_mock.processes import enrol
from tests.ldap_mock.wire import BASE, Client, search

CRL = "certificateRevocationList;binary"


def ldap_url(certificate: x509.Certificate) -> str:
    """Where the certificate says that its CRL is by LDAP."""
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = [name.value for point in points for name in point.full_name or ()]
    return next(name for name in names if name.startswith("ldap://"))


def fetch(url: str) -> x509.CertificateRevocationList:
    parts = urlsplit(url)
    with Client(parts.port) as client:
        entry, result = client.ask(search(1, unquote(parts.path[1:]), BASE, attributes=[CRL]))
    assert result.code == 0
    return x509.load_der_x509_crl(entry.attributes[CRL][0])


def refuses(endpoints: Mapping[str, Any]) -> bool:
    """Whether nobody listens where the directory was."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(endpoints["ldap"]).port)) != 0


def test_it_is_where_the_certificates_say_and_comes_back_there(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, ports=AUTO_PORTS, routers=("r1",), frozen=True)
    with running_lab(settings) as running:
        endpoints = running.endpoints
        with Lab(endpoints) as lab:
            certificate = enrol(lab, "named")
            number = certificate.serial_number
            url = ldap_url(certificate)
            assert url.startswith(endpoints["ldap"] + "/")
            assert fetch(url).get_revoked_certificate_by_serial_number(number) is None
            lab.revoke(f"{number:X}")
            assert fetch(url).get_revoked_certificate_by_serial_number(number) is not None
        with running.without("ldap"):
            assert refuses(endpoints)
            with pytest.raises(ConnectionRefusedError):
                fetch(url)
        assert fetch(url).get_revoked_certificate_by_serial_number(number) is not None
        with running.without("ca"):
            assert fetch(url).get_revoked_certificate_by_serial_number(number) is not None
    with running_lab(settings) as running:
        assert running.endpoints["ldap"] == endpoints["ldap"]
        assert fetch(url).get_revoked_certificate_by_serial_number(number) is not None
