# Two commands are enough: `make demo` and `make test`. They need Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
UV ?= uv
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults bench bench-one-click bench-operators check format catalogue pictures migration lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.dev-installed ## Make .venv with all that the service and its tests need

demo: .venv/.installed ## Start everything with made-up studies and people, send a digest, show where to look
	$(BIN)/notifier demo

test: setup ## Run all tests, against PostgreSQL and Redis of their own
	$(BIN)/pytest -n 2

faults: setup ## Kill, flush and break it for many seeds, and count (FAULTS_OPTIONS="--seeds 1-3 --people 300" for a short look)
	$(BIN)/python -m tests.faults.run $(FAULTS_OPTIONS)

bench: setup ## Measure a daily run beside the usual design (BENCH_OPTIONS="--people 2000" for a short look)
	$(BIN)/python -m benchmarks.daily_run $(BENCH_OPTIONS)

bench-one-click: setup ## Measure one-click unsubscribing with a million subscribers (BENCH_OPTIONS="--people 20000" for a short look)
	$(BIN)/python -m benchmarks.one_click $(BENCH_OPTIONS)

bench-operators: setup ## Measure what operators look at and do, with two million deliveries (BENCH_OPTIONS="--people 30000" for a short look)
	$(BIN)/python -m benchmarks.operators $(BENCH_OPTIONS)

check: setup ## Look for mistakes without running anything: ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup ## Put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

catalogue: setup ## Collect our words for translators, and bring each language's file up to date
	$(BIN)/python -m notifier.languages.extraction

pictures: setup ## Take the pictures of README and guides anew (needs Chromium)
	$(BIN)/python docs/pictures/take.py
	$(BIN)/python docs/pictures/take_ops.py

migration: setup ## Write the first migration anew from the models (until the first release)
	$(BIN)/python -m notifier.db.draft
	$(BIN)/ruff format -q notifier/db/migrations
	$(BIN)/ruff check --fix -q notifier/db/migrations

LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

lock: ## Pin the newest allowed versions, with hashes (needs uv; LOCK_OPTIONS=--upgrade to move on)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: see https://docs.astral.sh/uv/"; exit 1; }
	$(LOCK) $(LOCK_OPTIONS) requirements/build.in -o requirements/build.txt
	$(LOCK) $(LOCK_OPTIONS) -c requirements/build.txt requirements/runtime.in -o requirements/runtime.txt
	$(LOCK) $(LOCK_OPTIONS) requirements/dev.in -o requirements/dev.txt

clean: ## Remove .venv, caches and the local data under .notifier
	rm -rf .venv .notifier .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Notifier needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.made pyproject.toml requirements/build.txt requirements/runtime.txt
	@echo "Installing what the service needs into .venv (once, some minutes on a slow line) ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev-installed: .venv/.installed requirements/dev.txt
	@echo "Installing what the tests need ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
