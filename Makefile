# Two commands on a fresh machine: `make demo` and `make test`. Everything they need goes into .venv, by hash.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check unit soak guards browser bench bench-quick lock clean

demo: $(VENV)/.run
	$(BIN)/syncmux demo

test: check unit

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal

soak: $(VENV)/.dev
	$(BIN)/pytest -m soak
	$(BIN)/pytest -m hypothesis --hypothesis-profile=others

# Takes out what guards the daemon against its senders, one thing after the other, and shows that a test is red each time.
guards: $(VENV)/.dev
	$(BIN)/python -m tests.guards

# The page of the daemon, headless. Needs Chromium on the PATH; SYNCMUX_SHOTS names a directory for pictures of it.
browser: $(VENV)/.dev
	$(BIN)/pytest -m browser

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# In minutes, and red if a ratio to a peer is worse than what benchmarks/recorded.json explains.
bench-quick: $(VENV)/.dev
	$(BIN)/python -m benchmarks --quick

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "syncmux needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

# The build tools come first and pinned, so that nothing is built with a version that the lock does not name.
$(VENV)/.build: requirements/build.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/build.txt
	touch $@

$(VENV)/.run: requirements/run.txt pyproject.toml $(VENV)/.build
	$(PIP) install --require-hashes --no-build-isolation -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PIP) install --require-hashes --no-build-isolation -r requirements/dev.txt
	touch $@

# Needs uv on the PATH. The files name packages and hashes only, never where they came from.
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock:
	$(UV_COMPILE) pyproject.toml -o requirements/run.txt
	$(UV_COMPILE) --group build -o requirements/build.txt
	$(UV_COMPILE) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
