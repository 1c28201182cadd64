# Two commands matter: `make demo` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOUCHSTONE := $(BIN)/touchstone

.PHONY: demo test torture torture-mutations lint types docs clean venv
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## run the main job on the embedded stack and watch it
	@$(TOUCHSTONE) demo $(ARGS)

test: $(VENV)/.test lint types ## lint, types and every test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

torture: $(VENV)/.test ## kill, stop, cut and slow everything under load and check every promise: SEED= SCENARIOS= MINUTES=
	@$(BIN)/python -m tests.torture --seed "$(SEED)" --scenarios "$(SCENARIOS)" --minutes "$(MINUTES)" $(ARGS)

torture-mutations: $(VENV)/.test ## make known mistakes on purpose: the harness must notice each of them: SEED=
	@$(BIN)/python -m tests.torture --mutations --seed "$(SEED)" --scenarios "$(SCENARIOS)" --scale 0.4 $(ARGS)

lint: $(VENV)/.test ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test ## mypy, strict
	$(BIN)/mypy

docs: $(VENV)/.test ## write the reference pages anew: docs/settings.md, docs/cli.md, docs/schemas.md, docs/metrics.md, .env.example
	$(BIN)/python -m streams.reference

venv: $(VENV)/.test ## the development environment only

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Touchstone needs Python 3.11 or newer: make PYTHON=python3.12 ...'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt hatch_build.py schemas/native.c | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt hatch_build.py schemas/native.c | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.demo

clean: ## remove the environment and caches (the local stack's data stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
