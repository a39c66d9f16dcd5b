# becaused: the everyday commands, a thin layer over CMake and scripts/. `make help` lists them.
#
# Variables: CXX and CC choose the compiler (g++), CMAKE_ARGS adds options for CMake, JOBS limits
# what runs at once, T names the tests of test-one and fuzz.

ifeq ($(origin CXX),default)
CXX := g++
endif
ifeq ($(origin CC),default)
CC := $(if $(findstring clang,$(CXX)),$(subst clang++,clang,$(CXX)),$(subst g++,gcc,$(CXX)))
endif
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CMAKE_ARGS ?=
T ?= .
SECONDS ?= 60

# Another compiler gets directories of its own: build/test-clang.
suffix := $(if $(filter g++,$(CXX)),,-$(subst clang++,clang,$(notdir $(CXX))))
release_dir := build/release$(suffix)
test_dir := build/test$(suffix)

# $(call configure,DIR,OPTIONS) and $(call compile,DIR)
configure = CC=$(CC) CXX=$(CXX) cmake -S . -B $(1) -G Ninja --log-level=WARNING \
	$(2) $(CMAKE_ARGS) >/dev/null
compile = cmake --build $(1) --parallel $(JOBS)
debug := -DCMAKE_BUILD_TYPE=Debug -DBECAUSED_TESTS=ON
test = JOBS=$(JOBS) scripts/test
# Loads of 100,000 requests and a million steps have a command of their own; a tenth runs with the tests.
quick = -LE load

.DEFAULT_GOAL := help
.PHONY: help deps test-deps build run test load test-build test-one test-clang e2e asan tsan fuzz cover guard bench \
	bench-quick lint format tidy docs static static-build static-e2e check-static install dist deb check-debian12 \
	check-debian13 check-deb12 check-deb13 clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install what building and testing needs (Debian packages)
	@scripts/deps build

release = $(call configure,$(release_dir),-DCMAKE_BUILD_TYPE=Release -DBECAUSED_TESTS=OFF \
	-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=$(CURDIR)/build)

build: deps ## Build the program: build/becaused
	@$(release)
	@$(call compile,$(release_dir))

run: build ## Run it on tcp://127.0.0.1:2375 (LISTEN=...) before this machine's Docker
	@scripts/run

test-deps:
	@scripts/deps test

test-build: deps test-deps
	@$(call configure,$(test_dir),$(debug))
	@$(call compile,$(test_dir))

test: test-build ## Run the unit, matrix, sweep and loopback tests
	@$(test) $(test_dir) $(quick)

test-one: test-build ## Run the tests whose name matches T, with all they print: T=unit/wheel
	@$(test) $(test_dir) -R '$(T)' --verbose

load: test-build ## Run the load tests: 100,000 requests of mixed fate, a million steps against the model
	@JOBS=1 scripts/test $(test_dir) -L load

test-clang: ## Run the tests as built by clang++
	@scripts/deps build clang
	@$(MAKE) --no-print-directory test CXX=clang++ CC=clang

e2e: build ## Run the tests with a real dockerd, registry and docker client
	@scripts/deps e2e
	@tests/e2e/run --all

asan: deps test-deps ## Run the tests under the address and undefined-behaviour sanitizers
	@$(if $(findstring clang,$(CXX)),scripts/deps clang fuzz)
	@$(call configure,build/asan$(suffix),$(debug) -DBECAUSED_SANITIZE=address$(comma)undefined)
	@$(call compile,build/asan$(suffix))
	@$(test) build/asan$(suffix) $(quick)

tsan: deps test-deps ## Run the tests under the thread sanitizer
	@$(call configure,build/tsan$(suffix),$(debug) -DBECAUSED_SANITIZE=thread)
	@$(call compile,build/tsan$(suffix))
	@$(test) build/tsan$(suffix) $(quick)

fuzz: ## Fuzz every tests/fuzz/*_fuzz.cc for SECONDS each (60); T picks some
	@scripts/deps build fuzz
	@$(call configure,build/fuzz,$(debug) -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
		-DBECAUSED_FUZZ=ON -DBECAUSED_SANITIZE=address$(comma)undefined)
	@$(call compile,build/fuzz)
	@scripts/fuzz build/fuzz '$(T)' $(SECONDS)

cover: ## Run the tests and print which lines of src/ they reach
	@scripts/deps build test cover
	@$(call configure,build/cover,$(debug) -DBECAUSED_COVERAGE=ON)
	@$(call compile,build/cover)
	@find build/cover -name '*.gcda' -delete
	@$(test) build/cover $(quick)
	@scripts/cover build/cover

static: static-build ## Build one file that needs nothing else, build/becaused-static, and check it in an empty root
	@scripts/deps static
	@tests/static/run

static-build: build
	@$(call compile,$(release_dir)) --target becaused-static

static-e2e: static ## The e2e tests, with nothing but that file in the proxy's root
	@scripts/deps e2e
	@tests/e2e/run --static --all

check-static: static-build ## Build it again elsewhere: are the bytes the same?
	@CXX=$(CXX) CC=$(CC) JOBS=$(JOBS) tests/static/reproduce

guard: build ## Check what a request costs against tests/bench/guard.txt: instructions, system calls, memory
	@scripts/deps guard
	@tests/bench/guard

bench: build ## Measure what it costs beside nginx and HAProxy, 10 minutes: build/bench/result.svg
	@scripts/deps bench
	@tests/bench/run

bench-quick: build ## The main rows of it, roughly, within a minute
	@scripts/deps bench
	@tests/bench/run --quick

lint: tidy ## Check format, house rules (scripts/tidy) and clang-tidy (QUICK=1: without its analyzer)
	@scripts/deps build clang lint
	@scripts/format --check
	@$(call configure,build/lint,$(debug) -DBECAUSED_PRECOMPILE=OFF -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++)
	@JOBS=$(JOBS) scripts/clang-tidy $(if $(QUICK),--quick) build/lint

tidy: build ## Check the house rules that no compiler knows
	@scripts/deps lint
	@scripts/tidy

format: ## Rewrite the sources in the house format
	@scripts/deps lint
	@scripts/format

docs: build ## Write the generated reference pages
	@scripts/docs

install: ## Install what was built: PREFIX=/usr/local, DESTDIR= before it
	@PREFIX='$(or $(PREFIX),/usr/local)' DESTDIR='$(DESTDIR)' scripts/package/install build/becaused

dist: ## Pack the last commit's sources: build/becaused-VERSION.tar.gz
	@scripts/package/dist

deb: build ## Make a Debian package: build/becaused_VERSION_ARCH.deb
	@scripts/package/deb build/becaused

check-deb12: ## Install, run and purge that package on Debian 12, in a clean root
check-deb13: ## The same on Debian 13
check-deb12 check-deb13: deb
	@scripts/deps debootstrap
	@scripts/check-deb $(@:check-deb%=%)

check-debian12: ## Test and build on Debian 12, in a root of its own under build/
check-debian13: ## The same on Debian 13
check-debian12 check-debian13:
	@scripts/deps debootstrap
	@scripts/check-debian $(@:check-debian%=%)

clean: ## Remove all that was built
	@rm -rf build

comma := ,
