# make run    start everything on this machine: databases, mailbox, core, worker (PORT=3001 make run)
# make test   run all tests
# make check  lint, types, import rules
# make lock   lock the dependencies again (make lock UPGRADE=--upgrade for newer versions)
# make clean  remove what was installed and built; the data in .graasp stays

SHELL := /bin/sh
.DEFAULT_GOAL := run
BIN := .venv/bin
SOURCES := graasp worker tests
LOCKED := requirements/bootstrap.txt requirements/install.sh pyproject.toml

.PHONY: run test check lock clean

run: .venv/installed-for-run
	@exec $(BIN)/graasp up $(ARGS)

test: .venv/installed-for-test
	@exec $(BIN)/python -m pytest $(ARGS)

check: .venv/installed-for-test
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck requirements/*.sh

lock: .venv/installed-for-test
	@sh requirements/compile.sh $(UPGRADE)

clean:
	rm -rf .venv build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find graasp worker tests -name __pycache__ -prune -exec rm -rf {} +

.venv/installed-for-%: requirements/%.txt $(LOCKED)
	@sh requirements/install.sh $*
	@touch $@
