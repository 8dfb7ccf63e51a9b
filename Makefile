# `make up` and `make test` are all that a newcomer needs; each sets up what it stands on.
.DEFAULT_GOAL := help
.PHONY: help up down clean test test-fast lint format lock bench

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
ADFKIT := $(VENV)/bin/adfkit
# The lock is installed by uv: the machine's own where there is one, else one that pip installs from the lock.
UV := $(shell command -v uv || echo $(VENV)/bin/uv)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

up: $(VENV)/.runtime ## start local Azure, deploy the stack local, run its ingestions
	@$(ADFKIT) quickstart

down: ## stop local Azure; its state stays
	@if [ -x $(ADFKIT) ]; then $(ADFKIT) local stop; fi

clean: down ## stop local Azure and delete all that make and adfkit have made here
	rm -rf .adfkit $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test: $(VENV)/.dev lint ## every check and every test
	$(VENV)/bin/pytest -n 2 --dist loadscope

test-fast: $(VENV)/.dev ## the tests that take no service and no process of their own, in under a minute
	$(VENV)/bin/pytest -n 2 --dist loadscope -m "not slow" -q

lint: $(VENV)/.dev ## ruff, mypy, import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev ## format the code
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.dev ## the benchmarks of benchmarks/README.md
	$(VENV)/bin/python -m benchmarks.expressions
	$(VENV)/bin/python -m benchmarks.pipeline_runtime
	$(VENV)/bin/python -m benchmarks.batch --copies 3
	$(VENV)/bin/python -m benchmarks.make_up
	$(VENV)/bin/python -m benchmarks.techniques

lock: $(VENV)/bin/python ## compile every lock from pyproject.toml and the requirements.in files
	UV="$(UV)" scripts/lock.sh

$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "adfkit needs Python 3.11 or later, this is " + sys.version)'
	@echo "Setting up $(VENV) ..."
	@if command -v uv >/dev/null; then uv venv --quiet --python "$(PYTHON)" $(VENV); else \
	  "$(PYTHON)" -m venv $(VENV) && \
	  $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt; fi

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	@$(UV) pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.txt
	@$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@$(UV) pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements-dev.txt
	@touch $@
