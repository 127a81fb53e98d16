# Short names for what doit and pytest do. `make iso` and `make test` work on a fresh machine.

SHELL = /bin/sh
# Python 3.11 or newer, by name or path; empty: the one that made .venv, or python3.
PYTHON ?=
VENV = .venv
BIN = $(VENV)/bin
# `python -m` puts this folder's library first on the path.
DOIT_HERE = $(BIN)/python -m doit
# One more than there are cores: some tests wait.
JOBS = $$(($$(nproc) + 1))
RUN_TESTS = $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
# Tests are rewritten when they are compiled, which takes longer than to run the quick ones.
unexport PYTHONDONTWRITEBYTECODE
SITE = -q -n -W --keep-going -c tools/docs -d build/docs . build/site

# Settings given to make are passed on: `make iso release=NAME`. doit refuses unknown names.
OWN = BENCH BIN DOIT DOIT_HERE FUZZ JOBS MODULE N PYTEST PYTHON RUN_TESTS SEED SHELL SITE VENV VERSIONS
NAMES = $(strip $(foreach name,$(filter-out $(OWN) MAKE%,$(.VARIABLES)),$(if \
    $(filter command,$(firstword $(origin $(name)))),$(name))))
GIVEN = $(foreach name,$(NAMES),'$(name)=$(subst ','\'',$($(name)))')

.PHONY: all iso domu-images boot-test verify docs test test-versions unit thorough large servers pipeline boot lint bench fuzz mutants clean host-python host-build host-test

all: iso

iso domu-images verify: $(VENV)/ready host-build
	$(DOIT_HERE) $@ $(GIVEN) $(DOIT)

boot-test: $(VENV)/ready host-test
	$(DOIT_HERE) $@ $(GIVEN) $(DOIT)

# The documents as a static site in build/site; it needs no server.
docs: $(VENV)/ready-docs
	$(BIN)/python -m sphinx $(SITE)

# All tests, including linters and type checks.
test: $(VENV)/ready-test host-test
	$(RUN_TESTS) $(PYTEST)

# Parts of the tests. unit: modules in pure Python, in seconds; thorough: the same with real programs
# and many inputs, the house rules, linters, documents; large: time and memory for large and hostile
# inputs; servers: the servers' scripts, in namespaces; pipeline: whole builds, kills and power cuts;
# boot: boots in QEMU.
unit: JOBS = $$(nproc)  # these do not wait
unit: $(VENV)/ready-test
	$(RUN_TESTS) tests/unit -m "not programs and not thorough" $(PYTEST)

thorough: $(VENV)/ready-test host-test
	$(RUN_TESTS) tests/unit tests/house tests/test_*.py $(PYTEST)

large: $(VENV)/ready-test
	$(RUN_TESTS) tests/large tests/fuzz $(PYTEST)

servers: $(VENV)/ready-test host-test
	$(RUN_TESTS) tests/servers $(PYTEST)

pipeline: $(VENV)/ready-test host-test
	$(RUN_TESTS) tests/pipeline tests/faults -m "not boot" $(PYTEST)

boot: $(VENV)/ready-test host-test
	$(RUN_TESTS) -m boot $(PYTEST)

# The quick tests with the lowest and the newest versions of all dependencies, in each Python that is
# installed: make test-versions VERSIONS=lowest
test-versions: $(VENV)/made
	$(BIN)/python tools/versions.py $(VERSIONS)

# .pre-commit-config.yaml has the same, and tests/house/test_linters.py runs each as a test.
lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	sh tools/check-shell.sh $(BIN)/shellcheck

# Random inputs for every parser: make fuzz N=100000 SEED=7. A seed reproduces its findings.
fuzz: $(VENV)/ready-test
	$(BIN)/python -m tests.fuzz $(or $(N),10000) --seed $(or $(SEED),1) $(FUZZ)

# Check that tests notice changes to the code: make mutants N=20 SEED=1 MODULE=buildlib/store
mutants: $(VENV)/ready-test
	$(BIN)/python -m pip install --quiet --editable ".[test,mutants]"
	$(BIN)/python tools/mutants.py --number $(or $(N),20) --seed $(or $(SEED),1) $(MODULE)

bench: $(VENV)/ready-test host-test
	$(BIN)/python tests/bench/run.py $(BENCH)

# The virtual environment: created again if it was made elsewhere or by another Python, and filled
# again if the project's list of packages changes. Python itself is checked first.
$(VENV)/made: host-python
	@sh tools/venv.sh "$(PYTHON)"

# In a source archive, these files are in an archive of their own.
recipes/dom0.toml:
	tar -xzf buildlib/starter.tar.gz

$(VENV)/ready: pyproject.toml $(VENV)/made | recipes/dom0.toml
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q buildlib
	touch "$@"

$(VENV)/ready-docs: pyproject.toml $(VENV)/made
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch "$@"

$(VENV)/ready-test: pyproject.toml $(VENV)/made | recipes/dom0.toml
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	$(BIN)/python -m compileall -q buildlib
	touch $(VENV)/ready $(VENV)/ready-docs "$@"

# Host tools: installed with apt if allowed, otherwise named. Nothing here changes how the host
# boots.
host-python:
	@sh tools/venv.sh --check "$(PYTHON)"
	@PYTHON="$(PYTHON)" sh tools/host-tools.sh python

host-build: host-python
	@sh tools/host-tools.sh build

host-test: host-python
	@sh tools/host-tools.sh build test

clean:
	rm -rf build dist
