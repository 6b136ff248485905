"""``python -m sceplab`` is ``sceplab``."""

from sceplab.cli import main

main(prog_name="sceplab")
