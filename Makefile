# vidsal: `make demo` and `make test` set themselves up; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)

.PHONY: help setup demo test lint prove report docs lock clean-cache dry-run doctor

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## set up .venv from requirements.lock

$(VENV)/.ready: requirements.lock pyproject.toml
	@bash workflow/setup.sh "$(PYTHON)" "$(VENV)"

demo: setup ## render a small dataset, run the whole workflow, name the page to open
	@$(SNAKEMAKE)
	@$(BIN)/python benchmarks/cost.py
	@echo "Open results/synthetic/page.html in a browser."

doctor: setup ## look at your own videos and gaze: make doctor DATA=folder [GAZE='{screen: [1920, 1080]}']
	@test -n "$(DATA)" || { echo "Name the folder: make doctor DATA=my_folder"; exit 2; }
	@$(BIN)/python -m vidsal.doctor "$(DATA)" --gaze '$(or $(GAZE),{})'

dry-run: setup ## what a run would do
	@$(SNAKEMAKE) -n

report: setup ## pack results and how they came about into report.zip
	@$(SNAKEMAKE) --report report.zip

test: setup ## run the test suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests

lint: setup ## ruff, snakefmt, snakemake --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/snakemake --lint

prove: setup ## measure the big figures (hours): seeds, kills, speed; writes benchmarks/results/
	@$(BIN)/python benchmarks/prove.py

docs: setup ## write the generated tables of README.md and docs anew, and the picture from the demo
	@$(BIN)/python docs/tables.py
	@$(BIN)/python docs/methods.py
	@$(BIN)/python docs/picture.py

lock: setup ## pin requirements.in anew
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate requirements.in -o requirements.lock

clean-cache: setup ## delete the part cache; results stay
	@rm -rf .vidsal-cache
