PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo up test check env bench load chaos clean

demo: .venv/installed  ## the whole loop with simulated labelers; ends by itself and leaves runs/demo/report.html
	$(BIN)/prefloop demo

up: .venv/installed  ## the loop for people, until Ctrl-C; started again it goes on
	$(BIN)/prefloop up

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

check: .venv/installed  ## ruff, mypy strict, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

env: .venv/installed  ## .env with fresh secrets for docker compose
	$(BIN)/prefloop env

bench: .venv/installed benchmarks/.venv/installed  ## prefloop beside TRL and transformers, 20 minutes; benchmarks/results.json
	$(BIN)/python -m benchmarks

load: .venv/installed  ## 200 labelers at the API beside pgbench, 4 minutes; benchmarks/labeling/results.json
	$(BIN)/python -m benchmarks.labeling --out benchmarks/labeling/results.json

chaos: .venv/installed  ## a small loop under kill -9 of its processes beside the same undisturbed, 6 minutes; runs/chaos
	$(BIN)/python -m tests.chaos

clean:
	rm -rf .venv benchmarks/.venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# torch first, by itself and exactly pinned: asked for in one go with everything else, pip may weigh other builds of it
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,simulate,local,data,evaluate,dev]'
	touch $@

benchmarks/.venv/installed: benchmarks/constraints.txt
	$(PYTHON) -m venv benchmarks/.venv
	benchmarks/.venv/bin/pip install --quiet --constraint benchmarks/constraints.txt "$$(grep '^torch==' benchmarks/constraints.txt)"
	benchmarks/.venv/bin/pip install --quiet --constraint benchmarks/constraints.txt trl
	touch $@
