# make book      build the book into _build/html (first call: makes .venv and installs everything)
# make test      lint, types, the book, and all tests: units, notebooks, pages in a browser
# make help      everything else

PYTHON ?= python3
VENV ?= .venv
# smoke: seconds per notebook; laptop: minutes.  Stored results of larger tiers are shown anyway.
TIER ?= smoke
EDITION ?= student
WORKERS ?= 2
URL ?=
REF ?=
NAME ?=
TITLE ?=

# Spinning threads on shared cores are up to a hundred times slower than one thread.
OMP_NUM_THREADS ?= 1
OMP_WAIT_POLICY ?= PASSIVE
PYTHONHASHSEED ?= 0
IBCORE_TIER = $(TIER)
IBCORE_EDITION = $(EDITION)
export OMP_NUM_THREADS OMP_WAIT_POLICY PYTHONHASHSEED IBCORE_TIER IBCORE_EDITION

BIN = $(VENV)/bin
PYTEST = $(BIN)/python -m pytest
PIP = $(BIN)/python -m pip install --disable-pip-version-check --quiet
# Set CONSTRAINTS= (empty) to try the newest versions.
CONSTRAINTS ?= -c constraints.txt
# An index that has torch alone, as https://download.pytorch.org/whl/cpu: torch comes from there and
# nothing else does.  A second index for everything could offer a package of any name.
TORCH_INDEX ?=
TORCH = $(if $(TORCH_INDEX),$(PIP) $(CONSTRAINTS) --index-url $(TORCH_INDEX) --no-deps torch)
# The files of these versions, as they were when they were tested; any other stops the installation.
HASHED = $(if $(CONSTRAINTS),$(PIP) --require-hashes --no-deps -r .ci/hashes/book.txt)
NEWEST = $(if $(CONSTRAINTS),(3, 13),(3, 99))
JUPYTER_BOOK = $(BIN)/jupyter-book build . --toc book/_toc.yml -W -n --keep-going

.PHONY: hashes help book test units pages check numbers lint notebooks bench growth recheck frames oldest processors links walk chapter repository pin slides zip pdf edition clean-pages clean distclean

help:
	@echo 'make book                 build the book; open _build/html/index.html'
	@echo 'make book TIER=laptop     the same, notebooks run for minutes instead of seconds'
	@echo 'make book EDITION=instructor    with the instructor notes'
	@echo 'make book EDITION=solutions     with every exercise solved and every solution open'
	@echo 'make test                 lint, types, book, unit, notebook and browser tests'
	@echo 'make check                what the files changed since the last commit can touch, a minute'
	@echo 'make units                lint, types and the tests that need no page'
	@echo 'make pages                book, and the tests of its pages and explorers in a browser'
	@echo 'make numbers              write the ledger'"'"'s numbers into pages and notebooks'
	@echo 'make lint                 ruff, mypy, the floors of imports and the size of the house'
	@echo 'make notebooks            run every notebook in one process, smoke tier'
	@echo 'make bench                benchmarks against peers'
	@echo 'make growth               how time and memory grow with the size of a problem'
	@echo 'make recheck              compute one cell of each stored result again, and compare (an hour)'
	@echo 'make oldest               test the package with the oldest releases it allows (needs uv)'
	@echo 'make processors           test all but the pages on three instruction sets'
	@echo 'make links                check every link that leads out of the book (needs a network)'
	@echo 'make chapter NAME=memory/new TITLE="..."    begin a chapter that has all its parts'
	@echo 'make slides               print the slides of every chapter to _build/html/slides/*.pdf'
	@echo 'make zip                  the whole site in one file, for reading without a network'
	@echo 'make pdf                  the whole book as one PDF (minutes)'
	@echo 'make edition NAME=2026.1  check and build all that an edition consists of'
	@echo 'make pin REF=...          lead launch links to a tag of the repository, or back to main'
	@echo 'make frames               store the frames of the demonstrations again (after make book)'
	@echo 'make walk                 watch the path of a first-time reader in a browser window'
	@echo 'make hashes               write the checksums of what constraints.txt names (needs uv)'
	@echo 'make repository URL=...   set the address of the repository everywhere'
	@echo 'make clean-pages          remove the built pages, keep executed notebooks'
	@echo 'make clean                remove all that was built'
	@echo 'make distclean            remove the virtual environment too'
	@echo 'TORCH_INDEX=URL           take torch from an index of its own, as the CPU build'
	@echo 'PYTHON=python3.12         choose the interpreter (3.11 to 3.13)'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= $(NEWEST))' || { \
	  echo 'error: $(PYTHON) is missing or not Python 3.11 to 3.13, for which constraints.txt is.' >&2; \
	  echo 'Try: make PYTHON=python3.12, or, with a newer one: make CONSTRAINTS=' >&2; exit 1; }
	@new=$$(test -e $(VENV) || echo $(VENV)); echo '$(PYTHON) -m venv $(VENV)'; \
	$(PYTHON) -m venv $(VENV) || { rm -rf $$new $@; echo \
	  'error: no virtual environment; on Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }

NEEDED = requirements.txt constraints.txt pyproject.toml $(wildcard .ci/hashes/*.txt)
$(VENV)/.book: $(BIN)/python $(NEEDED)
	$(HASHED)
	$(TORCH)
	$(PIP) $(CONSTRAINTS) -r requirements.txt
	@touch $@

# In one go with what the book needs: versions are chosen once.
$(VENV)/.test: $(BIN)/python $(NEEDED)
	$(if $(HASHED),$(HASHED) -r .ci/hashes/test.txt)
	$(TORCH)
	$(PIP) $(CONSTRAINTS) -r requirements.txt -e '.[test]'
	@touch $(VENV)/.book $@

# A failed build must fail again: Sphinx repeats no warning for a page that it has already read.
# It leaves no site that looks whole.
book: $(VENV)/.book
	@$(BIN)/python book/_ext/freshness.py || $(JUPYTER_BOOK) || { rm -rf _build/.doctrees _build/failed; \
	  mv _build/html _build/failed 2>/dev/null && \
	  echo 'error: the book is not whole; what there is of it is now in _build/failed' >&2; exit 1; }

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python .ci/code_lines.py
	$(BIN)/mypy

# What needs no pages runs on one core while the other builds them.
test: $(VENV)/.test
	$(MAKE) -j2 units pages

# Sixty processes would compile the package again, and the tests, each for itself.
unexport PYTHONDONTWRITEBYTECODE

# What files can hold, so that the others need not be read.  torch takes a simulated second device
# at the start of a process or never.
GPU_TESTS = $(shell grep -l 'mark.gpu' -r tests --include='test_*.py')
PAGE_TESTS = $(shell grep -lE 'mark.(book|browser)' -r tests --include='test_*.py')
units: lint
	$(PYTEST) -m 'not book and not browser and not gpu'
	$(PYTEST) -m gpu $(GPU_TESTS)

pages: book $(VENV)/.test
	IBCORE_REQUIRE_BOOK=1 $(PYTEST) -m 'book or browser' $(PAGE_TESTS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python book/tools/check_changes.py

numbers: $(VENV)/.book
	$(BIN)/python book/tools/update_numbers.py

notebooks: $(VENV)/.test
	$(PYTEST) tests/book/test_notebooks_run.py --slow --durations=0

$(VENV)/.bench: $(VENV)/.book
	$(PIP) $(CONSTRAINTS) -e '.[bench]'
	@touch $@

bench: $(VENV)/.bench
	$(BIN)/python benchmarks/run.py

growth: $(VENV)/.bench
	$(BIN)/python benchmarks/growth.py

recheck: $(VENV)/.test
	$(BIN)/python book/tools/recheck.py $(NAME)

frames: $(VENV)/.test
	$(BIN)/python book/tools/store_frames.py

# The package without the pages, whose builder is pinned.  Needs uv, which resolves downwards.
# Warnings of old releases about each other are no errors; those that ibcore gives cause for are.
oldest:
	uv venv --quiet --clear --python $(PYTHON) _build/oldest
	uv pip install --quiet --python _build/oldest --resolution lowest-direct -e '.[test]'
	_build/oldest/bin/python -m pytest -n $(WORKERS) --ignore tests/book --ignore tests/explorers \
	  -o "filterwarnings=$$(printf 'default\nerror:::ibcore')"

# All three run, and one that fails fails the target.
processors: $(VENV)/.test
	$(BIN)/python .ci/processors.py -n $(WORKERS) --dist worksteal

# Not part of the tests: another site's bad day must not fail a change of ours.
links: $(VENV)/.book
	$(BIN)/jupyter-book build . --toc book/_toc.yml --builder custom --custom-builder linkcheck

chapter: $(VENV)/.test
	$(BIN)/python book/tools/chapter.py '$(NAME)' '$(TITLE)'

hashes:
	$(PYTHON) .ci/hashes.py

repository:
	$(PYTHON) .ci/repository.py '$(URL)'

pin:
	$(PYTHON) .ci/pin.py '$(REF)'

walk: book $(VENV)/.test
	$(BIN)/python book/tools/walk.py

slides: book $(VENV)/.test
	$(BIN)/python book/tools/print_slides.py

zip: book
	$(BIN)/python book/tools/zip_site.py

pdf: book $(VENV)/.test
	$(BIN)/python book/tools/print_book.py

# Checked first, so that nothing is built in vain; the last step checks again.
edition: $(VENV)/.test
	$(BIN)/python book/tools/edition.py check '$(NAME)'
	$(MAKE) slides zip pdf
	$(BIN)/python book/tools/edition.py build '$(NAME)'

clean-pages:
	rm -rf _build/html _build/.doctrees

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache

distclean: clean
	rm -rf $(VENV)
