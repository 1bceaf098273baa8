# The front door. `make help` lists what there is.

# What has to be installed, Debian's names. COMMAND=PACKAGE is only installed where the command is missing.
BUILD_PACKAGES := cc=gcc libc6-dev make=make cmake ninja=ninja-build pkg-config=pkgconf \
  libjansson-dev libprotobuf-c-dev protobuf-c-compiler libonnx-dev libdnnl-dev libxnnpack-dev libpthreadpool-dev \
  ocl-icd-opencl-dev libclblast-dev \
  libjpeg62-turbo-dev libpng-dev npm=npm ca-certificates
TEST_PACKAGES := clang-tidy=clang-tidy cppcheck=cppcheck libcmocka-dev pocl-opencl-icd libonnx-testdata libglpk-dev libz3-dev
BROWSER_PACKAGES := chromium=chromium node=nodejs
DEB_PACKAGES := dpkg-dev debhelper fakeroot
VALGRIND_PACKAGES := valgrind=valgrind
LINT_PACKAGES := clang-tidy=clang-tidy cppcheck=cppcheck
FUZZ_PACKAGES := clang=clang libclang-rt-dev libcmocka-dev
AFL_PACKAGES := afl-clang-fast=afl++

# To cross-build: what runs here, and what is unpacked beside (the target's packages, which are not installed).
AARCH64_PACKAGES := aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu qemu-aarch64-static=qemu-user-static make=make cmake \
  ninja=ninja-build pkg-config=pkgconf protobuf-c-compiler libonnx-testdata npm=npm ca-certificates
AARCH64_SYSROOT := libc6-dev libjansson-dev libprotobuf-c-dev libonnx-dev libdnnl-dev libxnnpack-dev libpthreadpool-dev \
  ocl-icd-opencl-dev libclblast-dev libjpeg62-turbo-dev libpng-dev libcmocka-dev libglpk-dev libz3-dev

JOBS ?= $(shell nproc)
CTEST = ctest --output-on-failure --no-tests=error
# The whole output of every test is kept, for tools/compare-tests.sh.
CTEST_LOG = --test-output-size-passed 4000000 --test-output-size-failed 4000000 --output-junit tests.xml

all: build ## build a release into build/ (the program is build/mae)

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: ## install what building needs and is missing
	@tools/setup.sh $(BUILD_PACKAGES)
	@tools/fetch-onnxruntime.sh

setup-test: ## install what the tests need and is missing
	@tools/setup.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@tools/fetch-onnxruntime.sh

# Building alone installs nothing: it says what is missing and how to get it.
check-setup:
	@tools/setup.sh --check $(BUILD_PACKAGES)
	@tools/fetch-onnxruntime.sh --check

build: check-setup
	@test -f build/build.ninja || cmake --preset release
	@cmake --build --preset release -j $(JOBS)

demo: setup ## the main job on a real network and a real picture
	@$(MAKE) --no-print-directory build
	@tools/demo.sh

# A build folder made without cmocka has no tests yet.
configure:
	@cmake --preset release >/dev/null

test: setup-test configure ## all tests
	@$(MAKE) --no-print-directory build
	@cd build && $(CTEST) $(CTEST_LOG) -j 1 -LE 'long|bench|browser'

test-asan: setup-test ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@test -f build-dev/build.ninja || cmake --preset dev
	@cmake --build --preset dev -j $(JOBS)
	@cd build-dev && $(CTEST) -LE 'long|bench|browser'

test-tsan: setup-test ## the threaded tests under ThreadSanitizer
	@test -f build-tsan/build.ninja || cmake --preset tsan
	@cmake --build --preset tsan -j $(JOBS)
	@cd build-tsan && $(CTEST) -LE 'long|bench|browser' -L 'unit|fault'

setup-aarch64:
	@tools/setup.sh $(AARCH64_PACKAGES)
	@tools/sysroot.sh arm64 $(AARCH64_SYSROOT)
	@tools/fetch-onnxruntime.sh arm64

# Emulated tests are slow: the oracles take fewer instances. The tests of this machine run first where they have not yet.
test-aarch64: setup-aarch64 ## cross-build for 64-bit Arm, run the tests under qemu, compare with this machine's (docs/aarch64.md)
	@test -f build-aarch64/build.ninja || cmake --preset aarch64
	@cmake --build --preset aarch64 -j $(JOBS)
	@test -f build/tests.xml || $(MAKE) --no-print-directory test
	@rm -f build-aarch64/tests.xml
	@cd build-aarch64 && MAE_FEW=1 MAE_ORACLE_INSTANCES=$${MAE_ORACLE_INSTANCES:-40} \
	  $(CTEST) $(CTEST_LOG) -j $(JOBS) -LE 'long|bench|browser|lint' || true
	@tools/compare-tests.sh build build-aarch64 tests/aarch64-skips

test-valgrind: setup-test configure ## readers, nouns and each backend under valgrind's memcheck
	@tools/setup.sh $(VALGRIND_PACKAGES)
	@$(MAKE) --no-print-directory build
	@tools/valgrind.sh build

test-long: setup-test configure ## the long tests
	@$(MAKE) --no-print-directory build
	@cd build && ctest --output-on-failure -L long

test-browser: setup-test configure ## reports in a headless Chromium
	@tools/setup.sh $(BROWSER_PACKAGES)
	@$(MAKE) --no-print-directory build
	@cd build && $(CTEST) -L browser

support: setup-test configure ## write docs/backends/support.md: what each PE here supports
	@$(MAKE) --no-print-directory build
	@MAE_SUPPORT_FILE=$(CURDIR)/docs/backends/support.md MAE_SOURCE_DIR=$(CURDIR) MAE_BACKEND_PATH=$(CURDIR)/build/backends \
	  build/tests/conformance_test_onnx

deb: setup ## Debian packages, in build-deb/
	@tools/setup.sh $(DEB_PACKAGES)
	@tools/deb.sh

test-package: deb ## the packages in a clean minimal system: install, use, build against, remove (as root)
	@tools/setup.sh debootstrap=debootstrap
	@tools/deb-test.sh

lint: setup-test ## cppcheck and clang-tidy
	@tools/setup.sh $(LINT_PACKAGES)
	@$(MAKE) --no-print-directory build
	@tools/lint.sh build

coverage: setup-test ## lines that the tests reach, folder by folder, in build-coverage/
	@tools/coverage.sh

fuzz: ## every fuzz target for SECONDS=n (60), from its corpus
	@tools/setup.sh $(BUILD_PACKAGES) $(FUZZ_PACKAGES)
	@tools/fetch-onnxruntime.sh
	@test -f build-fuzz/build.ninja || cmake --preset fuzz
	@cmake --build --preset fuzz -j $(JOBS)
	@FUZZ_SECONDS=$(or $(SECONDS),$(FUZZ_SECONDS),60) tools/fuzz.sh build-fuzz

fuzz-afl: ## the same targets under AFL++
	@tools/setup.sh $(BUILD_PACKAGES) $(FUZZ_PACKAGES) $(AFL_PACKAGES)
	@tools/fetch-onnxruntime.sh
	@test -f build-fuzz-afl/build.ninja || cmake --preset fuzz-afl
	@AFL_QUIET=1 cmake --build --preset fuzz-afl -j $(JOBS)
	@FUZZ_SECONDS=$(or $(SECONDS),$(FUZZ_SECONDS),60) tools/fuzz-afl.sh build-fuzz-afl

bench: setup-test ## the benchmarks: ratios measured turn by turn
	@$(MAKE) --no-print-directory build
	@tools/bench.sh

bench-direct: setup-test ## what mae adds to each engine's layers, beside the engine called directly
	@$(MAKE) --no-print-directory build
	@tools/bench-direct.sh

clean: ## remove what was built (not what was fetched)
	rm -rf build build-dev build-tsan build-fuzz build-fuzz-afl build-deb build-coverage build-aarch64

.PHONY: all help setup setup-test setup-aarch64 test-aarch64 check-setup configure build demo test test-asan test-tsan test-long test-browser support test-package deb lint coverage fuzz fuzz-afl bench clean test-valgrind bench-direct
