# Every command of the house. `make` alone prints this list; the words after `##` are what it prints.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# How many processes run the tests: a number, or auto (one a core).
JOBS ?= auto
# What else to hand over: `make demo ARGS=folder`, `make test ARGS="-k timing"`, `make lock ARGS=--upgrade`.
ARGS ?=
# How long `make fuzz` looks for what breaks the check, and `make soak` asks and sends.
SECONDS ?= 60
MINUTES ?= 10

# What the tests need from Debian: program=package. Only what is missing is installed.
TEST_PROGRAMS := chromium=chromium smtp-sink=postfix openssl=openssl initdb=postgresql \
	opendkim=opendkim opendkim-genkey=opendkim-tools doveadm=dovecot-imapd
# Where Debian keeps servers, which is on root's PATH only.
export PATH := $(PATH):/usr/sbin

# A stamp is a file whose date says when a step was last done, so that a second `make` has nothing to do.
MADE := $(VENV)/.made
RUNS := $(VENV)/.runs
DEVELOPS := $(VENV)/.develops
# The fuzzer has an environment of its own: nothing else needs it, and not every machine has a wheel of it.
FUZZ_VENV := .venv-fuzz
FUZZES := $(FUZZ_VENV)/.fuzzes

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# A file stays in one process, so that a server or a browser it starts is started once. (Not loadgroup: pytest-xdist 3.8
# does not see groups under pytest 9.2, its issue 1386.)
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo venv dev lint test check format bench soak fuzz lock tools clean

help:  ## print this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

demo: $(RUNS)  ## live a whole course in under a minute, on a virtual clock (ARGS=folder)
	@$(BIN)/drip demo $(ARGS)

venv: $(RUNS)  ## make .venv, with drip in it

dev: $(DEVELOPS)  ## make .venv, with drip and everything that developing it needs

test: $(DEVELOPS) tools  ## run every test (ARGS="-k timing", JOBS=1)
	$(PYTEST) $(ARGS)

lint: $(DEVELOPS)  ## format, lint, types, and the walls between the rooms; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

check:  ## what CI runs: lint, then test
	@bash .ci/run

format: $(DEVELOPS)  ## format the code, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEVELOPS) tools  ## measure, about three minutes (ARGS="--only latency,claims"; --help says more)
	$(BIN)/python bench/run.py $(ARGS)

soak: $(DEVELOPS) tools  ## pixels, clicks and answers while drip run sends: memory, errors, every event (MINUTES=10)
	$(BIN)/python bench/soak.py --minutes $(MINUTES) $(ARGS)

fuzz: $(FUZZES)  ## look for files that break `drip check`, guided by coverage (SECONDS=60)
	@$(FUZZ_VENV)/bin/python tests/fuzz/run.py $(SECONDS)

lock:  ## pin the dependencies of pyproject.toml again (ARGS=--upgrade for the newest)
	@if command -v uv >/dev/null; then uv="uv"; \
	elif $(BIN)/python -m uv --version >/dev/null 2>&1; then uv="$(BIN)/python -m uv"; \
	else echo "make lock needs uv. Type:  $(BIN)/python -m pip install uv" >&2; exit 1; fi; \
	compile="$$uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(ARGS) pyproject.toml"; \
	$$compile --extra build -o requirements.txt && \
	$$compile --extra dev -c requirements.txt -o requirements-dev.txt

clean:  ## take away .venv and all that was made; what you wrote stays
	rm -rf $(VENV) $(FUZZ_VENV) .venv-post-office .fuzz build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find drip tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

tools:
	@bash .ci/packages $(TEST_PROGRAMS)

$(MADE):
	@bash .ci/venv $(PYTHON) $(VENV)
	@touch $@

$(RUNS): requirements.txt pyproject.toml $(MADE)
	@echo "Installing drip into $(VENV): a minute the first time"
	@$(PIP) install -q --require-hashes -r requirements.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPS): requirements-dev.txt $(RUNS)
	@echo "Installing what developing drip needs into $(VENV)"
	@$(PIP) install -q --require-hashes -r requirements-dev.txt
	@touch $@

$(FUZZES): tests/fuzz/requirements.txt requirements.txt pyproject.toml
	@bash .ci/venv $(PYTHON) $(FUZZ_VENV)
	@echo "Installing drip and a fuzzer into $(FUZZ_VENV): a minute the first time"
	@$(FUZZ_VENV)/bin/python -m pip --disable-pip-version-check --no-input install -q --require-hashes -r requirements.txt
	@$(FUZZ_VENV)/bin/python -m pip --disable-pip-version-check --no-input install -q --no-deps --no-build-isolation -e .
	@$(FUZZ_VENV)/bin/python -m pip --disable-pip-version-check --no-input install -q --require-hashes -r tests/fuzz/requirements.txt
	@touch $@
