# What a person types. Every target hands over to a script that explains itself.

.DEFAULT_GOAL := help
.PHONY: help run stop watch test bench simulate mutants fuzz recordings deploy fmt lint schemas proofs

# Environment that `make deploy` deploys: a section of samconfig.toml.
STAGE ?= dev

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start everything on this machine and play a deal from quote to cash
	@python3 -m local run

stop: ## stop what `make run` started, and nothing else
	@python3 -m local stop

watch: ## rebuild and reload functions while they are edited
	@python3 -m local watch

test: ## everything that must hold before a change is merged
	@python3 tests/everything.py

bench: ## measure calls, cost, CPU, cold start and size; results in target/bench/
	@python3 -m tests.bench

simulate: ## play histories in which everything goes wrong: SEEDS=10000 FROM=0, or SEED=7 to replay one
	@SEEDS=$(SEEDS) FROM=$(FROM) SEED=$(SEED) cargo test --quiet --workspace --locked --test histories

mutants: ## break each of our own guards and see it caught: MUTANTS="name …", or all
	@python3 -m tests.mutants $(MUTANTS)
	$(if $(MUTANTS),,@python3 -m tests.mutants domain)

fuzz: ## fuzz what reads from outside, with coverage: SECONDS=60 a target
	@python3 -m tests.fuzz --seconds $(or $(SECONDS),60)

recordings: ## record work in flight for scenarios that have no recording yet
	@cargo run --quiet -p simulation --example simulate -- --record

deploy: ## deploy to the AWS account of your profile: make deploy STAGE=dev|prod
	@python3 -m local setup
	@.venv/cloud/bin/python infra/deploy.py $(STAGE)

schemas: ## write the event schemas that changed compatibly; an incompatible change is refused
	@UPDATE_SCHEMAS=1 cargo test --quiet -p events --test schemas
	@UPDATE_SCHEMAS=1 cargo test --quiet -p domain --test configuration

proofs: ## list which test proves which requirement, in docs/requirements.md
	@python3 tests/proofs.py

fmt: ## format the Rust code
	@cargo fmt --all

lint: ## format check, clippy and the checks of the template: the quick part of `make test`
	@python3 tests/everything.py --quick
