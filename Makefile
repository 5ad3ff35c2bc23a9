# Everything here works from a clean clone: Python 3.11 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
SWEEPS ?= sweeps
# A file's tests stay in one process: they share what is slow to make. Files come as they are: the longest has one test.
PROCESSES ?= --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.NOTPARALLEL:  # all install into one environment
.PHONY: help demo test test-slow test-classics fuzz gpu check format clean

help:
	@echo "make demo       search the embedded digits, export the winner (about two minutes after the environment)"
	@echo "make test       the test suite"
	@echo "make test-slow  the tests that take longer"
	@echo "make test-classics  every classic in its own size, exported and run in an environment without this project"
	@echo "make fuzz       100,000 changed files of each kind"
	@echo "make gpu        proves the GPU path with \$$(PYTHON) as it is: checks and benchmark, GPU_SECONDS (450) in all"
	@echo "make check      format, lint, types, import rules"

demo: $(VENV)/.installed
	$(BIN)/convscape launch examples/digits.yaml --replace --set folder=$(SWEEPS) --export exported/digits

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PROCESSES)

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow $(PROCESSES)

test-classics: $(VENV)/.installed-dev
	CLASSICS=all $(BIN)/python -m pytest -m slow tests/trainers/export/test_alone.py

fuzz: $(VENV)/.installed-dev
	FUZZ=100000 $(BIN)/python -m pytest -m slow tests/hostile/test_fuzz.py

gpu:  # installs nothing: machines with a GPU have what they have
	$(PYTHON) tests/gpu

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Convscape needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV): about five minutes and, on Linux with CUDA libraries, 7 GB the first time."
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV), with what tests need: about five minutes and, on Linux with CUDA libraries, 7 GB the first time."
	$(PIP) --editable '.[dev,test]'
	@touch $(VENV)/.installed $@
