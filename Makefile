# SPDX-License-Identifier: Apache-2.0
#
# A front end to CMake and the scripts in tools/. A target first installs the Debian packages that it needs. `make help`
# lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
# The seconds that `make fuzz` runs each target, and the duration of the day of `make day`.
SECONDS := 600
# Warnings are errors in CI, but not in a user's build.
WERROR ?= $(if $(CI),ON,OFF)

program := build/release/onehop

# $(call build,<preset>,<cmake options>,<targets>): configures and builds a preset, and announces how long it takes.
define build
@cmake --preset $(1) -DONEHOP_WERROR=$(WERROR) $(2) >/dev/null
@tools/announce_build build/$(1) $(JOBS) $(3)
@cmake --build --preset $(1) --parallel $(JOBS) $(if $(3),--target $(3))
endef

.PHONY: build
build: ## build the release program, build/release/onehop
	@tools/install_dependencies build
	$(call build,release,,onehop onehop_library)

# `make run` uses the release build if it exists, else the preset `quick`, which builds in a third of the time.
run_preset := $(if $(wildcard $(program)),release,quick)

.PHONY: run
run_arguments = $(strip $(if $(BACKEND)$(CONFIG),,demo) $(if $(LISTEN),-l '$(LISTEN)') \
  $(if $(CONFIG),--config '$(CONFIG)') $(ARGS) $(if $(BACKEND),'$(BACKEND)'))
run: ## run onehop: make run BACKEND=:8000 LISTEN=:8080 ARGS='--tls self', or CONFIG=FILE; else its demo
	@tools/install_dependencies build
	$(call build,$(run_preset),,onehop)
	@exec build/$(run_preset)/onehop $(run_arguments)

.PHONY: test
test: check ## run all checks, and all tests of the release build
	$(call build,release,-DONEHOP_TESTS=ON -DONEHOP_MICRO_BENCHMARKS=ON)
	@tools/run_tests release $(JOBS)

.PHONY: check
check: ## check without compiling: floors, names, coroutine shapes, formatting, prose, comments
	@tools/install_dependencies test
	@tools/check_floors
	@tools/check_names
	@tools/check_coroutines
	@tools/check_format
	@tools/check_prose
	@tools/check_comments
	@/usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/tools

.PHONY: instructions
instructions: ## count instructions per request, compare with bench/instructions.json; ARGS=--update rewrites it
	@tools/install_dependencies test
	$(call build,release,,onehop)
	@tools/count_instructions $(ARGS)

.PHONY: asan tsan gcc
asan tsan gcc: ## run the tests under AddressSanitizer + UBSan, ThreadSanitizer, g++ 12
	@tools/install_dependencies test
	$(call build,$@)
	@tools/run_tests $@ $(JOBS)

.PHONY: coverage
coverage: ## measure which lines the tests execute: build/coverage/report/index.html
	@tools/install_dependencies test
	$(call build,coverage)
	@tools/measure_coverage $(JOBS)

.PHONY: fuzz
fuzz: ## run each fuzz target: make fuzz SECONDS=600 TARGETS='config_fuzz url_fuzz'
	@tools/install_dependencies test
	$(call build,fuzz)
	@TARGETS='$(TARGETS)' tools/run_fuzzers $(SECONDS) $(JOBS)

.PHONY: oss-fuzz
oss-fuzz: ## build a fuzz target as OSS-Fuzz does, and run it for one second: make oss-fuzz TARGETS=url_fuzz
	@tools/install_dependencies test
	@tools/try_oss_fuzz $(TARGETS)

.PHONY: chaos
chaos: build ## run onehop under faults of every kind, for minutes: make chaos ARGS='--seed 7 --seconds 300'
	@tools/install_dependencies test
	@tests/chaos/chaos.py $(ARGS)

.PHONY: slow
slow: build ## run the tests that take minutes
	@tools/install_dependencies test
	@/usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/slow

.PHONY: day
day: build ## run a service's day, compressed to SECONDS: make day SECONDS=1800
	@tools/install_dependencies test
	@ONEHOP_DAY=$(SECONDS) /usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/integration/test_day.py

.PHONY: bench
bench: ## compare with nginx, haproxy and nghttpx: make bench ARGS=...
	@tools/install_dependencies bench
	$(call build,release,,onehop onehop_library)
	@bench/run $(ARGS)

.PHONY: profile
profile: ## write cmake/onehop.profdata, the compiler's profile for release builds
	@tools/install_dependencies test
	@tools/install_dependencies bench
	$(call build,train,,onehop)
	@bench/train build/train/onehop cmake/onehop.profdata

.PHONY: micro
micro: ## run the micro benchmarks: make micro ARGS=--benchmark_filter=...
	@tools/install_dependencies test
	$(call build,release,-DONEHOP_MICRO_BENCHMARKS=ON,micro_benchmarks)
	@build/release/bench/micro/micro_benchmarks $(ARGS)

.PHONY: deb
deb: ## build the Debian packages, and check them with lintian: build/deb/*.deb
	@tools/install_dependencies package
	@tools/make_deb

.PHONY: package-test
package-test: deb ## install, use, upgrade and purge the packages in a fresh Debian
	@/usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/package

.PHONY: dist
dist: ## write the sources of HEAD as a tarball: build/dist/onehop-*.tar.gz
	@tools/make_dist

.PHONY: reproducible
reproducible: ## build the tarball in two folders, and compare the results: make reproducible PRESET=quick
	@tools/install_dependencies build
	@tools/check_reproducible $(PRESET)

.PHONY: tidy
tidy: ## run clang-tidy over the sources
	@tools/install_dependencies test
	$(call build,release,-DONEHOP_TESTS=ON,onehop onehop_library)
	@run-clang-tidy-19 -quiet -j $(JOBS) -p build/release '^$(CURDIR)/src/(?!.*_test\.cpp$$)' 2>&1 | \
	  grep -vE '^([0-9]+ warnings? generated\.)?$$'

.PHONY: format
format: ## format the sources
	@tools/install_dependencies test
	@tools/check_format --fix

.PHONY: tables
tables: build ## write the tables of settings into docs/operating.md
	@tools/write_tables $(program)

.PHONY: install
install: build ## install the program, library and headers: make install PREFIX=/usr/local DESTDIR=
	@DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(PREFIX)'

.PHONY: clean
clean: ## remove the build folder
	rm -rf build

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
