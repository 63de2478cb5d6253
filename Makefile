# Needs Python 3.10 or newer, git, and GNU make 3.81 or newer (what macOS ships). Everything else goes into
# an environment of the checkout's own: .venv, or .venv-3.12 for `make test PYTHON=python3.12`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test zoo crashes truth bench bench-NAME docs lint format lock clean

PYTHON ?=
WORKERS ?= 2
ARGS ?=

PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.10 python3.14 python)
ifeq ($(PYTHON),)
VENV ?= .venv
else
VENV ?= .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
endif
BIN := $(VENV)/bin

# The site's tools have an environment of their own: the package of PyPI that is called like our watchdog/, which such
# tools like to need, must never meet it.
DOCS_VENV ?= .venv-docs

# The development environment holds all that the demo needs: where it is, the demo installs nothing.
DEMO_STAMP := $(or $(wildcard $(VENV)/.stamp-dev),$(VENV)/.stamp-demo)

help:  ## print this list
	@echo "Hangwatch: make TARGET [PYTHON=python3.12]"
	@awk -F ':.*## ' '/^[a-zA-Z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(DEMO_STAMP)  ## show a hung operation being caught, in under a minute, on SQLite
	@$(BIN)/python -m watchdog demo $(ARGS)

test: $(VENV)/.stamp-dev  ## run the tests (ARGS="tests/client -k name", WORKERS=2, PYTHON=python3.12)
	@echo "running the tests with $$($(BIN)/python --version), $(WORKERS) at a time"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

zoo: $(VENV)/.stamp-dev  ## hang in some seventy ways, and print what records and notices say (ARGS="regex lock_order")
	@$(BIN)/python -m tests.zoo.records $(ARGS)

crashes: $(VENV)/.stamp-dev  ## kill sweeps at every step, and print what people were told (ARGS="--store SQLite lost")
	@$(BIN)/python -m tests.crashes $(ARGS)

truth: $(VENV)/.stamp-dev  ## how truly and how soon it tells, in virtual time (ARGS="--runs 2000")
	@$(BIN)/python -m bench.truth $(ARGS)

bench: $(VENV)/.stamp-dev  ## measure everything that docs/benchmarks.md tells, in under 15 minutes (ARGS=--quick)
	@$(BIN)/python -m bench $(ARGS)

bench-NAME: $(VENV)/.stamp-dev  ## measure one thing of it; `make bench-NAME` itself lists what there is
	@$(BIN)/python -m bench --help

bench-%: $(VENV)/.stamp-dev
	@$(BIN)/python -m bench $* $(ARGS)

docs: $(DOCS_VENV)/.stamp-docs  ## build the documentation as a site, in build/site
	@$(DOCS_VENV)/bin/zensical build --strict --clean

lint: $(VENV)/.stamp-dev  ## check style, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.stamp-dev  ## put imports and layout in order
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# The dev lock comes first and binds the others: one version of a package in the whole project.
LOCK := $(BIN)/uv pip compile --no-config --universal --python-version 3.10 --generate-hashes --annotation-style line --quiet \
	--custom-compile-command "make lock" $(ARGS)

lock: $(VENV)/.stamp-dev  ## remake locks/ from pyproject.toml (ARGS=--upgrade takes newer releases)
	@echo "resolving locks/dev.txt"
	@$(LOCK) --group dev -o locks/dev.txt
	@echo "resolving locks/demo.txt"
	@$(LOCK) --group demo --constraints locks/dev.txt -o locks/demo.txt
	@echo "resolving locks/watchdog.txt"
	@$(LOCK) --group watchdog --constraints locks/dev.txt -o locks/watchdog.txt
	@echo "resolving locks/docs.txt"
	@$(LOCK) --group docs -o locks/docs.txt

clean:  ## remove the environments, caches and what a build made
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of $(PYTHONS) that runs, is new enough and can make an environment; else $$python stays empty.
define find_python
python=; old=; bare=; \
for p in $(PYTHONS); do \
  if ! $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then old="$$old $$p"; \
  elif ! $$p -c 'import ensurepip, venv' >/dev/null 2>&1; then bare="$$bare $$p"; \
  else python=$$p; break; fi; \
done; \
if [ -z "$$python" ] && [ -n "$$bare" ]; then \
  echo "make:$$bare: python has no venv module; install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; \
elif [ -z "$$python" ]; then \
  echo "make: needs python 3.10 or newer, got none (tried:$$old); install one, or name it: make PYTHON=/path/to/python3" >&2; \
  exit 1; \
fi
endef

# An environment that someone made here by hand is kept if it will do.
$(VENV)/.stamp-venv $(DOCS_VENV)/.stamp-venv:
	@if $(@D)/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then \
	  echo "taking the environment in $(@D)"; \
	else \
	  $(find_python); \
	  echo "making $(@D) with $$($$python --version)"; \
	  $$python -m venv --clear $(@D); \
	fi
	@touch $@

define install
	@echo "installing $< into $(@D) (a minute or two the first time)"
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
endef

$(VENV)/.stamp-demo: locks/demo.txt $(VENV)/.stamp-venv
	$(install)

$(VENV)/.stamp-dev: locks/dev.txt $(VENV)/.stamp-venv
	$(install)

$(DOCS_VENV)/.stamp-docs: locks/docs.txt $(DOCS_VENV)/.stamp-venv
	$(install)
