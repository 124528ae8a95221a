# Làng An. `make help` tells what there is; `make demo` and `make test` are the two commands.
# Each target sets up what it needs in .venv first: Python 3.11-3.13 and make are all it assumes.

SHELL := /bin/sh
BIN := .venv/bin
DEMO_SECONDS ?=
SOURCE ?=
PORT ?= 8000
ARGS ?=

.DEFAULT_GOAL := help

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "; print "Làng An: make TARGET\n"} /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n  make demo DEMO_SECONDS=60          without a browser: ends with one JSON line\n'
	@printf '  make demo SOURCE=rtsp://...        your own camera, or a video file\n'
	@printf '  make test ARGS="-k crowding"       some of the tests, in one process; so with file names and --pdb\n'
	@printf '  make test ARGS=-n0                 all of them in one process, one after the other\n'

setup: ## Install what the product needs into .venv (no root, nothing outside this folder)
	@sh tools/setup.sh edge,server,pdf
	@sh tools/build_frontend.sh

setup-dev: ## The same with test tools and linters
	@sh tools/setup.sh edge,server,pdf,dev
	@sh tools/build_frontend.sh

frontend: setup ## Build the scripts of the pages (server/frontend) into server/static/js; the targets above do so, too

wheel: frontend ## Make dist/langan-*.whl with the pages' scripts in it
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

demo: export DEMO_SOURCE = $(SOURCE)
demo: setup ## Run the demonstration: server, edge, two cameras, four accounts (Ctrl-C ends it)
	@$(BIN)/python -m tools.demo --port $(PORT) $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: setup-dev ## Run all tests that this machine can run; what it cannot is listed as skipped with the reason
	@$(BIN)/python -m pytest -n auto -m "not ultralytics" $(ARGS)

test-ultralytics: ## Run the tests of the ultralytics adapter in their own environment (.venv-ultralytics)
	@sh tools/setup_ultralytics_env.sh
	@.venv-ultralytics/bin/python -m pytest -m ultralytics $(ARGS)

bench-edge: setup ## Measure the edge on two cores: cameras held, overhead, clips, a plain loop beside it (20 minutes)
	@if [ -d ../shared/weights ]; then sh tools/setup_ultralytics_env.sh; fi
	@$(BIN)/python -m bench.edge_all $(ARGS)

bench-rules: setup ## Measure the rules in simulated worlds with exact truth (hours; ARGS="--share 0.05" for a taste)
	@sh tools/setup_worlds.sh
	@$(BIN)/python -m bench.worlds $(ARGS)

bench-server: setup-dev ## Measure the server on two cores: posts, batches, live pages, 1000 kills on each database (hours)
	@$(BIN)/python -m bench.server_all $(ARGS)

lint: setup-dev ## Formatting, lint rules, types, and who may import whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@. tools/find_node.sh && cd server/frontend && npm run --silent check

format: setup-dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schemas: setup ## Write contract/schemas/ and the generated pages of docs/reference/ from the models
	@$(BIN)/python -m contract.json_schemas
	@$(BIN)/python -m tools.write_configuration_reference
	@$(BIN)/python -m tools.write_settings_reference

constraints: ## Renew constraints.txt from what .venv holds now
	@$(BIN)/python -m tools.write_constraints

clean: ## Remove what the targets above made in this folder
	rm -rf .venv .venv-ultralytics .demo server/frontend/node_modules server/static/js artifacts build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

.PHONY: help setup setup-dev frontend wheel demo test test-ultralytics bench-edge bench-rules bench-server lint format schemas constraints clean
