# libfluvio: build, demo, tests.
#
#   make         build/lib/libfluvio.so and build/bin/fluvio-devcluster
#   make demo    the main job on real input: Python writes, Node reads, C checks. FLUVIO_ENDPOINT=host:port uses that cluster, TLS=1 encrypts
#   make test    everything: format, vet, lint, Go with the race detector, fuzz smoke, C, Python, Node, official clients, README
#   make bench   measures everything beside the official clients: one report with plots in build/bench/report, ten minutes. QUICK=1: three
#   make bench-observe   what hooks and statistics cost a producer, a minute; leave the machine alone meanwhile
#   make test-platforms  the library for arm64 and for Windows, in qemu and wine
#   make fuzz-c  calls the functions of fluvio.h in every way that libFuzzer comes upon, FUZZTIME=10m
#   make test-valgrind, make test-crowd   every C test under valgrind; 64 threads for a minute on shared handles
#   make test-slow   a million records, RECORDS=N, through a slow asyncio handler that is cancelled again and again: memory, positions
#   make bench-produce   measures producers beside the official clients, about three minutes (tests/bench/README.md)
#   make bench-consume   the same of consumers
#   make bench-cost      what the C API costs beside the Go API, per record, in batches of 100 and a call for each; a minute
#   make install PREFIX=/usr/local DESTDIR=   library (shared, static), headers, pkg-config, CMake, fluvio-devcluster; make uninstall
#   make dist    wheels, npm packages and C archives for linux on amd64 and arm64 and for Windows, in build/dist, with licences, SBOMs and checksums
#   make check-reproducible   packs twice, in two places, and compares
#   make soak    every fault of the matrix with 50 seeds, then SECONDS=600 of faults one after the other, and a server that stops reading for a minute
#   make docs    writes the pages in docs that are made of the code: settings and errors
#   make docs-python, make docs-node   the references of the bindings, in build/docs/python and build/docs/node
#   make docs-c  a manual page made of fluvio.h: man -l build/docs/libfluvio.3
#   make audit   asks the databases of known vulnerabilities about the dependencies, where they can be reached
#   make clean   removes build/ and the Node packages

SHELL := /bin/bash
comma := ,
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all

ROOT := $(CURDIR)
BUILD := build
LIB := $(BUILD)/lib/libfluvio.so
DEVCLUSTER := $(BUILD)/bin/fluvio-devcluster
VENV := $(BUILD)/venv
OLD_VENV := $(BUILD)/venv-old
PYTHON := python3
# Counted: when go's own time for fuzzing is over, it now and then takes that for a failure. FUZZTIME=10m searches longer.
FUZZTIME ?= 5000x
CYCLONEDX := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1767225600)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ifeq ($(origin CC),default) # make's own is cc, and ?= would leave it
CC := gcc
endif
export CGO_ENABLED := 1
# A checkout of another user's, as containers have them, is none that git tells anything about; without this go would not build it.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

# Downloads that fail are tried again; suites may take long on a busy machine, and nothing in them waits for ever.
PIP = -m pip --disable-pip-version-check --retries 10 install --quiet
export CARGO_NET_RETRY ?= 10
export npm_config_fetch_retries ?= 10
export npm_config_update_notifier ?= false
GO_TEST := go test -timeout 30m
# Runs Go tests; when some fail, says again in the end what did, which may stand far above.
go_tests = mkdir -p $(BUILD) && { $(1) 2>&1 | tee $(BUILD)/go-test.log || { echo "== what failed" >&2; grep -A12 -E -e '--- FAIL|^panic:|DATA RACE|^goleak:' $(BUILD)/go-test.log | grep -v level= | cut -c1-300 | head -30 >&2 || true; exit 1; }; }
# Dev clusters are never behind a proxy.
export NO_PROXY := $(if $(NO_PROXY),$(NO_PROXY)$(comma))127.0.0.1,localhost
export no_proxy := $(if $(no_proxy),$(no_proxy)$(comma))127.0.0.1,localhost

# Where make install puts things; LIBDIR and INCLUDEDIR lie below PREFIX.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
VERSION = $(shell sed -n 's/^.define FLUVIO_VERSION_HEX 0x\(..\)\(..\)\(..\)$$/0x\1 0x\2 0x\3/p' include/fluvio.h | xargs printf '%d.%d.%d')

# Packages that work once for each connection or setting. Compiled without inlining they make the library 340 KB smaller; nothing of
# what happens per record or batch is in here.
COLD := crypto/tls crypto/x509 crypto/x509/pkix encoding/asn1 encoding/pem math/big vendor/golang.org/x/crypto/cryptobyte crypto/rsa \
  crypto/ecdsa crypto/hpke crypto/ecdh crypto/ed25519 crypto/elliptic crypto/internal/fips140/rsa crypto/internal/fips140/ecdsa \
  crypto/internal/fips140/mlkem crypto/internal/fips140/nistec crypto/internal/fips140/edwards25519 crypto/internal/fips140/drbg \
  encoding/json github.com/BurntSushi/toml go.yaml.in/yaml/v3 regexp regexp/syntax fmt reflect log/slog net net/netip os time strconv \
  net/url io/fs sort log internal/fmtsort internal/reflectlite internal/runtime/cgroup vendor/golang.org/x/net/dns/dnsmessage \
  github.com/sony/gobreaker/v2 github.com/libfluvio/libfluvio/core/internal/cluster github.com/libfluvio/libfluvio/core/fluvioerr
COLD_FLAGS := $(COLD:%=-gcflags=%=-l)
# Functions at every 16 bytes rather than 32: 90 KB less. Go 1.25 has no flag for that.
FUNCALIGN = $(shell go tool link -h 2>&1 | grep -q funcalign && echo -funcalign=16)
# Relocations packed by the linker: 0.9 MB less. It takes a C library that knows them (glibc 2.36), here and wherever the library is
# to run, so this is for what is built to be used here: packages, for glibc 2.17, go without. PACKED= builds without, too.
PACKED = $(shell mkdir -p $(BUILD) && echo 'int a, *b = &a; int main(void) { return *b; }' | $(CC) -x c -fPIE -pie -Wl,--fatal-warnings -Wl,-z,pack-relative-relocs \
  -o $(BUILD)/packed - 2>/dev/null && $(BUILD)/packed 2>/dev/null && echo -Wl,-z,pack-relative-relocs; rm -f $(BUILD)/packed)
LDFLAGS = -s -w $(FUNCALIGN) -extldflags '-Wl,-soname,libfluvio.so.1 -Wl,--version-script=$(ROOT)/capi/fluvio.map -Wl,-z,defs $(PACKED)'

.PHONY: all downloads lib static devcluster install uninstall dist check-reproducible version generate demo test check test-core test-vectors fuzz fuzz-c test-black-box test-valgrind test-crowd test-slow test-python test-interop test-node docs docs-python docs-node bench bench-produce bench-consume bench-observe soak clean need-build need-python need-node bench-cost test-platforms docs-c audit

# need,command,what it is for
define need
	@command -v $(1) >/dev/null 2>&1 || { echo "libfluvio: $(1) is not installed; it is needed $(2)" >&2; exit 1; }
endef

need-build:
	$(call need,go,to build the library (Go 1.25 or newer))
	$(call need,gcc,to build the library)

need-python:
	$(call need,$(PYTHON),for the Python binding (3.9 or newer))
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "libfluvio: $(PYTHON) lacks the module venv (Debian: python3-venv); it is needed for the Python tests" >&2; exit 1; }

need-node:
	$(call need,node,for the Node binding (18 or newer))
	$(call need,npm,for the Node binding)

# ------------------------------------------------------------------- build

all: lib devcluster

# The go command knows by itself what is up to date.
lib: need-build
	@[ -e $(LIB) ] || echo "building libfluvio.so (some minutes the first time)"
	@GOFLAGS="$(GOFLAGS) $(COLD_FLAGS)" go build -trimpath -buildmode=c-shared -ldflags "$(LDFLAGS)" -o $(LIB) ./capi
	@rm -f $(BUILD)/lib/libfluvio.h && ln -sf libfluvio.so $(BUILD)/lib/libfluvio.so.1

# One object whose only global names are the API's, so that it can be linked beside anything. Needs GNU binutils.
static: need-build
	@mkdir -p $(BUILD)/static
	@GOFLAGS="$(GOFLAGS) $(COLD_FLAGS)" go build -trimpath -buildmode=c-archive -ldflags "-s -w $(FUNCALIGN)" -o $(BUILD)/static/all.a ./capi
	@cd $(BUILD)/static && ld -r -d -o fluvio.o --whole-archive all.a && objcopy --wildcard --keep-global-symbol='fluvio_*' fluvio.o
	@rm -f $(BUILD)/lib/libfluvio.a && ar rcs $(BUILD)/lib/libfluvio.a $(BUILD)/static/fluvio.o && rm -r $(BUILD)/static

devcluster: need-build
	@go build -trimpath -ldflags "-s -w" -o $(DEVCLUSTER) ./core/cmd/fluvio-devcluster

# ----------------------------------------------------------------- install

# The files of an installation, as make install puts them and make uninstall removes them.
INSTALLED = $(LIBDIR)/libfluvio.so.1 $(LIBDIR)/libfluvio.so $(LIBDIR)/libfluvio.a $(LIBDIR)/pkgconfig/libfluvio.pc \
  $(LIBDIR)/cmake/libfluvio/libfluvioConfig.cmake $(LIBDIR)/cmake/libfluvio/libfluvioConfigVersion.cmake \
  $(INCLUDEDIR)/fluvio.h $(INCLUDEDIR)/fluvio.hpp $(BINDIR)/fluvio-devcluster $(MANDIR)/man3/libfluvio.3

# input, output: fills a template; the paths in it are relative, so that the installation can be moved as a whole.
define fill
	@sed -e 's|@version@|$(VERSION)|' -e 's|@major@|$(firstword $(subst ., ,$(VERSION)))|' \
	  -e "s|@lib@|$$(realpath -ms --relative-to='$(PREFIX)' '$(LIBDIR)')|" -e "s|@include@|$$(realpath -ms --relative-to='$(PREFIX)' '$(INCLUDEDIR)')|" \
	  -e "s|@up@|$$(realpath -ms --relative-to='$(LIBDIR)/pkgconfig' '$(PREFIX)')|" capi/packaging/$(1) > '$(DESTDIR)$(2)'
	@chmod 644 '$(DESTDIR)$(2)'
endef

install: all static docs-c
	@install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(LIBDIR)/cmake/libfluvio' '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man3'
	@install -m 755 $(LIB) '$(DESTDIR)$(LIBDIR)/libfluvio.so.1'
	@ln -sf libfluvio.so.1 '$(DESTDIR)$(LIBDIR)/libfluvio.so'
	@install -m 644 $(BUILD)/lib/libfluvio.a '$(DESTDIR)$(LIBDIR)/libfluvio.a'
	@install -m 644 include/fluvio.h include/fluvio.hpp '$(DESTDIR)$(INCLUDEDIR)'
	@install -m 755 $(DEVCLUSTER) '$(DESTDIR)$(BINDIR)/fluvio-devcluster'
	@install -m 644 $(BUILD)/docs/libfluvio.3 '$(DESTDIR)$(MANDIR)/man3/libfluvio.3'
	$(call fill,libfluvio.pc.in,$(LIBDIR)/pkgconfig/libfluvio.pc)
	$(call fill,libfluvioConfig.cmake.in,$(LIBDIR)/cmake/libfluvio/libfluvioConfig.cmake)
	$(call fill,libfluvioConfigVersion.cmake.in,$(LIBDIR)/cmake/libfluvio/libfluvioConfigVersion.cmake)
	@echo "libfluvio $(VERSION) is in $(DESTDIR)$(PREFIX)$(if $(DESTDIR),,; run ldconfig if the loader does not look there by itself)"

uninstall:
	@rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(file)')
	@rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(LIBDIR)/cmake/libfluvio' 2>/dev/null || true

# -------------------------------------------------------------- packages

DIST_ARCHS ?= amd64 arm64 windows-amd64
DIST_VENV ?= $(BUILD)/venv-dist
$(DIST_VENV)/.done: capi/packaging/requirements.txt
	@echo "preparing the Python environment of the packages"
	@$(PYTHON) -m venv $(DIST_VENV)
	@$(DIST_VENV)/bin/python $(PIP) -r capi/packaging/requirements.txt
	@touch $@

dist: need-build need-python need-node $(DIST_VENV)/.done
	@rm -rf $(BUILD)/dist && mkdir -p $(BUILD)/dist
	@for arch in $(DIST_ARCHS); do COLD_FLAGS="$(COLD_FLAGS)" FUNCALIGN=$(FUNCALIGN) capi/packaging/cross.sh $(abspath $(DIST_VENV))/bin/python $$arch $(BUILD)/cross/$$arch; done
	@$(DIST_VENV)/bin/python capi/packaging/pack.py --version $(VERSION) --out $(BUILD)/dist $(foreach arch,$(DIST_ARCHS),$(BUILD)/cross/$(arch))
	@for arch in $(DIST_ARCHS); do case $$arch in \
	  windows-*) files="fluvio.dll fluvio-devcluster.exe" system=windows platform=$$arch ;; \
	  *) files="libfluvio.so fluvio-devcluster" system=linux platform=linux-$$arch ;; esac; for file in $$files; do \
	  sbom=$(BUILD)/dist/$$file-$(VERSION)-$$platform.cdx.json; \
	  go run $(CYCLONEDX) bin -json -std -noserial -notimestamp -version v$(VERSION) -output $$sbom $(BUILD)/cross/$$arch/$$file; \
	  $(DIST_VENV)/bin/python capi/packaging/sbom.py go $$system $$sbom; done; done
	@$(DIST_VENV)/bin/python capi/packaging/sbom.py npm $(BUILD)/dist/libfluvio-npm-$(VERSION).cdx.json
	@cd $(BUILD)/dist && sha256sum * > SHA256SUMS && cat SHA256SUMS

# The same sources, in another place and from nothing, give the same packages.
check-reproducible: need-build need-python need-node $(DIST_VENV)/.done
	@capi/packaging/reproduce.sh $(BUILD)/reproduce $(abspath $(DIST_VENV))

version:
	@echo $(VERSION)

# Tables that C, Python and Node take from Go, and the page about errors.
generate: need-build
	go run ./core/internal/gen

# The pages that are made of the code; tests hold them against it.
docs: generate
	@UPDATE_DOCS=1 $(GO_TEST) -count=1 -run TestSettingsPage ./core

$(BUILD)/bin/%: tests/examples/c/%.c include/fluvio.h | lib
	@mkdir -p $(@D)
	@$(CC) -std=c99 -Wall -Wextra -Werror -pedantic -O2 -Iinclude $< -o $@ -L$(BUILD)/lib -lfluvio -Wl,-rpath,'$$ORIGIN/../lib'

# Python packages for the tests; the binding itself needs none.
$(VENV)/.done: tests/python/requirements.txt
	@echo "preparing the Python environment of the tests"
	@$(PYTHON) -m venv $(VENV)
	@grep -v '^fluvio==' tests/python/requirements.txt > $(VENV)/requirements.txt
	@$(VENV)/bin/python $(PIP) -r $(VENV)/requirements.txt
	@grep '^fluvio==' tests/python/requirements.txt | $(VENV)/bin/python $(PIP) -r /dev/stdin \
	  || echo "the official Python client has no package for this machine: its tests will skip"
	@touch $@

# The official Python client of the platforms before 0.11.12, which the newer one cannot connect to.
$(OLD_VENV)/.done:
	@$(PYTHON) -m venv $(OLD_VENV)
	@$(OLD_VENV)/bin/python $(PIP) fluvio==0.16.1 \
	  || echo "the official Python client 0.16.1 has no package for this machine: its tests will skip"
	@touch $@

# koffi for the Node binding, TypeScript for its tests.
NODE_DONE := bindings/node/node_modules/.done
$(NODE_DONE): bindings/node/package.json bindings/node/package-lock.json
	@echo "installing the Node packages"
	@cd bindings/node && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# -------------------------------------------------------------------- demo

demo: need-python need-node all $(BUILD)/bin/check_lines $(NODE_DONE)
	@$(PYTHON) tests/demo/demo.py

# ------------------------------------------------------------------- tests

# What the pool needs is made before it, so that what takes longest begins first.
test: downloads all check test-core need-python need-node $(VENV)/.done $(OLD_VENV)/.done $(NODE_DONE) $(BUILD)/bin/check_lines
	@$(MAKE) --no-print-directory -j 2 --output-sync=target test-black-box test-vectors fuzz test-interop test-python test-node # they wait more than they work

# Go modules and tools, before what needs them: where a module proxy fails now and then, go does not ask again. go mod tidy wants
# more modules than the build; what it would change is for check to say.
fetch = for try in 1 2 3 4 5; do { $(1); } && exit 0; echo "Go modules cannot be had (try $$try of 5)" >&2; sleep $$((try * 3)); done; exit 1
downloads: need-build
	@$(call fetch,go mod download && { diff=$$(go mod tidy -diff) || [ -n "$$diff" ]; } && go run $(STATICCHECK) -version > /dev/null)
	@cd core/otelhook && $(call fetch,go mod download && { diff=$$(go mod tidy -diff) || [ -n "$$diff" ]; })

check: downloads
	@echo "== format, generated files, vet, staticcheck"
	@unformatted=$$(gofmt -l capi core tests); [ -z "$$unformatted" ] || { echo "not formatted by gofmt: $$unformatted" >&2; exit 1; }
	@go run ./core/internal/gen -check
	@$(GO_TEST) -run TestSettingsPage ./core > /dev/null || { $(GO_TEST) -run TestSettingsPage ./core; exit 1; }
	@go mod tidy -diff && go vet ./...
	@go run $(STATICCHECK) ./...
	@cd core/otelhook && go mod tidy -diff && go vet ./... && go run $(STATICCHECK) ./...

test-core: need-build
	@echo "== Go, with the race detector"
	@$(call go_tests,$(GO_TEST) -race -shuffle=on -p 4 ./core/...) # they wait more than they work
	@echo "== OpenTelemetry, a module of its own"
	cd core/otelhook && $(GO_TEST) -race -shuffle=on ./...

test-vectors: need-build
	@echo "== Go, every bit of every vector"
	$(GO_TEST) -run 'Flipped|Prefix' ./core/internal/wire

# The library cannot be loaded with Go's race detector, so what loads it is tested as it is built.
test-black-box: all need-python $(BUILD)/bin/check_lines $(NODE_DONE)
	@echo "== C, imports, README"
	@$(call go_tests,$(GO_TEST) ./tests/... ./capi/...)

# Beside make test: every C test under valgrind, with a library built for that in build/valgrind. Ten minutes.
test-valgrind: need-build
	$(call need,g++,for the C++ test)
	$(call need,valgrind,to run the C tests under it)
	@rm -f $(BUILD)/valgrind/summary
	VALGRIND=1 $(GO_TEST) -count=1 -v -parallel 2 -run TestCValgrind ./tests
	@cat $(BUILD)/valgrind/summary

# Beside make test: 64 threads for a minute, plain and under AddressSanitizer. Five minutes.
test-crowd: all
	CROWD_SECONDS=60 $(GO_TEST) -count=1 -run '^TestC$$/-std=c99/crowd|^TestCSanitized$$/address/crowd' ./tests

# What make test does with 60,000 records, each of 1 kB, with a million; prints what it saw. A minute or more.
RECORDS ?= 1000000
test-slow: all need-python $(VENV)/.done
	LIBFLUVIO_RECORDS=$(RECORDS) $(VENV)/bin/python -m pytest -q -s tests/python/test_slow_consumer.py

# The C smoke test on platforms that are not this machine's, in emulators: linux on arm64 by qemu-user and Windows by wine, with
# whatever of these is there. Builds for both. WINDOWS_PYTHON, the path of a python.exe: the wheel for Windows in wine, too.
test-platforms: need-build need-python devcluster $(DIST_VENV)/.done
	@for arch in arm64 windows-amd64; do COLD_FLAGS="$(COLD_FLAGS)" FUNCALIGN=$(FUNCALIGN) capi/packaging/cross.sh $(ROOT)/$(DIST_VENV)/bin/python $$arch $(BUILD)/cross/$$arch; done
	PLATFORMS_PYTHON=$(ROOT)/$(DIST_VENV)/bin/python $(GO_TEST) -count=1 -v -run TestPlatforms ./tests

FUZZ := ./core/internal/wire:FuzzFrame ./core/internal/wire:FuzzBatch ./core/internal/wire:FuzzResponses ./core/internal/wire:FuzzRequests ./core/internal/compress:FuzzDecode ./core/internal/compress:FuzzSnappy ./core:FuzzSettings ./core:FuzzProfile ./core:FuzzTransforms ./core:FuzzOffsetFile ./core/devcluster:FuzzProduceRecordSet ./core/devcluster/internal/smartengine:FuzzGuarded
fuzz: need-build
	@echo "== fuzzing, $(FUZZTIME) each"
	@for target in $(FUZZ); do \
	  out=$$($(GO_TEST) $${target%%:*} -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(FUZZTIME) 2>&1) || { echo "$$out"; exit 1; }; \
	  tail -n 2 <<< "$$out"; done

# The functions of fluvio.h, called in every way that libFuzzer comes upon, for FUZZTIME. Needs clang; what it finds lies in build/fuzz.
fuzz-c: all
	@command -v clang > /dev/null || echo "clang is not installed: the C functions are not fuzzed"
	@FUZZ_C=$(FUZZTIME) go test -timeout 24h -count=1 -v -run '^TestFuzzC$$' ./tests

test-python: all need-python $(VENV)/.done
	@echo "== Python"
	$(VENV)/bin/python -m ruff check --config bindings/python/pyproject.toml bindings/python capi/packaging tests/python tests/interop tests/bench tests/demo tests/examples
	cd bindings/python && $(ROOT)/$(VENV)/bin/python -m mypy --strict libfluvio
	cd bindings/python && $(ROOT)/$(VENV)/bin/python -m pyright --pythonpath $(ROOT)/$(VENV)/bin/python libfluvio
	$(VENV)/bin/python -m pytest -q -rs tests/python

# Builds the official Rust client too, once, in build/interop-rust. INTEROP_REQUIRE=all makes missing clients failures.
test-interop: all need-python need-node $(VENV)/.done $(OLD_VENV)/.done $(NODE_DONE)
	@echo "== official clients, programs of the benchmarks"
	$(VENV)/bin/python -m pytest -q -rs tests/interop tests/bench

test-node: all need-node $(NODE_DONE)
	@echo "== Node"
	cd bindings/node && npm test --silent

# -------------------------------------------------------------- benchmarks

# FULL=1: every combination, about an hour. PROFILE=1: also where the CPU time goes. BENCHFLAGS: see run.py --help.
bench-produce bench-consume bench-cost: need-python need-node all $(VENV)/.done $(NODE_DONE)
	@$(VENV)/bin/python tests/bench/run.py $(@:bench-%=%) $(if $(FULL),--full) $(if $(PROFILE),--profile) $(BENCHFLAGS)

# QUICK=1: a few minutes instead of ten. BENCH_OUT: the folder of the report. BENCHFLAGS: pieces, see whole.py --help.
BENCH_OUT ?= $(BUILD)/bench/report
bench: need-python need-node all $(VENV)/.done $(NODE_DONE)
	@$(VENV)/bin/python tests/bench/whole.py $(if $(QUICK),--quick) --out $(BENCH_OUT) $(BENCHFLAGS)

bench-observe: need-build
	@$(GO_TEST) -run - -bench Observed -benchtime 1000x ./core

# SEEDS: runs of each row of the table of faults; 0: none.
SECONDS ?= 600
SEEDS ?= 50
soak: need-build
	@[ "$(SEEDS)" = 0 ] || MATRIX_SEEDS=$(SEEDS) go test -count=1 -v -timeout 2h -run 'TestMatrix$$' ./core/internal/matrix | grep -v -e '^=== ' -e '^ *--- PASS'
	@SOAK_SECONDS=$(SECONDS) go test -count=1 -v -timeout 24h -run 'TestSoak$$' ./core/internal/matrix | grep -v '^=== '
	@MEMORY_SECONDS=60 go test -count=1 -v -run TestMemoryWhileTheServerStopsReading ./core/internal/produce | grep -v '^=== '

# The C reference, a manual page made of fluvio.h.
docs-c: need-build
	@mkdir -p $(BUILD)/docs
	@go run ./capi/packaging/manpage include/fluvio.h > $(BUILD)/docs/libfluvio.3

# The Python reference, made of the docstrings, in build/docs/python.
docs-python: lib $(DIST_VENV)/.done
	@$(DIST_VENV)/bin/python $(PIP) pdoc
	@rm -rf $(BUILD)/docs/python
	@PYTHONPATH=bindings/python $(DIST_VENV)/bin/python -m pdoc --docformat google --no-show-source -o $(BUILD)/docs/python \
	  libfluvio libfluvio.aio libfluvio.typed libfluvio.aio.typed libfluvio.compat
	@echo "the reference is in $(BUILD)/docs/python"

# The Node reference, made of the types, in build/docs/node.
docs-node: need-node $(NODE_DONE)
	@rm -rf $(BUILD)/docs/node
	@cd bindings/node && node node_modules/typedoc/bin/typedoc --logLevel Warn
	@echo "the reference is in $(BUILD)/docs/node"

# What cannot be asked is skipped, with the reason.
audit: need-build need-python need-node $(VENV)/.done
	@tests/audit.sh

clean:
	rm -rf $(BUILD) bindings/node/node_modules tests/interop/rust/Cargo.lock
