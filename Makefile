# Two commands need nothing but Python 3.9 or later with pip: `make demo` and `make test`.
# Each makes an environment of its own; `make clean` removes them.
PYTHON ?= python3
# What to test; `make test TESTS=tests/store`.
TESTS ?= tests
# Cells of the matrix, `make matrix CELLS=py39-urllib3v1-sdk236`; without any, all whose interpreter is there.
CELLS ?=
# With `QUICK=1` a cell of the newest SDK leaves out what is no matter of the interpreter and has run in `make test`: the
# pages of docs/ with their examples, and the tools that write pages and new operations.
QUICK ?=
LEFT_OUT := $(addprefix --ignore=tests/,examples companions/test_page.py cli/test_page.py test_docs.py \
	test_contributing.py test_coverage_page.py test_check_drift.py)

# uv and not pip: from Python 3.12 on pip silently takes an abeja-sdk of 2021 (docs/matrix.md).
# Interpreters of pyenv count too, behind those of the PATH.
PYENV_ROOT ?= $(HOME)/.pyenv
export PATH := $(PATH)$(subst $() ,,$(addprefix :,$(wildcard $(PYENV_ROOT)/versions/3.*/bin))):$(CURDIR)/.venv-test/bin
# No interpreter is downloaded, and no environment that happens to be active is touched.
export UV_PYTHON_DOWNLOADS = never
unexport VIRTUAL_ENV
# The tests start a thousand interpreters; without bytecode each compiles all it imports, pytest and its plugins for 2 s.
unexport PYTHONDONTWRITEBYTECODE
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Seconds; a hang is a failure that says nothing, and the slowest honest test trains for half a minute.
export PYTEST_TIMEOUT ?= 300

SEEN ?=
CHECK ?=

.PHONY: demo test full clients conformance matrix fuzz soak kill mixed million bench lint style pages docs build clean

demo: .venv-demo/ready
	.venv-demo/bin/python -m pytest --abeja-emulate -v -s tests/demo

test: .venv-test/ready
	.venv-test/bin/python -m pytest -n 2 $(TESTS)

# Environments of the real clients, for tests/conformance.
clients: .venv-test/ready
	.venv-test/bin/python tools/make_clients.py

matrix: .venv-test/ready
	.venv-test/bin/uv tool run --quiet --from 'tox>=4.22' --with 'tox-uv>=1.16' tox run $(if $(CELLS),-e $(CELLS)) $(if $(QUICK),-- $(LEFT_OUT))

lint: style pages

style: .venv-test/ready
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/mypy

# Generated pages and samples, and the calls of the clients; with `make clients` also those of the real command.
pages: .venv-test/ready
	.venv-test/bin/python tools/coverage_page.py --check
	.venv-test/bin/python tools/limits_page.py --check
	.venv-test/bin/python tools/failures_page.py --check
	.venv-test/bin/python tools/check_drift.py
	.venv-test/bin/python fixtures/make_shapes.py --check
	.venv-test/bin/python fixtures/make_points.py --check

docs: .venv-test/ready
	.venv-test/bin/python tools/coverage_page.py
	.venv-test/bin/python tools/limits_page.py
	.venv-test/bin/python tools/failures_page.py

# Which operation which real client was seen to drive. `make conformance CHECK=--check` only compares, and
# `make conformance SEEN=folder` takes what a run of the tests has seen already.
conformance: .venv-test/ready $(if $(SEEN),,clients)
ifeq ($(SEEN),)
	rm -rf .seen
	ABEJA_TEST_WITNESSES=.seen ABEJA_TEST_CLIENTS=1 .venv-test/bin/python -m pytest -q -n 2 tests/conformance
endif
	.venv-test/bin/python tools/conformance_page.py $(or $(SEEN),.seen) $(CHECK)

build: .venv-test/ready
	rm -rf dist
	.venv-test/bin/uv build --quiet
	.venv-test/bin/python tools/check_wheel.py dist/*.whl

# The full profile: run by hand before an issue is called done; its results are kept in docs/.
full: clients test matrix fuzz soak kill mixed million bench

fuzz: .venv-test/ready
	ABEJA_TEST_EXAMPLES=40000 ABEJA_TEST_SCHEMA_EXAMPLES=60 PYTEST_TIMEOUT=3600 \
		.venv-test/bin/python -m pytest -q tests/wire/test_fuzz.py tests/schema

soak: .venv-test/ready
	.venv-test/bin/python -m benchmarks.soak

kill: .venv-test/ready
	.venv-test/bin/python -m benchmarks.kill

# 16 clients with 10,000 calls each, against a log of what was acknowledged.
mixed: .venv-test/ready
	.venv-test/bin/python -m benchmarks.mixed

million: .venv-test/ready
	.venv-test/bin/python -m benchmarks.million

bench: .venv-test/ready
	.venv-test/bin/python -m benchmarks

clean:
	rm -rf .venv-* .tox dist build

.venv-demo/ready: pyproject.toml
	$(PYTHON) -m venv --clear .venv-demo
	.venv-demo/bin/python -m pip install --quiet uv
	.venv-demo/bin/uv pip install --quiet --python .venv-demo/bin/python -e '.[cli,keras,serving]'
	.venv-demo/bin/python tools/check_sdk.py
	touch $@

.venv-test/ready: pyproject.toml
	$(PYTHON) -m venv --clear .venv-test
	.venv-test/bin/python -m pip install --quiet uv
	.venv-test/bin/uv pip install --quiet --python .venv-test/bin/python -e '.[keras,serving,yaml]' --group test --group aws --group schema --group bench --group lint
	.venv-test/bin/python tools/check_sdk.py
	touch $@
