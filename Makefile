# Needs python3 (3.11 or newer) and make; everything else is put into .venv.
# Arguments for the program behind a target:  make test ARGS="-k clock"

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PKILINT := build/pkilint
ARGS ?=

define TARGETS
scep-lab: a lab for SCEP enrolment and router PKI.  Not a CA for real use.

  make demo        play the pending-approval story on a lab of its own (sets up what it needs)
  make up          run a lab until ^C: a CA, a directory, bundles, the routers r1 and r2 (ARGS="--ports auto" for free ports)
  make test        run all tests (ARGS="-k clock" for some)
  make test-fast   run the tests without other people's programs, without containers and without the slow ones
  make interop     run the tests with other people's programs alone
  make compose-test  run the tests of the lab in containers (starts a Docker engine if there is none)
  make pkilint     set up the linter of certificates that a test runs, in an environment of its own
  make bench       measure what enrolments and polls cost the CA, beside their private-key operations
  make check       lint, format, types, and the architecture
  make setup       set up .venv with all that development needs
  make docs        write docs/generated/ anew from the code's tables
  make builtins    write the routers' built-in certificates anew, from their recipe
  make format      rewrite the sources in the project's format
  make lock        pin the requirements anew (needs a package registry)
  make clean       remove .venv and everything generated
endef

.DEFAULT_GOAL := help
.PHONY: help demo up test test-fast interop compose-test pkilint bench check docs builtins setup format lock clean

help:
	$(info $(TARGETS))
	@:

demo: $(VENV)/run.stamp
	@$(BIN)/sceplab demo pending-approval

up: $(VENV)/run.stamp
	@$(BIN)/sceplab up $(ARGS)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(ARGS)

test-fast: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m "not interop and not slow and not compose" $(ARGS)

interop: $(VENV)/dev.stamp $(PKILINT)/pkilint.stamp
	$(BIN)/python -m pytest -m interop $(ARGS)

compose-test: $(VENV)/dev.stamp
	SCEPLAB_REQUIRE_COMPOSE=1 tests/compose/engine.sh $(BIN)/python -m pytest -m compose $(ARGS)

pkilint: $(PKILINT)/pkilint.stamp

bench: $(VENV)/run.stamp
	@$(BIN)/python tests/bench/enrolment.py
	@$(BIN)/python tests/bench/service.py $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

docs: $(VENV)/run.stamp
	$(BIN)/python docs/generate.py

builtins: $(VENV)/run.stamp
	@mkdir -p build
	$(BIN)/python -m bundles builtin > build/builtin.pem
	mv build/builtin.pem router_emu/builtin.pem

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/dev.stamp

# What runs the lab, and what installs the project itself.
$(VENV)/run.stamp: requirements.txt requirements-build.txt pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Setting up $(VENV) for development ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

# In an environment of its own: it pins other versions than ours.
$(PKILINT)/pkilint.stamp: requirements-pkilint.txt | $(BIN)/python
	@echo "Setting up $(PKILINT) ..."
	@$(PYTHON) -m venv $(PKILINT)
	@$(PKILINT)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "This needs python3, 3.11 or newer ($(PYTHON) is not there)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This needs Python 3.11 or newer; $(PYTHON) is older.  Say which:  make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments.  On Debian and Ubuntu:  apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header $(ARGS) \
	  -o requirements.txt pyproject.toml
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header $(ARGS) \
	  --extra postgresql -c requirements.txt -o requirements-image.txt pyproject.toml
	echo 'setuptools>=77' | build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header \
	  --no-annotate $(ARGS) -o requirements-build.txt -
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header $(ARGS) \
	  --extra dev -c requirements.txt -c requirements-build.txt -o requirements-dev.txt pyproject.toml
	echo 'pkilint>=0.13.3' | build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header \
	  --no-annotate $(ARGS) -o requirements-pkilint.txt -

clean:
	rm -rf $(VENV) build dist scep_lab.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
