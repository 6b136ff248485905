"""A real CA and a directory, as processes, and an enrolment."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sceplab.children import Child
from sceplab.client import Lab

SECONDS = 60  # of real time, for a process to start


@contextmanager
def process(name: str, folder: Path, *words: str, environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A service over a folder; yields where it is."""
    command = [
        sys.executable,
        "-P",
        "-m",
        name,
        "--state",
        str(folder / name),
        "--management-port",
        "0",
        *words,
    ]
    child = Child(
        name, command, environment=environment, log=folder / f"{name}.log", on_end=lambda name: None
    )
    try:
        yield dict(child.wait_ready(SECONDS))
    finally:
        child.ask_to_end()
        child.wait_ended(5)


@contextmanager
def running_ca(folder: Path, *words: str, **environment: str) -> Iterator[Lab]:
    """A CA; yields its operator."""
    some = ("--console-port", "0", "--key", "ec-p256", *words)
    words = some if "--port" in words else ("--port", "0", *some)
    with process("ca_server", folder, *words, environment=environment) as ready:
        endpoints = {"ca": ready, "management": {"ca": ready["management"]}, "operator": ready["operator"]}
        with Lab({**endpoints, "routers": {}}) as operator:
            yield operator


@contextmanager
def running_directory(folder: Path, *words: str, **environment: str) -> Iterator[dict[str, Any]]:
    """A directory; yields where it is."""
    words = words if "--port" in words else ("--port", "0", *words)
    with process("ldap_mock", folder, *words, environment=environment) as ready:
        yield ready


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def enrol(operator: Lab, common_name: str) -> x509.Certificate:
    """A certificate for CN=common_name,O=Lab, brought and approved by hand."""
    subject = x509.Name.from_rfc4514_string(f"CN={common_name},O=Lab")
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    csr = request.sign(_key(), SHA256())
    brought = operator.submit(csr.public_bytes(Encoding.PEM).decode())
    shown = operator.approve(brought["id"])
    pem = operator.certificate(shown["serial_number"])["pem"]
    return x509.load_pem_x509_certificate(pem.encode())
