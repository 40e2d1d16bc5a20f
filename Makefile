# make demo   set up and detect the landmarks of the sample film
# make test   set up everything and run every test
# make audit  check the pinned packages for known vulnerabilities (asks PyPI's advisory service)
# make pydicom check the reading of films with the oldest pydicom that is supported, which Slicer 5.10 carries
# make hashes write hashes/*.txt anew after constraints.txt changed

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
SAMPLE := SpineAlignment/Resources/SampleData/sample_film.dcm
SOURCES := SpineAlignmentLib Training Testing SpineAlignment

# the first Python that runs and has a version that every pinned package supports
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)

.PHONY: demo test lint clean audit pydicom hashes
.DELETE_ON_ERROR:

demo: $(VENV)/base.stamp
	@$(BIN)/spine-alignment detect $(SAMPLE) --output out/demo
	@echo "to correct landmarks in the browser: $(BIN)/pip install --constraint constraints.txt --editable '.[viewer]' && $(BIN)/spine-alignment view"

test: $(VENV)/test.stamp lint
	$(BIN)/python -m pytest -q

lint: $(VENV)/test.stamp
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy SpineAlignmentLib Training
	$(BIN)/lint-imports --no-logo

$(VENV)/base.stamp: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "Python's venv module is needed (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "installing the packages that detection needs"
	@$(PIP) --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/base.stamp $(VENV)/system.stamp
	@echo "installing what the tests need (once; some minutes)"
	@$(PIP) --editable '.[test]'
	@$(BIN)/python -c 'import horovod.tensorflow' 2>/dev/null || $(MAKE) --no-print-directory horovod
	@touch $@

# Horovod comes as source only. It needs these tools beside it, and TensorFlow before it; pip keeps the built wheel.
.PHONY: horovod
horovod:
	@echo "building Horovod (once; about 6 minutes)"
	@$(PIP) 'cmake<4' 'setuptools<76' wheel cffi cloudpickle psutil pyyaml packaging
	@PATH="$(abspath $(BIN)):$$PATH" HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 \
	    HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 $(PIP) --no-build-isolation horovod==0.28.1

# libraries of the system for rendering without a screen and for Qt
$(VENV)/system.stamp: Testing/system-packages.txt $(VENV)/base.stamp
	@missing=$$(for p in $$(cat $<); do dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -z "$$missing" ] || ! command -v apt-get >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ]; then apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $$missing >/dev/null; \
	else echo "some tests need system libraries; install them with: sudo apt-get install" $$missing >&2; fi
	@touch $@

# tools that are no part of the project, in a place of their own
TOOLS := $(VENV)/tools
$(TOOLS)/done.stamp: $(VENV)/base.stamp
	@$(BIN)/python -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --disable-pip-version-check --quiet pip-audit uv
	@touch $@

# --strict: a package that could not be looked up counts as a failure
audit: $(TOOLS)/done.stamp
	$(TOOLS)/bin/pip-audit --strict --require-hashes --disable-pip --requirement hashes/viewer.txt

OLDEST_PYDICOM := 2.4.4
$(TOOLS)/pydicom.stamp: Makefile $(VENV)/test.stamp
	@mkdir -p $(TOOLS)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --upgrade --no-deps \
	    --target $(TOOLS)/pydicom pydicom==$(OLDEST_PYDICOM)
	@touch $@

pydicom: $(TOOLS)/pydicom.stamp
	PYTHONPATH=$(TOOLS)/pydicom $(BIN)/python -m pytest -q Testing/library/test_dicom_pixels.py \
	    Testing/library/test_odd_films.py Testing/library/test_film_tags.py

LOCK = $(TOOLS)/bin/uv pip compile pyproject.toml --constraint constraints.txt --generate-hashes --universal \
	--python-version 3.11 --no-header --no-annotate --quiet --upgrade
hashes: $(TOOLS)/done.stamp
	$(LOCK) --output-file hashes/base.txt
	$(LOCK) --extra viewer --extra report --extra dicom --extra cohort --extra parquet --extra cluster --output-file hashes/viewer.txt

clean:
	rm -rf $(VENV) out build dist *.egg-info
