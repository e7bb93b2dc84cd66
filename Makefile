# `make up` and `make test` are all a newcomer needs; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: ## Start NEXO on http://localhost:3000; `make up ARGS=--demo` adds two accounts with sample clients
	@scripts/provision up
	@exec cargo run --package nexo --bin nexo -- up $(ARGS)

.PHONY: test
test: ## Run every test and check: on servers of its own, stopped afterwards
	@scripts/provision test
	@scripts/check
	@cargo build --workspace --bins
	@bench/instructions
	@containers=0; docker/tests/if-it-can || containers=$$?; scripts/test; exit $$containers

.PHONY: test-17
test-17: ## Run every test on the PostgreSQL whose programs are in PG17 (default: Debian's folder of 17)
	@NEXO_POSTGRES_BIN=$(or $(PG17),/usr/lib/postgresql/17/bin) $(MAKE) test

.PHONY: secrets
secrets: ## Make the secrets of a NEXO in containers, where they are not there yet: docker/secrets
	@docker/make-secrets

.PHONY: compose-test
compose-test: ## Start NEXO in containers and try to break it (about 10 minutes, after a build; as root); ARGS=--help
	@docker/tests/run $(ARGS)

.PHONY: check
check: ## Formatting and lints
	@scripts/check

.PHONY: contract
contract: ## Lint the API document and compile four clients generated from it (npm and pip needed); ARGS="URL TOKEN" lets them do the tour
	@scripts/contract $(ARGS)

.PHONY: fuzz
fuzz: ## Send random requests to every operation and compare the answers with the API document (10 to 25 minutes by load, after a build; pip needed); SEED=, EXAMPLES=, ARGS=
	@scripts/provision up
	@scripts/fuzz $(ARGS)

.PHONY: bench
bench: ## Measure the services beside pgbench and argon2, backups beside pg_dump, the gateway beside nginx, an import, and what others notice of a greedy account (about 45 minutes, after a release build)
	@scripts/provision bench
	@cargo build --workspace --profile bench-run --bins --examples
	@bench/run $(ARGS)
	@bench/drivers
	@bench/crm
	@bench/auth
	@bench/backups
	@bench/gateway
	@bench/imports
	@bench/fair
	@$${CARGO_TARGET_DIR:-target}/bench-run/examples/token_cost

.PHONY: bench-quick
bench-quick: ## Compare rates beside pgbench with bench/ratchet.toml (about 5 minutes, after a release build); ARGS=--write
	@scripts/provision bench
	@cargo build --workspace --profile bench-run --bins
	@bench/quick $(ARGS)

.PHONY: instructions
instructions: ## Compare instructions per request with bench/ratchet.toml (about 2 minutes, after a build); ARGS=--write
	@scripts/provision test
	@cargo build --workspace --bins
	@bench/instructions $(ARGS)

.PHONY: chaos
chaos: ## Kill the broker and relays under 50,000 changes, and count what arrives (about 5 minutes, after a release build)
	@bench/events

.PHONY: night
night: ## Try 200 random orders of backups, restores, undos, kills and losses, and every pair of commands at once (about 2 hours)
	@scripts/provision test
	@NEXO_NIGHT_ORDERS=$(or $(ORDERS),200) cargo test --package nexo --test night -- --nocapture --test-threads=2

.PHONY: clean
clean: ## Remove what was built; the data in .nexo stay
	@cargo clean
	@rm -rf http-tests/node_modules
