# Needs make and Python 3.11 or newer; the rest each target fetches for itself, once.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# A virtual environment holds absolute paths: it goes when the tree was moved or its Python removed.
$(shell test ! -f $(STAMP) || { test "$$(cat $(STAMP))" = "$(CURDIR)" && $(BIN)/python -c '' 2>/dev/null; } \
	|| rm -rf $(VENV))

.DEFAULT_GOAL := help
.PHONY: help setup kafka realvault test test-unit lint docs demo bench clean

help:
	@echo "make demo       real Kafka on this machine, customer records before and after protection"
	@echo "make test       all tests, those on real Kafka and a real Vault included"
	@echo "make test-unit  only the tests that start no server"
	@echo "make lint       ruff, mypy, import-linter"
	@echo "make bench      the pinned workload, beside its two baselines"
	@echo "make docs       write the option tables of docs/transforms anew"
	@echo "make realvault  the real Vault of the tests, built from its Go modules; make test makes it when needed"
	@echo "make setup      the virtual environment in $(VENV); the targets above make it when needed"
	@echo "make clean      remove the virtual environment and all caches of this tree"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || { $(FIND_PYTHON); "$$python" -m venv --clear $(VENV); }
	@echo "Installing into $(VENV); the first time this takes a minute or two."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@echo "$(CURDIR)" > $@

# Debian's Python comes without ensurepip, and a pyenv shim may stand for no Python at all: each candidate is tried.
define FIND_PYTHON
for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	python=; \
done; \
test -n "$$python" || { echo "Streamveil needs Python 3.11 or newer, with its venv module, on the PATH." >&2; exit 1; }
endef

kafka: $(STAMP)
	@$(BIN)/python -m connector.loopback.jars

realvault: $(STAMP)
	@$(BIN)/python -m tests.realvault.build

test: kafka realvault
	$(BIN)/pytest tests

test-unit: $(STAMP)
	$(BIN)/pytest tests --ignore=tests/integration --ignore=tests/conformance/vault

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)
	$(BIN)/python -m docs.option_tables

demo: kafka
	$(BIN)/streamveil demo

bench: kafka
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
