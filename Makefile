# Twinboot. `make help` lists the targets; everything a target needs it makes first.
#
# For real servers: up, upgrade, down, join, leave, status, logs, build. They need Docker Engine, Compose and make.
# The lab, the demo and the tests need Python 3.11 or newer beside that.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
COMPOSE := docker compose -f compose/compose.yaml

.DEFAULT_GOAL := help
.PHONY: help venv build standin lab-images up upgrade down join leave status logs demo test e2e bench bench-faults bench-clients bench-random bench-storm bench-boot bench-trees bench-machines sim lint generated unit clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

# --- on a real server -----------------------------------------------------------------------------

up:  ## check this server, then start the stack (SERVER=name on the first run)
	@scripts/up $(SERVER)

upgrade:  ## this server to another version, the others serve meanwhile: VERSION=x.y.z
	@scripts/upgrade "$(VERSION)"

down:  ## hand over to the peers and stop the stack here (FORCE=1: also when nobody could serve then)
	@scripts/down $(if $(FORCE),--force)

join:  ## this server joins by an invitation: TOKEN=...; on a running server: scripts/twinboot invite
	@REPLACE="$(REPLACE)" scripts/join "$(TOKEN)"

leave:  ## this server leaves the site for good
	@scripts/leave

status:  ## who holds what, as this server sees it
	@scripts/twinboot status

logs:  ## this server's log, followed
	@test -f compose/.env && test -n "$$($(COMPOSE) ps --all --quiet)" || \
		{ echo "logs: nothing of Twinboot was started here: make up SERVER=name" >&2; exit 1; }
	@$(COMPOSE) logs --follow --tail 100

build: compose/.env  ## build the service images
	@echo "build: the service images"
	@$(COMPOSE) --profile takeover --profile power build --quiet

compose/.env:
	@sed 's/^TWINBOOT_SERVER=.*/TWINBOOT_SERVER=/' compose/.env.example > $@

# --- on a developer's machine ---------------------------------------------------------------------

venv: $(VENV)/.done  ## the Python environment of the lab and the tests

$(VENV)/.done: pyproject.toml
	@scripts/venv "$(PYTHON)" "$(VENV)"
	@touch $@

standin: venv  ## the installer stand-in and its install tree (about a minute the first time)
	@tests/standin/build.sh

lab-images: venv build  ## the images of the lab: server, client, virtual machine, network namespaces
	@scripts/lab build

demo: venv  ## machines install, one server dies, the installs end right: DISTRO=debian, or TREE=an ISO or tree of your own
	@$(PY) -m twinlab.demo $(if $(DISTRO),--distro "$(DISTRO)") $(if $(TREE),--tree "$(TREE)") \
		$(if $(NETBOOT),--netboot "$(NETBOOT)") $(if $(KERNEL),--kernel "$(KERNEL)") \
		$(foreach one,$(INITRD),--initrd "$(one)") $(if $(FIRMWARE),--firmware "$(FIRMWARE)")

lint: venv  ## ruff, mypy, shellcheck, hadolint
	@scripts/lint

# what a program writes and git keeps: each of these tests compares, or writes
GENERATED := tests/unit/house/test_docs.py tests/unit/site/test_schema.py tests/render/test_golden.py \
	tests/render/test_golden_answers.py tests/sim/cluster/test_golden.py tests/sim/takeover/test_golden.py

generated: venv  ## tables, schema and golden files, written anew; read the difference
	@UPDATE_GOLDEN=1 $(PY) -m pytest -q $(GENERATED)

unit: venv  ## unit tests and simulation: a few minutes, no Docker
	@$(PY) -m pytest -q tests/unit tests/sim

test: venv  ## lint, unit, simulation, rendering, images, lab
	@STEPS="$(STEPS)" PYTEST="$(PYTEST)" scripts/test

e2e: venv  ## whole installs in virtual machines, and the long tests of all other parts
	@$(PY) -m pytest $(PYTEST) tests/e2e
	@$(PY) -m pytest -m long $(PYTEST) tests/lab tests/netns tests/image tests/render tests/sim/cluster/test_applying.py

sim: venv  ## long simulation: STEPS=histories SEED=n HOURS=in rough weather
	@SIM_STEPS=$(or $(STEPS),5000) SIM_SEED=$(or $(SEED),2008) SIM_HOURS=$(or $(HOURS),2) \
		$(PY) -m pytest -q -s tests/sim/cluster/test_histories.py tests/sim/cluster/test_weather.py tests/sim/cluster/test_growth.py \
		tests/sim/takeover/test_histories.py tests/sim/machines/test_lives.py tests/sim/webhooks

bench: venv  ## timings of this machine: medians, beside keepalived in the same run: ADVERTS="0.1 0.2"
	@BENCH_ADVERTS="$(ADVERTS)" \
		$(PY) -m pytest -s $(PYTEST) tests/bench/test_moves.py tests/bench/test_steady.py

bench-faults: venv  ## the fault matrix with figures, beside keepalived: RUNS=n ROWS="power off;LAN cable"
	@BENCH_RUNS=$(RUNS) BENCH_ROWS="$(ROWS)" $(PY) -m pytest -s -q $(PYTEST) tests/bench/test_faults.py

bench-clients: venv  ## what each client program sees of each fault: RUNS=n PROGRAMS="curl dnf" FAULTS="planned move" MODES="on off"
	@BENCH_RUNS=$(RUNS) BENCH_PROGRAMS="$(PROGRAMS)" BENCH_FAULTS="$(FAULTS)" BENCH_MODES="$(MODES)" \
		$(PY) -m pytest -s -q $(PYTEST) tests/bench/test_clients.py

bench-random: venv  ## power-offs at random moments, real programs at work: ROUNDS=n SEED=n PROGRAMS="curl dnf" RATE=20mbit COPIES=n
	@BENCH_ROUNDS=$(ROUNDS) BENCH_SEED=$(SEED) BENCH_PROGRAMS="$(PROGRAMS)" BENCH_RATE=$(RATE) BENCH_COPIES=$(COPIES) \
		$(PY) -m pytest -s -q $(PYTEST) tests/bench/test_random.py

bench-storm: venv  ## 200 machines install at once, one server dies: MACHINES=n MBIT=width of each server's link; or MODES="parity dns load" AT_ONCE=n
	@BENCH_MACHINES=$(MACHINES) BENCH_MBIT=$(MBIT) BENCH_MODES="$(MODES)" BENCH_AT_ONCE=$(AT_ONCE) BENCH_SEED=$(SEED) $(PY) -m pytest -s -q $(PYTEST) tests/bench/test_storm.py

bench-boot: venv  ## from power-on to kernel, each firmware and boot loader: RUNS=n LOADERS="PXELINUX;snponly"
	@BENCH_RUNS=$(RUNS) BENCH_LOADERS="$(LOADERS)" $(PY) -m pytest -s -q $(PYTEST) tests/bench/test_boot.py

bench-machines: venv  ## thousands of machines known, many reporting: sidecar, memory, page: HOSTS=n MACHINES=n SECONDS=n
	@BENCH_HOSTS=$(HOSTS) BENCH_MACHINES=$(MACHINES) BENCH_SECONDS=$(SECONDS) $(PY) -m pytest -s -q $(PYTEST) tests/bench/test_machines.py

bench-trees: venv build lab-images  ## 10,000 hosts of all kinds rendered; an ISO of 2 GB imported, and fetched: RUNS=n HOSTS=n GB=n
	@BENCH_RUNS=$(RUNS) BENCH_HOSTS=$(HOSTS) BENCH_GB=$(GB) $(PY) -m pytest -s -q $(PYTEST) \
		tests/bench/test_trees.py tests/bench/test_tree_sync.py

clean:  ## remove what was built here: labs and their images, files (not the engine's build cache)
	@scripts/clean
	@rm -rf build $(VENV)
