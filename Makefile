# The customer-asset warehouse. `make help` lists the verbs; each makes .venv itself when it is missing.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The first of these that is Python 3.11 to 3.13; override with `make demo PYTHON=/path/to/python`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
UV := uv==0.13.9

.DEFAULT_GOAL := help
.PHONY: help demo run ui test lint bench lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(READY) ## Simulate a company, build and publish its warehouse, and say where to look
	$(BIN)/caw demo

run: $(READY) ## Build and publish the warehouse from your own exports in data/landing
	$(BIN)/caw run

ui: $(READY) ## Open the Dagster UI on http://127.0.0.1:3000
	$(BIN)/caw ui

test: $(READY) ## Run every test that CI runs, on up to four cores
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup

lint: $(READY) ## Check style, types, imports, SQL and the layers of the dbt project
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models
	$(BIN)/python -m orchestration.dbt_manifest
	$(BIN)/dbt-bouncer run --config-file dbt_project/dbt-bouncer.yml

bench: $(READY) ## Run the benchmarks (ratios, minutes long)
	@for script in tests/benchmarks/*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script || exit 1; done

lock: ## Compile requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet $(UV)
	$(VENV)/lock/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-strip-extras \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--output-file requirements.lock

clean: ## Remove the virtual environment (your data stay)
	rm -rf $(VENV)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; give it as PYTHON=/path/to/python."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "No virtual environment could be made. On Debian or Ubuntu: sudo apt install python3-venv"; exit 2; }
	@echo "Installing into $(VENV) from the hashed lock file (about a minute)"
	@if $(BIN)/pip install --quiet --disable-pip-version-check $(UV) 2>/dev/null && \
		$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock; then :; \
	else $(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock; fi
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m orchestration.dbt_manifest
	@touch $@
