"""Run by pkilint's own python: lint every ``*.cer`` and ``*.crl`` of a folder in one process.

Prints a JSON object: the file's name -> what pkilint's report says of errors, empty where it has none.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pkilint.bin import lint_crl, lint_pkix_cert

LINTERS = {
    ".cer": (lint_pkix_cert, ["lint"]),
    ".crl": (lint_crl, ["lint", "--type", "CRL", "--profile", "PKIX"]),
}


def report(path: Path) -> str:
    linter, arguments = LINTERS[path.suffix]
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        status = linter.main([*arguments, "--severity", sys.argv[2], str(path)])
    return said.getvalue() if status else ""


files = sorted(path for path in Path(sys.argv[1]).iterdir() if path.suffix in LINTERS)
json.dump({path.name: report(path) for path in files}, sys.stdout)
