# Thin names for what doit and pytest do. `make iso` and `make test` work on a fresh machine.

SHELL = /bin/sh
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin

# Settings given to make are handed on: `make iso release=NAME`. A name that is none doit refuses.
OWN = BENCH BIN DOIT PYTEST PYTHON SHELL VENV
NAMES = $(strip $(foreach name,$(filter-out $(OWN) MAKE%,$(.VARIABLES)),$(if \
    $(filter command,$(firstword $(origin $(name)))),$(name))))
GIVEN = $(foreach name,$(NAMES),'$(name)=$(subst ','\'',$($(name)))')

.PHONY: all iso domu-images boot-test verify test unit lint bench clean host-build host-test

all: iso

iso domu-images verify: $(VENV)/ready host-build
	$(BIN)/doit $@ $(GIVEN) $(DOIT)

boot-test: $(VENV)/ready host-test
	$(BIN)/doit $@ $(GIVEN) $(DOIT)

# Everything: linters and types are tests too.
test: $(VENV)/ready-test host-test
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

# Without network, root and QEMU, in seconds.
unit: $(VENV)/ready-test
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not pipeline and not boot" $(PYTEST)

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/ready-test host-test
	$(BIN)/python tests/bench/run.py $(BENCH)

# The virtual environment: made anew when the project's own list of packages changes.
$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q buildlib
	touch "$@"

$(VENV)/ready-test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	$(BIN)/python -m compileall -q buildlib
	touch $(VENV)/ready "$@"

# Host tools: installed with apt where that is allowed, else named. Nothing here changes how the
# host boots.
host-build:
	@sh tools/host-tools.sh build

host-test:
	@sh tools/host-tools.sh build test

clean:
	rm -rf build dist
