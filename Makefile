# Assumes only python3 (3.11 or 3.12), its venv module and make. Everything is installed in $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-cluster check format bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## +/\t/' | expand -t 14

run: $(RUN_STAMP)  ## set up and run the quickstart: dst and td3 on a noisy inverted pendulum
	$(BIN)/python -m experiments.quickstart

test: $(DEV_STAMP)  ## set up and run the fast tests
	$(PYTEST) -m "not slow"

test-slow: $(DEV_STAMP)  ## run the long tests only
	$(PYTEST) -m slow

test-cluster: $(DEV_STAMP)  ## of the long tests those of runs and sweeps: SLURM (installed if root), processes, kills, bad files, 1,000 members
	$(PYTEST) -m cluster

check: $(DEV_STAMP)  ## linter, formatter, type checker, tests (layers and docstrings among them)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(PYTEST) -m "not slow"

format: $(DEV_STAMP)  ## rewrite the sources as the linter and the formatter want them
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(RUN_STAMP)  ## print the benchmark of this machine
	$(BIN)/python -m experiments.bench

clean:  ## remove the virtual environment and the tools' caches; runs/ stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dstjax needs Python 3.11 or newer; set PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# The stamps are files, so that a second call installs nothing.
$(RUN_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing dstjax in $(VENV) (a few minutes the first time)"
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing dstjax and its development tools in $(VENV) (a few minutes the first time)"
	$(PIP) install -c constraints.txt -e '.[dev,slurm]'
	@touch $@ $(RUN_STAMP)
