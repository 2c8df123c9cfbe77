# One command for each chore. `make demo` and `make test` set up what they need.
#
# PYTHON   the interpreter the virtual environment is made with (default: the first that is new enough)
# VENV     where the virtual environment lies (default: .venv)

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell sh tools/find-python)
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PYTEST_ARGS ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help demo test lint format unit pythons docs pictures bench judge clean

help:
	@echo "make demo     set up, reassemble sample_pcaps/mem.pcap, print its flows, export files to demo-out/"
	@echo "make test     set up, then linters, types, import order, all tests and the documentation;"
	@echo "              tests without browser and documentation on every other Python >= 3.11 that is here"
	@echo "make lint     ruff, mypy, import-linter"
	@echo "make pythons  the tests on every other Python only"
	@echo "make format   let ruff format the code"
	@echo "make docs     build the documentation into docs/_build/html; its examples run, warnings are errors"
	@echo "make pictures take the pictures of the documentation anew (needs Chromium)"
	@echo "make bench    measure against tcpflow and others, side by side"
	@echo "make judge CAPTURES=dir ORACLES=dir   compare with independent oracles, print every class of difference"
	@echo "make compare CAPTURES=dir   run tcpflow and this on every capture, print every class of difference"
	@echo "make clean    remove what the other targets made, but for the virtual environment"

$(BIN)/python:
	@sh tools/make-venv "$(PYTHON)" "$(VENV)"

# The stamps make a second run cheap; a change of the dependencies sets up again.
$(VENV)/.stamp-run: pyproject.toml | $(BIN)/python
	@echo "installing tcpflow-scapy and what it needs into $(VENV) ..."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml | $(BIN)/python
	@echo "installing tcpflow-scapy and the tools of its developers into $(VENV) ..."
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.stamp-run

demo: $(VENV)/.stamp-run
	$(BIN)/tcpflow-scapy -r sample_pcaps/mem.pcap --table -o demo-out
	@echo "the files are in demo-out/; try: $(BIN)/tcpflow-scapy -r sample_pcaps/mem.pcap --shell"

# Tests first: they run the notebooks, and the documentation shows what came out.
test: lint unit pythons
	$(MAKE) docs

unit: $(VENV)/.stamp-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

pythons: $(VENV)/.stamp-dev
	$(BIN)/python tools/pythons.py $(PYTEST_ARGS)

docs: $(VENV)/.stamp-dev
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q docs docs/_build/html

pictures: $(VENV)/.stamp-dev
	$(BIN)/python docs/pictures/make.py

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.stamp-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.stamp-dev
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

judge: $(VENV)/.stamp-dev
	@test -n "$(CAPTURES)" -a -n "$(ORACLES)" || \
	{ echo "usage: make judge CAPTURES=dir ORACLES=dir [ZEEK=dir of conn.log files] [HTTP=1]"; exit 2; }
	$(BIN)/python -m tests.peers.judge "$(CAPTURES)" "$(ORACLES)" $(if $(ZEEK),--zeek "$(ZEEK)") $(if $(HTTP),--http)

compare: $(VENV)/.stamp-dev
	@test -n "$(CAPTURES)" || { echo "usage: make compare CAPTURES=dir [ORACLES=dir]"; exit 2; }
	$(BIN)/python -m tests.peers.side_by_side "$(CAPTURES)" $(if $(ORACLES),"$(ORACLES)")

clean:
	rm -rf demo-out build dist docs/_build docs/reference/generated docs/stories/*.ipynb docs/results.md .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
