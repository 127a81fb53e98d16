# Thin names for what doit and pytest do. `make iso` and `make test` work on a fresh machine.

SHELL = /bin/sh
# A Python of 3.11 or newer, by name or path; empty: the one that made .venv, or python3.
PYTHON ?=
VENV = .venv
BIN = $(VENV)/bin
# This folder's library comes first on the path of what is started so.
DOIT_HERE = $(BIN)/python -m doit
RUN_TESTS = $(BIN)/python -m pytest -n 2 --dist worksteal

# Settings given to make are handed on: `make iso release=NAME`. A name that is none doit refuses.
OWN = BENCH BIN DOIT DOIT_HERE FUZZ N PYTEST PYTHON RUN_TESTS SEED SHELL VENV
NAMES = $(strip $(foreach name,$(filter-out $(OWN) MAKE%,$(.VARIABLES)),$(if \
    $(filter command,$(firstword $(origin $(name)))),$(name))))
GIVEN = $(foreach name,$(NAMES),'$(name)=$(subst ','\'',$($(name)))')

.PHONY: all iso domu-images boot-test verify test unit servers pipeline boot lint bench fuzz clean host-python host-build host-test

all: iso

iso domu-images verify: $(VENV)/ready host-build
	$(DOIT_HERE) $@ $(GIVEN) $(DOIT)

boot-test: $(VENV)/ready host-test
	$(DOIT_HERE) $@ $(GIVEN) $(DOIT)

# Everything: linters and types are tests too.
test: $(VENV)/ready-test host-test
	$(RUN_TESTS) $(PYTEST)

# Parts of it. unit: pure Python, by modules, and the house rules; servers: the scripts of servers, in
# namespaces; pipeline: whole builds, kills and power cuts; boot: boots in QEMU.
unit: $(VENV)/ready-test
	$(RUN_TESTS) tests/unit tests/fuzz tests/test_*.py $(PYTEST)

servers: $(VENV)/ready-test host-test
	$(RUN_TESTS) tests/servers $(PYTEST)

pipeline: $(VENV)/ready-test host-test
	$(RUN_TESTS) tests/pipeline tests/faults -m "not boot" $(PYTEST)

boot: $(VENV)/ready-test host-test
	$(RUN_TESTS) -m boot $(PYTEST)

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/mypy

# Strange inputs for every parser: make fuzz N=100000 SEED=7. A finding comes again by its seed.
fuzz: $(VENV)/ready-test
	$(BIN)/python -m tests.fuzz $(or $(N),10000) --seed $(or $(SEED),1) $(FUZZ)

bench: $(VENV)/ready-test host-test
	$(BIN)/python tests/bench/run.py $(BENCH)

# The virtual environment: made anew when it was made elsewhere or by another Python, filled anew
# when the project's own list of packages changes. Python and what makes environments come first.
$(VENV)/made: host-python
	@sh tools/venv.sh "$(PYTHON)"

# A source archive has these in an archive of their own.
recipes/dom0.toml:
	tar -xzf buildlib/starter.tar.gz

$(VENV)/ready: pyproject.toml $(VENV)/made | recipes/dom0.toml
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q buildlib
	touch "$@"

$(VENV)/ready-test: pyproject.toml $(VENV)/made | recipes/dom0.toml
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	$(BIN)/python -m compileall -q buildlib
	touch $(VENV)/ready "$@"

# Host tools: installed with apt where that is allowed, else named. Nothing here changes how the
# host boots.
host-python:
	@sh tools/venv.sh --check "$(PYTHON)"
	@PYTHON="$(PYTHON)" sh tools/host-tools.sh python

host-build: host-python
	@sh tools/host-tools.sh build

host-test: host-python
	@sh tools/host-tools.sh build test

clean:
	rm -rf build dist
