# The front door. Every target does its own set-up: missing Debian packages are installed, the program is built.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PROGRAM := .build/release/audio-classifierd
BUILD := swift build -c release
# The benchmarks are a package of their own.
BENCHMARKS := swift build --package-path Benchmarks
MODEL ?= keywords-en

.PHONY: help setup setup-tests build run test check lint test-swift test-fuzz test-sanitizer test-training \
    test-instructions test-benchmarks test-examples test-arm bench bench-peers bench-archive endurance train \
    cross-validate evaluate experiment install uninstall docs clean run-serve soak fuzz archive-demo check-all \
    test-threads test-fuzz-sanitizer wheel test-wheel test-ray test-slurm

help:  ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-16s %s\n", $$1, $$2}'

setup:  ## Install the Debian packages that are missing
	@scripts/install-packages libsndfile1-dev libfftw3-dev libsoxr-dev libssl-dev libmosquitto-dev libcairo2-dev \
	    libpangocairo-1.0-0 pkg-config alsa-utils

setup-tests: setup  ## And those that the tests of the daemon talk to: a broker, a proxy, a browser, clients, promtool
	@scripts/reader-environment
	@scripts/install-packages prometheus systemd mosquitto mosquitto-clients chromium curl netcat-openbsd socat \
		python3-websockets nginx-light haproxy pango1.0-tools

build: setup  ## Build the program
	$(BUILD) --product audio-classifierd

run: build  ## Recordings of a human voice: files, then a pipe as from a microphone
	@scripts/demonstrate $(PROGRAM)

run-serve: build  ## The daemon with its shipped configuration; it prints the address of its page
	$(PROGRAM) serve --config configs/serve.yaml

SECONDS ?= 300
STREAMS ?= 200

archive-demo: build  ## Several hundred recordings: killed in the middle, gone on with, written in all formats
	@scripts/archive-demo $(PROGRAM)

soak: build setup-tests  ## Load, faults and attacks on the daemon, on loopback: a table with figures (ten minutes)
	$(BENCHMARKS) -c release --product stream-load
	@python3 Benchmarks/Soak/soak.py $(PROGRAM) Benchmarks/.build/release/stream-load $(SECONDS) $(STREAMS)

test: setup test-swift test-training  ## All tests

check: setup lint test-swift test-fuzz test-sanitizer test-training test-instructions test-benchmarks test-examples test-arm  ## What must pass before a change lands
	@scripts/tally

# They build everything twice more, fetch Ray and pandas from PyPI and start a cluster: no part of `check`.
check-all: export RUN_TUTORIAL = 1
check-all: check test-fuzz-sanitizer test-threads test-wheel test-ray test-slurm  ## All of check, races, the Python package, Ray, Slurm

# The server in one process, with the thread sanitizer.
test-threads: setup-tests
	@scripts/run-tests threads true -- swift test --scratch-path .build-threads --sanitize=thread --disable-xctest \
	    --filter 'ClassifierServerTests|AudioClassifierTests'

wheel: setup  ## The Python package with the program and the models, in build/wheel
	@scripts/build-wheel

test-wheel: wheel  ## The package in an empty environment, against the program's own output
	@scripts/test-wheel build/wheel/*.whl

test-ray: wheel  ## Archives on a local Ray cluster: same results, a node and a driver killed, an S3 server
	@scripts/test-ray build/wheel/*.whl

test-slurm: build  ## The tasks of a Slurm job array, one of them killed
	@scripts/install-packages shellcheck alsa-utils
	shellcheck integrations/slurm/*
	@integrations/slurm/test-classify-archive $(PROGRAM)

lint:  ## Format, rules, types and layers of all code, with no finding
	@scripts/check-layers
	@scripts/check-traps
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks Examples
	scripts/lint-python
	scripts/check-line-length

test-swift: setup-tests
	@scripts/run-tests release $(BUILD) --build-tests -- swift test -c release --skip-build

# Twenty seconds of mutated inputs for each reader of outside bytes, two at a time; test-swift has built the tests.
test-fuzz: setup
	@scripts/run-tests fuzz $(BUILD) --build-tests -- env FUZZ_SECONDS=20 swift test -c release --skip-build \
	    --filter '^FuzzTests\.'

MINUTES ?= 10

fuzz: setup  ## Mutated inputs for each reader of outside bytes, for so many minutes each, another sequence every time
	$(BUILD) --build-tests
	FUZZ_SECONDS=$$((60 * $(MINUTES))) FUZZ_SEED=$$(date +%s) swift test -c release --skip-build \
	    --filter '^FuzzTests\.'

SANITIZED := swift test --scratch-path .build-sanitizer --sanitize=address --disable-xctest

# The targets with unsafe memory, unoptimised and with every check that the compiler and the sanitizer have.
test-sanitizer: setup
	@LIBRARIES_ONLY=1 LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leak-suppressions.txt \
	    scripts/run-tests sanitizer true -- $(SANITIZED)

# The readers of outside bytes. Refused files leak in the libraries of their formats, as in libvorbis.
test-fuzz-sanitizer: setup
	@ASAN_OPTIONS=detect_leaks=0 FUZZ_SECONDS=20 scripts/run-tests fuzz-sanitizer true -- $(SANITIZED) \
	    --filter '^FuzzTests\.'

test-training: build
	@scripts/run-training-tests $(PROGRAM)

# What a second of audio costs, in instructions: counts repeat where times do not.
test-instructions: build
	@scripts/check-instructions $(PROGRAM)

# The benchmarks compile, with the libraries that test-sanitizer has built. `make bench` and `make soak` build them with
# optimisation.
test-benchmarks: setup
	@$(BENCHMARKS) --scratch-path .build-sanitizer --sanitize=address

# The packages in Examples/, which use the libraries as any other package would.
test-examples: setup
	@scripts/run-examples

# The kernels as they are compiled for 64-bit Arm, run by an emulator.
test-arm:
	@scripts/check-arm

bench: build  ## Speed on this machine beside OpenBLAS and the machine's limit, of a step and of the whole program: one table
	@scripts/install-packages libopenblas0
	$(BENCHMARKS) -c release --product baseline
	@mkdir -p build/bench
	Benchmarks/.build/release/baseline >build/bench/baseline.jsonl
	python3 Benchmarks/Program/program.py $(PROGRAM) >build/bench/program.jsonl
	@# Where the peers come next, the table comes after them.
	@$(if $(filter bench-peers,$(MAKECMDGOALS)),,python3 Benchmarks/table.py)

bench-peers: build  ## That table with PyTorch, continual-inference, ONNX Runtime, kaldi-native-fbank, librosa, torchaudio, silero-vad
	@mkdir -p build/bench
	scripts/bench-peers $(PROGRAM) >build/bench/peers.jsonl
	@python3 Benchmarks/table.py

bench-archive: build  ## Archives: all cores, the journal, many short files
	@mkdir -p build/bench
	python3 Benchmarks/Program/archive.py $(PROGRAM) | tee build/bench/archive.jsonl

TOKENS ?= 10000000

endurance: setup  ## Attention's numbers over ten million tokens, against float64 (about an hour)
	ENDURANCE_TOKENS=$(TOKENS) swift test -c release --filter EnduranceTests

train: build  ## Train a model of this project again: make train MODEL=keywords-en DATA=FOLDER (docs/data.md)
	@scripts/train $(PROGRAM) $(MODEL) "$(DATA)"

cross-validate: build  ## Train the models of a model's folds: make cross-validate MODEL=environment DATA=FOLDER
	@scripts/train $(PROGRAM) $(MODEL) "$(DATA)" build/cross-validation/$(MODEL)/all

evaluate: build  ## Measure the models again and compare with their cards: make evaluate DATA=FOLDER (docs/data.md)
	@scripts/evaluate $(PROGRAM) "$(DATA)" $(MODELS)

experiment: build  ## What low-rank attention keeps of the accuracy: docs/results.md (make experiment DATA=FOLDER, docs/data.md)
	@scripts/experiment $(PROGRAM) "$(DATA)"

PREFIX ?= /usr/local

install: setup  ## Install the program, its models, documents and shell completions under PREFIX (/usr/local)
	$(BUILD) --product audio-classifierd --static-swift-stdlib --scratch-path .build-static
	install -D -m 755 .build-static/release/audio-classifierd $(DESTDIR)$(PREFIX)/bin/audio-classifierd
	mkdir -p $(DESTDIR)$(PREFIX)/share/audio-classifierd
	cp -r models $(DESTDIR)$(PREFIX)/share/audio-classifierd/
	mkdir -p $(DESTDIR)$(PREFIX)/share/doc/audio-classifierd
	cp -r README.md CHANGELOG.md docs $(DESTDIR)$(PREFIX)/share/doc/audio-classifierd/
	for shell in bash:share/bash-completion/completions/audio-classifierd zsh:share/zsh/site-functions/_audio-classifierd \
	    fish:share/fish/vendor_completions.d/audio-classifierd.fish; do \
	    mkdir -p "$$(dirname "$(DESTDIR)$(PREFIX)/$${shell#*:}")"; \
	    .build-static/release/audio-classifierd --generate-completion-script $${shell%%:*} >"$(DESTDIR)$(PREFIX)/$${shell#*:}"; \
	done

uninstall:  ## Remove what install has put under PREFIX
	rm -rf $(addprefix $(DESTDIR)$(PREFIX)/,bin/audio-classifierd share/doc/audio-classifierd \
	    $(addprefix share/audio-classifierd/,$(wildcard models/*)) \
	    share/bash-completion/completions/audio-classifierd share/zsh/site-functions/_audio-classifierd \
	    share/fish/vendor_completions.d/audio-classifierd.fish)
	! test -d $(DESTDIR)$(PREFIX)/share/audio-classifierd || \
	    find $(DESTDIR)$(PREFIX)/share/audio-classifierd -depth -type d -empty -delete

docs: setup  ## The libraries' documentation, in .build/documentation
	@scripts/build-documentation

clean:  ## Remove everything that was built
	rm -rf .build .build-sanitizer .build-static .build-threads .venv-training .venv-training-full .venv-peers \
	    .venv-lint .venv-ray .venv-readers .venv-wheel build Benchmarks/.build
