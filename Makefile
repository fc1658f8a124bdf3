# Every recipe is one line, the same that CI calls. `make help` lists them.
.PHONY: help demo test seed smoke soak burst e2e lint types bench monitoring-check requirements clean \
	verdict gameday monitoring nemesis backup restore doctor
.DEFAULT_GOAL := help
NAME ?= demo
PYTEST_ARGS ?=
# A busy CI machine can starve one process of a real stack; what had to be repeated is listed as RERUN.
repeats := $(if $(CI),--reruns 2 --reruns-delay 5 -raR)
TICKETS ?= 50000
needs := @requirements/install.sh
python := exec .venv/bin/python

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

demo: ## set everything up and run the whole system at http://127.0.0.1:8080 (PORT=, NAME=)
	$(needs) runtime services && $(python) -m config.demo --name $(NAME)

test: ## set everything up and run the complete test suite (PYTEST_ARGS=)
	$(needs) dev load services chromium prometheus && $(python) -m pytest --cov --cov-report=term:skip-covered $(repeats) $(PYTEST_ARGS) </dev/null

seed: ## add the synthetic data to DATABASE_URL, else to the demo's database
	$(needs) runtime services && $(python) -m config.demo --name $(NAME) --only-seed

smoke soak burst: ## k6 against a running instance (BASE_URL=, by default the demo)
	$(needs) load && exec k6/run.sh $@

e2e: ## the browser suites against a real running stack
	$(needs) dev services chromium && $(python) -m pytest e2e $(PYTEST_ARGS)

lint: ## formatting, lint, import contracts, missing migrations, rules of the house
	$(needs) dev && .venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/lint-imports && .venv/bin/python manage.py makemigrations --check --dry-run && $(python) -m pytest -q -o addopts= tests/test_repository_rules.py

types: ## mypy, strict
	$(needs) dev && $(python) -m mypy .

bench: ## hooks, lists, objectives and seeding (limits held; TICKETS=), then the servers side by side (needs wrk and nginx)
	$(needs) dev bench services && for each in hooks lists objectives "seeding --tickets $(TICKETS)"; do .venv/bin/python -m tests.bench.$$each || exit; done && $(python) -m tests.bench.servers

monitoring-check: ## Prometheus, Alertmanager, Grafana, compose and workflow files, by their own tools
	$(needs) dev prometheus && $(python) -m monitoring.check

requirements: ## pin requirements/*.in again, with hashes (UPGRADE=--upgrade)
	@requirements/compile.sh $(UPGRADE)

clean: ## remove what the other commands made
	@requirements/clean.sh

verdict gameday monitoring nemesis backup restore doctor:
	@echo "make $@ is reserved and not built yet." >&2; exit 2
