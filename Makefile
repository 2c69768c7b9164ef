# SPDX-License-Identifier: MIT
# dunelab: `make help` is the index.
SHELL := /bin/bash
BUILD ?= $(CURDIR)/build
# The order in which files are linked is everybody's, whatever their language.
export LC_ALL := C.UTF-8
# Which kernel guests boot: FLAVOUR (cloud, generic, rt, debug) of a series (6.1, 6.12).
FLAVOUR ?= cloud
KERNEL ?= 6.1
export FLAVOUR KERNEL
one_of = $(if $(filter 1,$(words $($(1)))),$(filter $(2),$($(1))))
$(if $(call one_of,KERNEL,6.1 6.12),,$(error KERNEL="$(KERNEL)": want 6.1 or 6.12))
$(if $(call one_of,FLAVOUR,cloud generic rt debug),,$(error \
	FLAVOUR="$(FLAVOUR)": want cloud, generic, rt or debug))
$(if $(and $(filter debug,$(FLAVOUR)),$(filter-out 6.1,$(KERNEL))),$(error \
	the debug kernel is a 6.1: FLAVOUR=debug takes no other KERNEL))
PYTHON ?= /usr/bin/python3
DUNELAB := PYTHONPATH=$(CURDIR)/harness PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m dunelab
PYTEST := cd harness && PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -p no:cacheprovider
KERNEL_NAME := $(FLAVOUR)$(if $(filter-out 6.1,$(KERNEL)),-$(KERNEL))
KERNEL_DIR := $(BUILD)/kernel/$(KERNEL_NAME)
Q := $(if $(V),,@)

WORKLOAD ?= kv
CMD ?= uname -a
export CMD
ENGINE ?= bochs
BOCHS = $(if $(filter bochs%,$(ENGINE)),bochs)
# What was asked for, for targets whose default is another: $(call engine,DEFAULT)
engine = $(if $(filter command line environment,$(origin ENGINE)),$(ENGINE),$(1))
# make variable -> option of `dunelab experiment`
OPTIONS := --engine '$(ENGINE)' $(if $(PROFILE),--profile '$(PROFILE)') \
	$(if $(SYSTEMS)$(SYSTEM),--systems "$(or $(SYSTEMS),$(SYSTEM))") \
	$(foreach v,SEED SEEDS OUT LOADS REQUESTS RECORDS JOBS LAW ARRIVAL W POLICIES QUANTUM \
		STRETCH CORES,\
		$(if $($(v)),--$(shell echo $(v) | tr A-Z a-z) "$($(v))")) \
	$(if $(filter-out 0,$(QUICK)),--quick) $(if $(filter-out 0,$(FULL)),--full) \
	$(if $(NOISE),--noise "$(NOISE)") $(if $(filter-out 0,$(RESUME)),--resume)

.PHONY: profile profile-check calibrate paper paper-check deps-kernel test-kernels test-debug \
	test-long test-programs bench \
	fuzz fuzz-check experiment-check sweep sweep-check test-slurm deps-slurm help deps deps-base doctor kernel \
	modules libos rust test-rust deps-rust install uninstall workloads guest build experiment \
	report compare gate test test-host test-guest test-bochs check fmt run clean bochs
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16
	@echo; echo "  make experiment WORKLOAD=kv [ENGINE=bochs|bochs-vmx|qemu|kvm] [SYSTEMS=\"linux dune\"] [SEED=1]"
	@echo "                  [LOADS=\"0.4 0.6 0.8\"] [REQUESTS=20000] [LAW=usr|etc] [ARRIVAL=poisson|fixed|etc]"
	@echo "                  [RECORDS=10000] [JOBS=2] [QUICK=1] [FULL=1] [SEEDS=1-10] [OUT=results/NAME] [RESUME=1]"
	@echo "                  [PROFILE=none|zen2-2019|ivybridge-2012|icelake-2021, +caches]"
	@echo "  make experiment SYSTEMS=ring [NOISE=noise] [ARRIVAL=fixed] ..."
	@echo "  make experiment WORKLOAD=jitter [SYSTEMS=\"linux rt-tuned dune\"] [NOISE=idle|noise] [QUICK=1]"
	@echo "                  [FULL=1] [RESUME=1] [ENGINE=...] [PROFILE=...] [JOBS=2]"
	@echo "  make experiment WORKLOAD=spin [W=\"w5 w11\"] [POLICIES=\"cfcfs rr\"] [LOADS=\"0.5 0.8\"] [QUANTUM=5]"
	@echo "                  [SYSTEMS=\"linux dune-rt\"] [NOISE=idle|noise] [STRETCH=10] [CORES=1] [SEED=1] [QUICK=1]"
	@echo "                  [FULL=1] [RESUME=1]"

experiment: experiment-check build $(BOCHS) ## measure WORKLOAD on every system and write a report (see below)
	$(Q)$(DUNELAB) experiment $(WORKLOAD) $(OPTIONS)

SWEEP = '$(PLAN)' $(if $(RUNNER),--engine-runner '$(RUNNER)') $(if $(JOBS),--jobs '$(JOBS)') \
	$(if $(OUT),--out '$(OUT)')

sweep: sweep-check build bochs ## an experiment at every point of PLAN=plan.toml: JOBS, RUNNER=slurm, RESUME, OUT
	$(Q)$(DUNELAB) sweep $(SWEEP) $(if $(filter-out 0,$(RESUME)),--resume)

sweep-check: ## only check the plan of `make sweep`
	$(Q)test -n "$(PLAN)" || { echo "want PLAN=, a file as docs/sweeps.md shows: make sweep PLAN=plan.toml"; exit 2; }
	$(Q)! test -x $(PYTHON) || $(DUNELAB) sweep $(SWEEP) --check

# Wrong arguments are told before minutes of building (a bare system has no python yet).
experiment-check: ## only check the arguments of `make experiment`
	$(Q)! test -x $(PYTHON) || $(DUNELAB) experiment $(WORKLOAD) $(OPTIONS) --check

PROFILED = '$(WORKLOAD)' --engine '$(ENGINE)' $(if $(SYSTEMS)$(SYSTEM),--system '$(or $(SYSTEM),$(SYSTEMS))') \
	$(if $(LOADS)$(LOAD),--load '$(or $(LOAD),$(LOADS))') $(if $(REQUESTS),--requests '$(REQUESTS)') \
	$(if $(SEED),--seed '$(SEED)') $(if $(PROFILE),--profile '$(PROFILE)') $(if $(OUT),--out '$(OUT)') \
	$(if $(filter-out 0,$(QUICK)),--quick)

profile: profile-check build $(BOCHS) ## where instructions go, as a flame graph: SYSTEM=dune, ENGINE=qemu samples, LOAD, QUICK
	$(Q)$(DUNELAB) profile $(PROFILED)

profile-check: ## only check the arguments of `make profile`
	$(Q)! test -x $(PYTHON) || $(DUNELAB) profile $(PROFILED) --check

# A profile says itself which machine it is for.
BENCH = $(call engine,$(if $(filter-out none,$(PROFILE)),,qemu-icount))

bench: build ## what exits and faults cost in Linux, KVM and dune.ko (ENGINE=qemu-icount)
	$(Q)$(DUNELAB) bench $(if $(PROFILE),--profile '$(PROFILE)') $(if $(BENCH),'$(BENCH)')

calibrate: build bochs ## fit a cost profile on Linux's rows, predict the paper's (PROFILE=ivybridge-2012)
	$(Q)$(DUNELAB) calibrate $(PROFILE)

PAPER := $(if $(PROFILE),--profile '$(PROFILE)') $(if $(ONLY),--only '$(ONLY)') \
	$(if $(SEED),--seed '$(SEED)') $(if $(JOBS),--jobs '$(JOBS)') \
	$(if $(filter-out 0,$(QUICK)),--quick) $(if $(filter-out 0,$(RESUME)),--resume)

paper: paper-check build bochs ## the evaluation of the Dune paper again: QUICK, PROFILE, ONLY, RESUME, SEED
	$(Q)$(DUNELAB) paper $(PAPER)

paper-check: ## only check the arguments of `make paper`
	$(Q)! test -x $(PYTHON) || $(DUNELAB) paper $(PAPER) --check

FUZZ_BOCHS := $(if $(filter bochs%,$(call engine,qemu)),bochs)
FUZZ := --engine '$(call engine,qemu)' $(if $(SEED),--seed '$(SEED)') \
	$(if $(FUZZ_COUNT),--count '$(FUZZ_COUNT)') $(if $(FUZZ_SECONDS),--seconds '$(FUZZ_SECONDS)')

fuzz: fuzz-check build $(FUZZ_BOCHS) ## random calls, hostile guests: FUZZ_COUNT, FUZZ_SECONDS, SEED
	$(Q)$(DUNELAB) fuzz $(FUZZ)

fuzz-check: ## only check the arguments of `make fuzz`
	$(Q)! test -x $(PYTHON) || $(DUNELAB) fuzz $(FUZZ) --check

report: ## make the report of RESULTS (default results/kv/latest) again from its data
	$(Q)$(DUNELAB) report $(or $(RESULTS),results/kv/latest) $(if $(SLO),--slo $(SLO))

gate: build bochs ## a short fixed plan on Bochs against results/reference/ (UPDATE=1 writes it)
	$(Q)$(DUNELAB) gate $(if $(filter-out 0,$(UPDATE)),--update) $(if $(JOBS),--jobs '$(JOBS)')

COMPARE := $(if $(ALLOW),--allow '$(ALLOW)') $(if $(METRIC),--metric '$(METRIC)') \
	$(if $(filter-out 0,$(STRICT)),--strict) $(if $(PROFILE),--profile '$(PROFILE)')

compare: ## NEW (default results/kv/latest) against BASE: METRIC, STRICT=1, ALLOW=environment
	$(Q)test -n "$(BASE)" || { echo "want BASE=, a run or a directory of runs: make compare BASE=results/base"; exit 2; }
	$(Q)$(DUNELAB) compare $(COMPARE) '$(BASE)' '$(or $(NEW),results/kv/latest)'

test: build test-host test-rust test-guest test-bochs $(if $(filter 6.1,$(KERNEL)),test-kernels) ## the whole test suite
	$(Q)echo "all tests passed"

test-host: deps kernel ## units on this host, sanitizers on: seconds
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C workloads BUILD=$(BUILD) all test
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C libos BUILD=$(BUILD) all
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C modules/tests BUILD=$(BUILD) all
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C modules/fuzz BUILD=$(BUILD) all
	$(Q)$(PYTEST) -q -n 2 -m "not slow" tests/unit tests/style

test-guest: deps build rust ## tests in QEMU guests
	$(Q)$(PYTEST) -q -n 2 -m "not slow and not programs and not bochs" tests/guest --durations=12

test-rust: rust ## the crate on this host: errors, layouts, examples of its documentation
	$(Q)cd libos/bindings/rust && $(CARGO) test -q

test-bochs: deps build bochs ## tests in Bochs guests (GATE_REQUIRED=1: the gate is not skipped)
	$(Q)$(PYTEST) -q -n 2 -m "not slow and not programs and bochs" tests/guest --durations=12

test-kernels: deps ## every test program on the second kernel (6.12) in QEMU
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory build KERNEL=6.12 FLAVOUR=cloud
	$(Q)$(PYTEST) -q -n 2 tests/style/test_module.py "tests/guest/test_matrix.py::test_every_program[qemu-svm]" \
		"tests/guest/test_kexec.py::test_a_crash_kernel_starts_over_running_guests[qemu]"

test-debug: deps ## build the debug kernel (ten to twenty minutes, kept) and run every test program under it
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory build FLAVOUR=debug KERNEL=6.1
	$(Q)$(PYTEST) -q "tests/guest/test_matrix.py::test_every_program[qemu-svm]"
	$(Q)scripts/record-debug

# Exported to what a recipe runs, whatever the command line says.
test-kernels: override export KERNEL := 6.12
test-kernels: override export FLAVOUR := cloud
test-debug: override export FLAVOUR := debug
test-debug: override export KERNEL := 6.1

test-long: deps build bochs ## the tests that are too slow for make test: 10,000 forks, many rounds
	$(Q)$(PYTEST) -q -n 2 -m slow tests/guest --durations=12

test-programs: deps build bochs ## Debian programs natively and by dune run: python, redis, ... (long)
	$(Q)$(PYTEST) -q -n 2 -m programs tests/guest --durations=12

test-slurm: deps build ## sweeps as job arrays of a real Slurm on loopback; skipped without the packages of deps-slurm
	$(Q)$(PYTEST) -q tests/slurm

check: deps kernel ## style: formatting, include directions, licences, shell
	$(Q)$(PYTEST) -q tests/style

doctor: ## what works on this host, and what to do about the rest
	$(Q)command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON): run make deps"; exit 2; }
	$(Q)$(DUNELAB) doctor

deps: ## install missing Debian packages (root or sudo), or print the line that does
	$(Q)scripts/deps

deps-base: ## what building and measuring needs, and no more
	$(Q)scripts/deps base

deps-kernel: ## the packages that building the debug kernel needs
	$(Q)scripts/deps kernel

deps-rust: ## the packages that building the crate needs
	$(Q)scripts/deps rust

deps-slurm: ## the packages that test-slurm needs
	$(Q)scripts/deps slurm

run: build ## a shell command in a fresh guest: make run CMD='uname -a' [ENGINE=qemu]
	$(Q)$(DUNELAB) boot --engine '$(call engine,qemu)' -- "$$CMD"

build: guest libos workloads modules ## everything that goes into a guest

kernel: deps-base $(if $(filter debug,$(FLAVOUR)),deps-kernel) ## fetch Debian's kernel and headers (FLAVOUR=cloud KERNEL=6.1)
	$(Q)vm-images/kernel/fetch $(KERNEL_NAME) $(KERNEL_DIR)

modules: kernel ## dune.ko for the fetched kernel
	$(Q)scripts/build-module $(KERNEL_DIR) $(BUILD)

libos: deps-base ## libdune, its examples, and the tests of both interfaces
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C libos BUILD=$(BUILD) all
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C modules/tests BUILD=$(BUILD) all
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C modules/fuzz BUILD=$(BUILD) all

# Debian's cargo and compiler, whichever else there are, and nothing that is not in the tree.
RUST_FLAGS := -D warnings -C target-feature=+crt-static
CARGO = env DUNE_LIB_DIR='$(BUILD)/libos/public' CARGO_TARGET_DIR='$(BUILD)/rust' CC=gcc \
	CARGO_HOME='$(BUILD)/rust/home' CARGO_NET_OFFLINE=true RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc \
	RUSTFLAGS='$(RUST_FLAGS)' RUSTDOCFLAGS='$(RUST_FLAGS)' /usr/bin/cargo --locked $(if $(V),,-q)

rust: libos deps-rust ## libdune's Rust crate, its example and its checks
	$(Q)cd libos/bindings/rust && $(CARGO) build --examples

install: libos ## libdune, headers, man pages, pkg-config file and `dune`: PREFIX=/usr/local DESTDIR=
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C libos BUILD=$(BUILD) install

uninstall: ## remove what make install put there
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C libos BUILD=$(BUILD) uninstall

workloads: deps-base libos ## the programs that are measured
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C workloads BUILD=$(BUILD) all

guest: deps-base ## the guest's own tools
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -C vm-images/guest BUILD=$(BUILD) all

bochs: deps-base ## build the pinned Bochs into the cache
	$(Q)vm-images/emulators/bochs/build

fmt: ## format the lines of C that changed since the last commit
	$(Q)git diff -U0 --no-color HEAD -- '*.c' '*.h' | clang-format-diff -p1 -i

clean: ## remove build/ (downloads and emulators stay in the cache)
	rm -rf $(BUILD)
