"""A router's identity is taken out of the lab, for a daemon that needs the key."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import pkcs12

from sceplab.cli import main
from tests.flows.conftest import Processes

SECRET = "Open-Sesame"


def test_an_approved_identity_is_exported_and_leaves_nothing_on_the_router(
    lab: Processes, tmp_path: Path
) -> None:
    lab.start_ca()
    lab.start_routers()
    lab.enrol()
    endpoints, file = tmp_path / "endpoints.json", tmp_path / "r1.p12"
    endpoints.write_text(json.dumps(lab.endpoints))

    def export(*more: str, to: Path = file, stdin: str = f"{SECRET}\n") -> tuple[int, str]:
        words = ["router", "r1", "export", "--endpoints", str(endpoints), "--pkcs12", str(to), *more]
        result = CliRunner().invoke(main, words, input=stdin)
        return result.exit_code, result.output

    status, said = export()
    assert (status, "% Nothing of trustpoint myca can be exported" in said) == (1, True)
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        serial_number = operator.approve(request["id"])["serial_number"]
    lab.advance(timedelta(minutes=1))
    assert "There is no password on stdin" in export(stdin="")[1]
    assert "r1.p12 cannot be written: No such file" in export(to=tmp_path / "none" / "r1.p12")[1]
    lab.type("configure", "crypto ca trustpoint other", "commit", "end")
    assert "r1 has 2 trustpoints" in export()[1]
    assert not file.exists()

    status, said = export("--trustpoint", "myca", "--json")
    assert (status, json.loads(said)) == (0, {"file": str(file), "trustpoint": "myca"})
    assert file.stat().st_mode & 0o777 == 0o600
    content = pkcs12.load_pkcs12(file.read_bytes(), SECRET.encode())
    assert content.cert is not None
    assert content.cert.certificate.serial_number == int(serial_number, 16)
    assert len(content.additional_certs) == 1
    assert [each for each in tmp_path.rglob("*.p12") if each != file] == []
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
