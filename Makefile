PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo up test check env clean

demo: .venv/installed  ## the whole loop with simulated labelers; ends by itself and leaves runs/demo/report.html
	$(BIN)/prefloop demo

up: .venv/installed  ## the loop for people, until Ctrl-C; started again it goes on
	$(BIN)/prefloop up

test: .venv/installed
	$(BIN)/pytest

check: .venv/installed  ## ruff, mypy strict, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

env: .venv/installed  ## .env with fresh secrets for docker compose
	$(BIN)/prefloop env

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# torch first, by itself and exactly pinned: asked for in one go with everything else, pip may weigh other builds of it
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,simulate,local,dev]'
	touch $@
