# Two commands do everything on a bare Debian machine with Python:
#   make demo   environment, then the main job on the bundled sample (window, or demo-output/ without a display)
#   make test   environment, then the whole test suite
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint env system slow clean

demo: env
	@$(BIN)/nmcstudio demo --output demo-output

test: env
	@$(BIN)/python tests/run.py

slow: env
	@$(BIN)/python tests/run.py -m slow

lint: env
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

env: $(STAMP)

$(STAMP): pyproject.toml packaging/system.sh
	@sh packaging/system.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing nmcstudio and what it needs (about 1 GB, two to five minutes the first time)"
	@$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $(STAMP)

system:
	@sh packaging/system.sh

clean:
	rm -rf $(VENV) demo-output
