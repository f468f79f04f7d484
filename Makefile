# Everything a person or CI does: `make study` and `make test` need only Python 3.11+, make and git.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
OUT    ?= runs/first

.PHONY: study test check bench images wheel clean

study: $(VENV)/.study ## the leave-one-class-out study on drawn faces
	$(BIN)/mien study faces --size 32 --epochs 24 --budget 0.05 --out $(OUT)

test: $(VENV)/.test ## the whole test suite
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.test ## lint, layers, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# DATA is a path to pictures, such as a FER+ folder; drawn faces by default. LEGEND is the Emotion Detection set
bench: $(VENV)/.test ## the benchmarks and the page of their figures, hours long; nothing else should run meanwhile
	$(BIN)/python benchmarks/speed.py $(if $(DATA),--data $(DATA))
	$(BIN)/python benchmarks/base.py $(if $(DATA),--data $(DATA))
	$(BIN)/python benchmarks/correction.py $(if $(DATA),--data $(DATA))
	$(if $(DATA),$(PIP) cleanlab && $(BIN)/python benchmarks/labels.py --data $(DATA))
	$(if $(DATA),$(PIP) imbalanced-learn && $(BIN)/python benchmarks/imbalance.py --data $(DATA) $(if $(LEGEND),--legend $(LEGEND)))
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/page_correctors.py
	$(if $(DATA),$(BIN)/python benchmarks/page_labels.py)
	$(if $(DATA),$(BIN)/python benchmarks/page_imbalance.py)

wheel: $(VENV)/.test ## build the wheel and run the suite on it, without the source tree
	rm -rf dist build/wheel-venv
	$(BIN)/python -m build --wheel --outdir dist
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt "$$(ls dist/*.whl)[boost]" $(TEST_PACKAGES)
	build/wheel-venv/bin/python -m pytest -n auto -p no:cacheprovider

images: $(VENV)/.test ## the pictures of the documentation, from the run in OUT
	$(BIN)/python docs/make_images.py $(OUT)

# torch first and alone: it is held to a version that has a build without CUDA
$(VENV)/.study: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable ".[boost]"
	touch $@

TEST_PACKAGES := build hypothesis import-linter mypy playwright pytest pytest-timeout pytest-xdist ruff mapie scikit-image fastapi uvicorn httpx2 cleanlab ImageHash imbalanced-learn transformers
$(VENV)/.test: $(VENV)/.study
	$(PIP) $(TEST_PACKAGES)
	touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
