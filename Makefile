# make run    the app on http://127.0.0.1:7860
# make check  formatting, linters, types, import contract and the quick tests: under two minutes
# make test   all of that and every test
# make bench-ui   how fast the viewer is in headless Chromium, each figure beside its target
# make gpu    all that a GPU is needed for, in nine minutes, with GPU_PYTHON and nothing of .venv
# make gpu-rehearsal   the same on the CPU, with a tiny model
#
# Each makes .venv when it is not there, and installs nothing when nothing has changed.
# Variables: HOST, PORT; PYTHON (3.11 or newer); TORCH (which torch), PIP_TORCH_ARGS (where pip finds it, for
# example the index of CPU builds on a machine without an NVIDIA GPU); PYTEST_ARGS; GPU_PYTHON (it has torch), and OUT
# (where its table goes).

HOST ?= 127.0.0.1
PORT ?= 7860
TORCH ?= torch==2.13.0
PIP_TORCH_ARGS ?=
PYTEST_ARGS ?=
GPU_PYTHON ?= python3
OUT ?= runs/gpu
PYTHON ?= $(shell for python in python3.12 python3.11 python3 python3.13; do \
	$$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && break; done)

BIN := .venv/bin
QUICK := not slow and not browser and not gpu and not weights and not internet

.PHONY: run check test lint types-js bench-ui gpu gpu-rehearsal
.DELETE_ON_ERROR:

run: .venv/.app
	$(BIN)/python app.py --host $(HOST) --port $(PORT)

check: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "$(QUICK)" $(PYTEST_ARGS)

test: lint .venv/.chromium .venv/.axe .venv/.dicom
	$(BIN)/python -m pytest $(PYTEST_ARGS)

bench-ui: .venv/.chromium
	$(BIN)/python -W ignore -m tests.load.ui

gpu:
	$(GPU_PYTHON) -m tests.gpu --out $(OUT)

gpu-rehearsal: .venv/.test
	$(BIN)/python -m tests.gpu --rehearsal --out $(OUT)

lint: .venv/.test types-js
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# The viewer's scripts, by the types in their comments.
types-js:
	@if command -v npm >/dev/null; then npx --yes -p typescript@5.9.3 tsc -p app/viewer; \
	else echo "types-js is skipped: npm is not installed"; fi

# Each stamp is younger than the file that says what to install.
.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: on Debian or Ubuntu, apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/.app: .venv/.made requirements.txt
	$(BIN)/python -m pip install --quiet "$(TORCH)" $(PIP_TORCH_ARGS)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/.test: .venv/.app pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

# What tells whether the page can be used by everybody. Without npm its test is skipped, and says so.
.venv/.axe: .venv/.made
	@if command -v npm >/dev/null; then npm install --silent --no-save --no-package-lock --prefix .venv/axe axe-core@4.14.1 \
		&& touch $@; else echo "axe-core is not installed: npm is not"; fi

# Chromium: the one on PATH, else Playwright's own, else the distribution's.
.venv/.chromium: .venv/.test
	command -v chromium || command -v chromium-browser || command -v google-chrome \
		|| timeout 300 $(BIN)/playwright install chromium \
		|| { apt-get update && apt-get install --yes chromium; }
	touch $@

# What checks and receives DICOM: dicom3tools' validators and DCMTK's store.
.venv/.dicom: .venv/.made
	{ command -v dciodvfy && command -v storescp; } \
		|| { apt-get update && apt-get install --yes dicom3tools dcmtk; }
	touch $@
