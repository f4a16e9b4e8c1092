.DEFAULT_GOAL := help
.PHONY: help demo test adapters browser faults check format docs web web-check bench soak clean

PYTHON ?= python3
BIN := .venv/bin
FRAMEWORKS := autogen ag2 pydantic-ai

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# One virtual environment in the clone, made anew when the dependencies change.
.venv/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Hubbub needs Python 3.11 or newer; try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up .venv (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: .venv/.ready ## Watch three agents talk, on a server of their own
	@$(BIN)/hubbub demo $(ARGS)

test: .venv/.ready ## Run every test against real servers and processes
	@$(BIN)/pytest $(ARGS)
	@$(MAKE) --no-print-directory adapters
	@$(MAKE) --no-print-directory browser

# These frameworks do not agree on their dependencies, so each has an environment of its own.
.venvs/%/.ready: pyproject.toml
	@echo "Setting up .venvs/$* (once) ..."
	@test -x .venvs/$*/bin/python || $(PYTHON) -m venv .venvs/$*
	@.venvs/$*/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@.venvs/$*/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]' --group adapters
	@touch $@

adapters: $(FRAMEWORKS:%=.venvs/%/.ready) ## Run the kit of runtimes against each agent framework
	@set -e; for name in $(FRAMEWORKS); do \
		echo "$$name:"; \
		.venvs/$$name/bin/python -m pytest tests/adapters -n 2 -k "$$name" $(ARGS); \
	done

# The console is tested as users get it: the wheel, in an environment of its own.
.venvs/browser/.ready: pyproject.toml
	@echo "Setting up .venvs/browser (once) ..."
	@test -x .venvs/browser/bin/python || $(PYTHON) -m venv .venvs/browser
	@.venvs/browser/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@.venvs/browser/bin/python -m pip install --quiet --disable-pip-version-check '.[gateway]' --group browser
	@touch $@

browser: .venvs/browser/.ready ## Drive a real browser through the console
	@tests/browser/install-chromium || true
	@.venvs/browser/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	@.venvs/browser/bin/python -m pytest tests/browser -c tests/browser/pytest.ini $(ARGS)

web/node_modules/.ready: web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --silent
	@touch $@

web: web/node_modules/.ready .venv/.ready ## Build the console's page into the package
	@$(BIN)/python docs/openapi.py > web/openapi.json
	@cd web && npm run --silent types && npm run --silent build

web-check: web/node_modules/.ready ## See that the built page is that of the sources, and that they are in order
	@$(MAKE) --no-print-directory web
	@cd web && npm run --silent check
	@git diff --exit-code --stat -- web/src/core/api.gen.ts src/hubbub/gateway/static || { echo "The built page differs: commit what 'make web' makes"; exit 1; }
	@test -z "$$(git ls-files --others --exclude-standard src/hubbub/gateway/static)" || { echo "The built page has new files: commit them"; exit 1; }

faults: .venv/.ready ## Break everything while hundreds of tasks run, and print the ledger
	@PYTHONPATH=tests $(BIN)/python -m faults.suite $(ARGS)

check: .venv/.ready ## Lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-cache
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory web-check; \
		else echo "The console's sources are NOT checked: that needs Node.js 20 or newer with npm"; fi

format: .venv/.ready ## Rewrite the code the way `make check` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: .venv/.ready ## Write the table of settings into the docs
	@$(BIN)/python docs/generate.py

bench: .venv/.ready ## Measure against the bare NATS client, in one run
	@$(BIN)/python -m bench $(ARGS)

soak: .venv/.ready ## Send a day's worth of traffic, and watch memory and disk
	@$(BIN)/python -m bench.soak $(ARGS)

clean: ## Remove what the other targets made
	rm -rf .venv .venvs build dist .pytest_cache .ruff_cache .coverage* logs
