# `make demo`, `make check` and `make test` set themselves up: a virtual environment in .venv with the pinned requirements.
# A second call finds them there. PYTHON=python3.12 chooses an interpreter; any from 3.11 to 3.13 will do.
# `make check` is for every save: style, types, imports and the fast tests, in about a minute. `make test` runs all tests.
# OPTIONS are the demo's options for `run`, such as OPTIONS="--budget quick".

VENV := .venv
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c '$(SUPPORTED)' >/dev/null 2>&1 && echo $(p))))
PY := $(VENV)/bin/python

.PHONY: demo check test lint venv clean

demo: $(VENV)/.demo
	$(PY) -m experiments run quickstart $(OPTIONS)
	@echo
	@echo "Open TensorBoard on these runs:  $(PY) -m experiments board quickstart"

check: lint
	$(PY) -m pytest -q -m "not process and not compile and not browser"

test: lint
	$(PY) -m pytest

lint: $(VENV)/.test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

$(VENV)/.demo: requirements.txt pyproject.toml | venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.test: requirements.txt requirements-dev.txt pyproject.toml | venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.demo

venv:
	@test -x $(PY) || { \
	  test -n "$(PYTHON)" || { \
	    echo "No Python from 3.11 to 3.13 with venv was found. Install one (Debian, Ubuntu: apt install python3 python3-venv)" >&2; \
	    echo "or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }; \
	  $(PYTHON) -m venv $(VENV); }

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
