# The front door. meson.build is the build itself; scripts/variant has its variants.
# BUILD=folder builds elsewhere than in build/.

BUILD ?= build
PREFIX ?= /usr/local
CLANG_FORMAT ?= clang-format-14

SOURCES = git ls-files --cached --others --exclude-standard -- '*.c' '*.h'

.PHONY: all test demo install clean help windows
.PHONY: coverage sanitize valgrind bench chaos format check-format

all:
	@scripts/setup --check
	@scripts/variant --build-only plain $(BUILD)

test:
	@scripts/setup
	@scripts/variant plain $(BUILD)
	@scripts/count-tests $(BUILD)/meson-logs

demo:
	@scripts/setup
	@scripts/variant --build-only plain $(BUILD)
	@examples/demo/demo.sh $(BUILD)

install: all
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@scripts/quietly "Building $(BUILD)" meson compile -C $(BUILD)
	@meson install -C $(BUILD) --no-rebuild
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || PATH=$$PATH:/sbin:/usr/sbin ldconfig || \
	    echo "ldconfig has failed: until it has run, programs may not find the library" >&2

clean:
	@rm -rf $(BUILD) build-*

windows:
	@scripts/setup windows
	@scripts/fetch-subprojects
	@scripts/variant windows
	@scripts/variant windows32
	@scripts/count-tests $$(find build-windows build-windows32 -path '*/meson-logs/testlog.junit.xml' -printf '%h\n')

coverage:
	@scripts/setup coverage
	@scripts/variant coverage

sanitize:
	@scripts/setup
	@scripts/variant sanitize
	@scripts/variant threads

valgrind:
	@scripts/setup valgrind
	@scripts/variant valgrind

# FIGURES="cycles-64 open" takes only these; build-bench/bench.json has each round's figures too.
bench:
	@scripts/setup
	@RDV_MESON_ARGS=-Doptimization=s scripts/variant --build-only release build-bench
	@BENCH=$(CURDIR)/build-bench/test/bench RDVTASK=$(CURDIR)/build-bench/cli/rdvtask \
	    RDVTASK_LIBRARY=$(CURDIR)/build-bench/lib/librdvtask.so /usr/bin/python3 test/bench/bench.py \
	    --json build-bench/bench.json --plot build-bench/growth.svg $(FIGURES)

chaos: all
	@RDVTASK=$(CURDIR)/$(BUILD)/cli/rdvtask /usr/bin/python3 test/chaos/kill9.py
	@RDVTASK=$(CURDIR)/$(BUILD)/cli/rdvtask /usr/bin/python3 test/chaos/readers.py

format:
	@files=$$($(SOURCES)) && echo "$$files" | xargs -r $(CLANG_FORMAT) -i

check-format:
	@files=$$($(SOURCES)) && echo "$$files" | xargs -r $(CLANG_FORMAT) --dry-run --Werror

help:
	@echo "make              build into $(BUILD)/"
	@echo "make demo         set up, build, and run a schedule of real commands"
	@echo "make test         set up, build, and run all tests"
	@echo "make install      build and install into PREFIX ($(PREFIX)); DESTDIR counts"
	@echo "make clean        remove what was built"
	@echo
	@echo "make windows      set up, build for Windows, 64 and 32 bits, and run the tests under Wine"
	@echo "make coverage     how much of lib/ the tests reach; fails under 90 %"
	@echo "make sanitize     the tests under the address, undefined-behaviour and thread sanitizers"
	@echo "make valgrind     the unit tests under Valgrind"
	@echo "make bench        figures beside beanstalkd, qemu-ga and at, where these are installed"
	@echo "make chaos        long campaigns: kill -9 at random moments; readers that ask much"
	@echo "make format       lay out all C files; make check-format only looks"
