# Two commands matter: `make demo` and `make test`. Both do their own set-up, into .venv/ and the user's cache.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-fast check bench faults clean lock help

help:
	@echo "make demo    start a real control plane, watch gangs start whole or wait whole (needs Python >= 3.11, git, make)"
	@echo "make test    lint, types, import contracts, unit tests and tests on a real control plane"
	@echo "make check   lint, types, import contracts and the tests that need no control plane"
	@echo "make bench   live against the raw ceiling and native gang scheduling; placements against an exact solver"
	@echo "make faults  lost answers, stale watches, lost Leases and restarts, on a real control plane; more faults join later"
	@echo "make setup   only the set-up   ·   make clean   remove .venv and caches of the checkout"

setup: $(STAMP)

$(STAMP): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tutti needs Python >= 3.11; set PYTHON=/path/to/python3.11 and run make again." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV)/ ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/tutti demo

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint
	$(BIN)/python -m pytest -m "not live"

test: lint
	$(BIN)/tutti cluster build
	$(BIN)/python -m pytest

bench: setup
	$(BIN)/tutti cluster build
	$(BIN)/tutti bench live --out benchmarks/results/live-standalone.json --check benchmarks/ranges/live.yaml
	$(BIN)/tutti bench live --mode extender --case gang-256 --no-native --out benchmarks/results/live-extender.json --check benchmarks/ranges/live-extender.yaml
	$(BIN)/tutti bench live --case 3x256-rack --out benchmarks/results/live-rack.json --check benchmarks/ranges/live-rack.yaml
	$(BIN)/tutti bench place --out benchmarks/results/place.json --check benchmarks/ranges/place.yaml

faults: setup
	$(BIN)/tutti cluster build
	$(BIN)/python -m pytest -m live tests/live/kube tests/live/proof/test_restarts.py

lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find scheduler benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +
