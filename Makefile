# What one machine can do with Tributary. Every target does its own set-up and is safe to repeat.

PYTHON ?= python3.13
NPM ?= npm
PORT ?= 3000
export PORT

venv := .venv/bin
# The emulator, and so the bare environment the functions run in under it, exists for Linux.
runtime := $(if $(filter Linux,$(shell uname -s)),.runtime/installed)

.DEFAULT_GOAL := help
.PHONY: help run test test-dynalite test-clients soak lint types audit template-checks build deploy deploy-check plan check-token openapi token retention backfill export redrive \
	sam-local bench pins clean
.DELETE_ON_ERROR:

help: ## Show this list.
	@echo 'Tributary: make <target>'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

run: .venv/installed $(runtime) ## Start everything on this machine: http://127.0.0.1:$PORT (default 3000), with FAULTS=… if any.
	@PYTHONPATH=layers/tributary $(venv)/python -m local

test: lint types $(runtime) ## Run every check and every test.
	@$(venv)/python -m pytest -n 2 --dist loadgroup

test-dynalite: .dynalite/installed .venv/installed ## Run the tests that use the table on dynalite as well.
	@$(venv)/python -m pytest -n 2 --dynamodb dynalite

test-clients: .clients/installed .venv/installed $(runtime) ## Run Northflank's own clients against the stack.
	@$(venv)/python -m pytest tests/clients

soak: .venv/installed ## Run what takes long: kills at every call, a week of failing hosts (up to 20 minutes).
	@SMALL=0 $(venv)/python -m pytest -n 2 --dist loadgroup $(soaked)

# Each reads SMALL: with 1, as where it is not set, it is the part of itself that `make test` runs.
soaked := tests/crashes tests/soak

lint: .venv/installed ## Check style and formatting.
	@$(venv)/python -m ruff check .
	@$(venv)/python -m ruff format --check .

audit: .checks/installed ## Look for weaknesses in the code (bandit) and in the template (checkov).
	@.checks/bin/bandit --quiet --recursive functions layers
	@.checks/bin/bandit --quiet --recursive -ll local
	@BC_DISABLE_TELEMETRY=1 .checks/bin/checkov --framework cloudformation --file template.yaml \
		--skip-download --compact --quiet > .local/audit.log 2>&1 || { cat .local/audit.log; exit 1; }

types: .venv/installed ## Check types.
	@$(venv)/python -m mypy

template-checks: .venv/installed ## Check template.yaml, translated too.
	@$(venv)/python -m pytest -q tests/template

build: .venv/installed ## Build the functions and the layers for this machine, as `sam build` does, with bytecode.
	@$(venv)/python -m local.build

deploy: .venv/installed ## Build for Lambda and deploy a stage of samconfig.toml: STAGE=dev, GUIDED=1 to be asked for settings.
	@$(venv)/python -m local.deploy --stage='$(STAGE)' $(if $(GUIDED),--guided)

deploy-check: .venv/installed $(runtime) ## Check all that can be known before deploying a stage: STAGE=prod.
	@PYTHONPATH=layers/tributary $(venv)/python -m local.deploy_check --stage='$(STAGE)'

plan: .venv/installed ## Say what a fleet would cost: with tokens, or RESOURCES=20 CONTAINERS=30 VPSES=10; parameters too.
	@PYTHONPATH=layers/tributary $(venv)/python -m local.plan --resources='$(RESOURCES)' \
		--containers='$(CONTAINERS)' --vpses='$(VPSES)' \
		$(foreach each,$(filter-out $(unplanned),$(MAKEOVERRIDES)),'$(each)')

unplanned := RESOURCES=% CONTAINERS=% VPSES=% PYTHON=% NPM=% PORT=% NORTHFLANK_TOKEN=% NORTHFLANK_TEAM=% HOSTUP_TOKEN=%

check-token: .venv/installed ## Say what NORTHFLANK_TOKEN or HOSTUP_TOKEN may see.
	@PYTHONPATH=layers/tributary $(venv)/python -m local.check_token

retention: .venv/installed ## Say what a longer retention will cost: TABLE=… HourRetentionDays=120 …
	@PYTHONPATH=layers/tributary $(venv)/python -m local.retention_cost --table='$(TABLE)' \
		$(foreach each,$(filter-out TABLE=% PYTHON=% NPM=% PORT=%,$(MAKEOVERRIDES)),'$(each)')

backfill: .venv/installed ## Ask a host again for all it has: FROM=-7d PROVIDER=… TABLE=… SECRET=…, ACCOUNT=… RESOURCE=….
	@PYTHONPATH=layers/tributary $(venv)/python -m local.backfill --from='$(FROM)' --provider='$(PROVIDER)' \
		--table='$(TABLE)' --secret='$(SECRET)' --account='$(ACCOUNT)' --resource='$(RESOURCE)'

redrive: .venv/installed ## List a stack's dead letters and why they are there: STACK=…; with GO=1 send them once more.
	@PYTHONPATH=layers/tributary $(venv)/python -m local.redrive --stack='$(STACK)' $(if $(GO),--go)

export: .venv/installed ## Write all that a table holds into files: TABLE=… OUT=history, FORMAT=ndjson, RESOURCE=….
	@PYTHONPATH=layers/tributary $(venv)/python -m local.export --table='$(TABLE)' --out='$(OUT)' \
		--format='$(FORMAT)' --resource='$(RESOURCE)'

openapi: .venv/installed ## Write the API's OpenAPI document anew, after its routes or what local/openapi says of them changed.
	@PYTHONPATH=layers/tributary $(venv)/python -m local.openapi

token: .venv/installed ## Make a token of the API: NAME=… SCOPES=read:metrics,… LIMITS=…; or LIST=1, REVOKE=id; TABLE=… if deployed.
	@PYTHONPATH=layers/tributary $(venv)/python -m local.token --name='$(NAME)' --scopes='$(SCOPES)' \
		--limits='$(LIMITS)' --expires='$(EXPIRES)' --per-hour='$(PER_HOUR)' --burst='$(BURST)' --list='$(LIST)' \
		--revoke='$(REVOKE)' --table='$(TABLE)'

sam-local: .venv/installed ## Start the API under `sam local` instead, where there is Docker.
	@$(venv)/python -m local.sam_local

pins: .venv/installed ## Compile the pinned requirements anew (for maintainers).
	@$(compile) requirements-dev.in layers/tributary/pyproject.toml layers/numpy/requirements.in \
		-o requirements-dev.txt
	@$(compile) -c requirements-dev.txt layers/tributary/pyproject.toml \
		-o layers/tributary/requirements.txt
	@$(compile) -c requirements-dev.txt layers/numpy/requirements.in -o layers/numpy/requirements.txt
	@$(compile) -c requirements-dev.txt local/requirements-runtime.in -o local/requirements-runtime.txt
	@$(compile) tests/audit/requirements.in -o tests/audit/requirements.txt

compile := $(venv)/python -m uv pip compile --quiet --upgrade --python-version 3.13 --universal \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

bench: .venv/installed $(if $(shell command -v $(NPM)),.dynalite/installed) ## Measure against Prometheus and VictoriaMetrics: TRACES=folder of CSV.
	@PYTHONPATH=layers/tributary $(venv)/python -m benchmarks

clean: ## Remove everything that the other targets made.
	@rm -rf .venv .runtime .checks .dynalite .clients .aws-sam .bench .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call environment,folder,requirements): a virtual environment with exactly the pinned packages,
# or one line that says what is missing. What is imported is compiled then: all at once takes longer
# than the rest of the installation.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { \
		echo 'Python 3.13 is missing: install it so that `$(PYTHON)` runs, or say where it is: make PYTHON=/path/to/python3.13'; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'The venv module of $(PYTHON) is missing: install it (on Debian and Ubuntu: apt install python3.13-venv).'; \
		exit 1; }
	@echo 'Installing $(2) into $(1) (about a minute the first time)'
	@mkdir -p .local
	@$(1)/bin/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(1) > .local/install.log 2>&1 || { \
		echo 'Making $(1) failed: .local/install.log says why.'; exit 1; }
	@$(1)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --require-hashes -r $(2) \
		> .local/install.log 2>&1 || { \
		echo 'Installing $(2) failed: check the network and your pip settings, then repeat; .local/install.log has the details.'; \
		exit 1; }
	@touch $(1)/installed
endef

.venv/installed: requirements-dev.txt
	$(call environment,.venv,requirements-dev.txt)

.runtime/installed: local/requirements-runtime.txt
	$(call environment,.runtime,local/requirements-runtime.txt)

.checks/installed: tests/audit/requirements.txt
	$(call environment,.checks,tests/audit/requirements.txt)

# $(call packages,folder,source): npm packages exactly as the source's lock file has them.
define packages
	@$(NPM) --version > /dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2> /dev/null || { \
		echo 'Node.js 20 or later with npm is missing: install it (on Debian and Ubuntu: apt install npm).'; \
		exit 1; }
	@echo 'Installing the packages of $(2) into $(1)'
	@mkdir -p $(1) .local
	@cp $(2)/package.json $(2)/package-lock.json $(1)
	@$(NPM) ci --prefix $(1) --ignore-scripts --no-audit --no-fund > .local/install.log 2>&1 || { \
		echo 'Installing into $(1) failed: check the network and your npm settings, then repeat; .local/install.log has the details.'; \
		exit 1; }
	@touch $(1)/installed
endef

.dynalite/installed: tests/dynalite/package.json tests/dynalite/package-lock.json
	$(call packages,.dynalite,tests/dynalite)

.clients/installed: tests/clients/package.json tests/clients/package-lock.json
	$(call packages,.clients,tests/clients)
