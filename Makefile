# Two commands do everything on a fresh machine: `make run` and `make test`.
# They need Python >= 3.11 and nothing else; all that they install goes into .venv.

.DEFAULT_GOAL := help
.PHONY: help setup run test test-web docs lint format types slow compatibility tensorboard clean

# The Python that makes .venv; by default the first of these that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
# The tests start many processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
# Which torch: empty means the CPU build where there is no NVIDIA driver, else the general one.
TORCH ?=
TORCH_VERSION := 2.13.0
EXTRAS := sb3,atari,video,human,parquet,generative,molecules,onnx,hub,tune,test
# Folder that TensorBoard reads.
RUNS ?= runs

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Written last, so an interrupted set-up is not taken for a complete one.
READY := .venv/.ready

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(READY)  ## make .venv and install Hringur into it

$(READY): setup.py
	@test -n "$(PYTHON)" || { echo "make: no Python >= 3.11 found;" \
	  "install one or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@if [ -n "$(TORCH)" ]; then \
	  $(PIP) install "$(TORCH)"; \
	elif command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then \
	  $(PIP) install "torch==$(TORCH_VERSION)"; \
	elif ! $(PIP) install --quiet "torch==$(TORCH_VERSION)+cpu" 2>/dev/null; then \
	  echo "No CPU-only build of torch is within pip's reach: taking the general one, which is"; \
	  echo "larger and serves as well (CONTRIBUTING.md says how to have the small one)."; \
	  $(PIP) install "torch==$(TORCH_VERSION)"; \
	fi
	$(PIP) install --editable ".[$(EXTRAS)]"
	touch $(READY)

run: $(READY)  ## the main job: train, compare, draw (about 7 minutes)
	$(BIN)/python scripts/main_job.py

test: lint types  ## format, lint, types and the fast tests, on all processors
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs --numprocesses auto --maxprocesses 8

test-web: $(READY)  ## the page alone, in a browser: needs chromium, say by apt-get install chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs tests/play tests/commands/test_demo.py

docs: $(READY)  ## the documentation site, in docs/_build/html; a warning is an error
	$(PIP) install --quiet --editable ".[docs]"
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

lint: $(READY)  ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)  ## check types
	$(BIN)/mypy

format: $(READY)  ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

slow: $(READY)  ## the learning tests, which take minutes each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

compatibility: $(READY)  ## run what docs/with_other_libraries.md shows, each client by itself (by hand)
	$(BIN)/python scripts/compatibility.py --write

tensorboard: $(READY)  ## look at the runs in a browser
	$(BIN)/tensorboard --logdir $(RUNS)

release: $(READY)  ## build and check wheel and sdist: make release ADDRESS=https://where/it/lives
	@test -n "$(ADDRESS)" || { echo "make: links of the package's page need the project's address:" \
	  "make release ADDRESS=https://where/it/lives" >&2; exit 2; }
	rm -rf dist
	$(PIP) install --quiet "build>=1.2" "twine>=6"
	HRINGUR_ADDRESS="$(ADDRESS)" $(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python scripts/release_notes.py

clean:  ## remove caches and built files; .venv and runs stay
	rm -rf build dist docs/_build docs/_generated ./*.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
