# The ways into the project. Each target does its own set-up; `make` alone lists them.

# Where cargo puts what it builds.
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# For cargo's build commands; .ci/run sets --locked.
CARGO_FLAGS ?=
SHELL_SCRIPTS := .ci/run scripts/setup.sh

.DEFAULT_GOAL := help
.PHONY: help run demo web test check bench instructions power-cut

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build Posthaste with its dashboard and start it here; prints a key and a curl to try
	@scripts/setup.sh run
	cargo build --release -p posthaste $(CARGO_FLAGS)
	@exec $(TARGET_DIR)/release/posthaste serve --dev

demo: ## See it alive: a server, receivers that are good, slow, flaky and dead, and traffic
	@scripts/setup.sh run
	cargo build --release -p posthaste $(CARGO_FLAGS)
	@exec $(TARGET_DIR)/release/posthaste demo

web: ## Build the dashboard into web/dist, from where cargo takes it into the binary
	@scripts/setup.sh run

# nextest comes last, so that its summary is the last line. It builds before the browser tests, which
# use the binary that its own tests use: another build would be one with other features.
test: ## Run all tests
	@scripts/setup.sh test
	node --test tests/receivers/receivers.test.js
	npm test --prefix web
	cargo test --doc --workspace $(CARGO_FLAGS)
	cargo nextest run --workspace --no-run $(CARGO_FLAGS)
	POSTHASTE_BINARY=$(abspath $(TARGET_DIR))/debug/posthaste npm run test:browser --prefix web
	cargo nextest run --workspace --no-fail-fast $(CARGO_FLAGS)

check: ## Check format, lints, types and licences (that openapi.json is fresh is a test)
	@scripts/setup.sh check
	@cargo fmt --version >/dev/null && cargo clippy --version >/dev/null || { \
		echo "make check needs rustfmt and clippy: rustup component add rustfmt clippy" >&2; exit 1; }
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	@if command -v npm >/dev/null; then \
		echo "npm run check --prefix web"; npm run check --prefix web; \
	else \
		echo "check: NOT checked: the dashboard (install Node.js 20 or later)"; \
	fi
	@if command -v cargo-deny >/dev/null; then \
		echo "cargo deny check licenses bans sources"; \
		cargo deny --workspace check licenses bans sources; \
	else \
		echo "check: NOT checked: licences, bans, sources (cargo install cargo-deny --locked)"; \
	fi
	@if command -v shellcheck >/dev/null; then \
		echo "shellcheck $(SHELL_SCRIPTS)"; shellcheck $(SHELL_SCRIPTS); \
	else \
		echo "check: NOT checked: shell scripts (apt-get install shellcheck)"; \
	fi

bench: ## Measure throughput and latency with the load generator (release build)
	@scripts/setup.sh build
	cargo build --release -p posthaste -p posthaste-bench $(CARGO_FLAGS)
	$(TARGET_DIR)/release/posthaste-bench $(BENCH_ARGS)

# Unlike times, instructions can be compared between machines: INSTRUCTIONS_ARGS="--max 105000".
instructions: ## Count the instructions that a delivery takes (valgrind, release build)
	@scripts/setup.sh instructions
	cargo build --release -p posthaste -p posthaste-bench $(CARGO_FLAGS)
	$(TARGET_DIR)/release/posthaste-bench instructions $(INSTRUCTIONS_ARGS)

power-cut: ## Cut the power under load, 20 times, and count what is lost (needs root)
	@scripts/setup.sh build
	cargo build --release -p posthaste $(CARGO_FLAGS)
	scripts/power_cut.py $(TARGET_DIR)/release/posthaste 20
