# make run       start everything on this machine: databases, mailbox, core, worker (PORT=3001 make run)
# make test      run all tests
# make check     lint, types, import rules, shell scripts, workflows, the pages
# make docs      build the pages of docs/ into build/docs
# make lock      lock the dependencies again (make lock UPGRADE=--upgrade for newer versions)
# make pictures  take the README's pictures again, of what runs (needs Debian's chromium)
# make clean     remove what was installed and built; the data in .graasp stays
# make infra     install what writes out the cloud (infra/README.md); make infra-test checks its types and tests it

SHELL := /bin/sh
.DEFAULT_GOAL := run
BIN := .venv/bin
SOURCES := graasp worker infra tests benchmarks alembic docs .github
INFRA := .venv-infra
LOCKED := requirements/bootstrap.txt requirements/install.sh pyproject.toml

# A folder that was moved or copied needs its .venv made again.
ifneq ($(shell cat .venv/folder 2>/dev/null),$(CURDIR))
.venv/installed-for-run .venv/installed-for-test: moved
endif

.PHONY: run test check docs lock pictures clean infra infra-test moved

run: .venv/installed-for-run
	@exec $(BIN)/graasp up $(ARGS)

test: .venv/installed-for-test
	@exec $(BIN)/python -m pytest $(or $(ARGS),--numprocesses 3 --dist loadfile --no-loadscope-reorder)

check: .venv/installed-for-test
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck .ci/run .github/*.sh $$(find . -name '*.sh' -not -path './.*')
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jactionlint
	$(BIN)/zizmor --offline --no-progress --quiet .
	$(BIN)/python -m pytest tests/repository/test_repository.py

docs: .venv-docs/installed
	.venv-docs/bin/zensical build --strict --clean

.venv-docs/installed: requirements/docs.txt
	@$(or $(PYTHON),python3) -m venv --clear .venv-docs
	@.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

lock: .venv/installed-for-test
	@sh requirements/compile.sh $(UPGRADE)

pictures: .venv/installed-for-test
	@exec $(BIN)/python docs/pictures.py

infra: $(INFRA)/requirements/installed

infra-test: $(INFRA)/test/installed $(INFRA)/scan/installed
	@$(BIN)/mypy --python-executable $(INFRA)/test/bin/python --cache-dir .mypy_cache/infra -p infra
	@exec $(INFRA)/test/bin/python -m pytest -c infra/pytest.ini --rootdir . $(or $(ARGS),tests/infra)

clean:
	rm -rf .venv .venv-docs .venv-infra build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find graasp worker infra tests -name __pycache__ -prune -exec rm -rf {} +

.venv/installed-for-%: requirements/%.txt $(LOCKED)
	@sh requirements/install.sh $*
	@touch $@

$(INFRA)/%/installed: infra/%.txt infra/install.sh .venv/installed-for-test
	@sh infra/install.sh $*
	@touch $@
