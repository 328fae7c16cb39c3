# The two commands that matter: `make demo` tries Crewcall out, `make test` runs everything that CI runs.

VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# The first Python that runs and fits; say `make demo PYTHON=/path/to/python` to choose another.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$python && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Stamps of what is installed: a second `make` does nothing and needs no network.
TO_RUN := $(VENV)/to-run
TO_DEVELOP := $(VENV)/to-develop

.PHONY: help demo test check soak bench screenshots catalogue lock clean

help:
	@echo "make demo         try Crewcall out in a workspace on this computer"
	@echo "make test         everything that CI runs (make check is the same)"
	@echo "make soak         what takes minutes: runs whose process is killed at every single moment"
	@echo "make bench        the benchmarks, as ratios against bare CrewAI and bare Bolt"
	@echo "make screenshots  take the pictures in docs/ anew"
	@echo "make catalogue    read the catalogue of tools from crewai_tools anew"
	@echo "make lock         resolve the pinned requirements anew"
	@echo "make clean        remove the virtual environment"

demo: $(TO_RUN)
	@$(BIN)/crewcall demo

test check: $(TO_DEVELOP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bot handlers store
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -n 2 --dist loadfile

soak: $(TO_DEVELOP)
	$(BIN)/python -m pytest -m soak

bench: $(TO_DEVELOP)
	$(BIN)/python -m tests.benchmarks

screenshots: $(TO_DEVELOP)
	$(BIN)/python -m tests.screenshots

catalogue: $(TO_DEVELOP)
	$(BIN)/python -m bot.engine.tools.introspect

lock: $(TO_DEVELOP)
	$(LOCK) --output-file requirements.txt
	$(LOCK) --extra dev --constraint requirements.txt --output-file requirements-dev.txt

LOCK = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --upgrade

clean:
	rm -rf $(VENV)

# pip comes last when a virtual environment is made: it being there says that the environment is whole.
$(BIN)/pip:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c '$(NEW_ENOUGH)' || { \
		echo "Crewcall needs Python 3.11, 3.12 or 3.13, and none was found." >&2; \
		echo "Install one, or name it: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@"$(PYTHON)" -m venv $(VENV) || { \
		echo "That Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(TO_RUN): requirements.txt pyproject.toml | $(BIN)/pip
	@echo "Installing what Crewcall needs (about 160 packages, once; it takes a minute or two)"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps -e .
	@touch $@

$(TO_DEVELOP): requirements-dev.txt $(TO_RUN)
	@echo "Installing what developing it needs"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
