# Each target can be run alone. `tools/setup` makes .venv first.
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help check lint types contracts core search tests format manual

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The order matters: pytest's summary is the last thing that a run prints.
check:  ## everything below, in order
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory contracts
	@$(MAKE) --no-print-directory search
	@$(MAKE) --no-print-directory tests

lint:  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:  ## mypy --strict
	$(BIN)/mypy

contracts:  ## who may import whom
	$(BIN)/lint-imports

core:  ## the tests of the pure core alone: no sleep, no mock
	$(BIN)/pytest -q -m "not search and not corpora" tests/decision tests/credentials

search:  ## the exhaustive search over the shipped step
	$(BIN)/pytest -q -m search

tests:  ## all other tests
	$(BIN)/pytest -q -m "not search"

format:  ## let ruff lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

manual:  ## write config/gate.toml anew from the declarations in gatefw/settings.py
	$(BIN)/python -c "from gatefw import settings; print(settings.manual(), end='')" >config/gate.toml
