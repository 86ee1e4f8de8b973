# Everything a newcomer needs; bare `make` lists it.
#
# libtorch is put into .libtorch/ unless LIBTORCH names one. Its version and the version of tch in Cargo.toml belong together.

TORCH_VERSION := 2.11.0
CONFIG ?= configs/demo.toml
NAME := $(basename $(notdir $(CONFIG)))
MODEL ?= checkpoints/$(NAME)
SET ?=
TARGUM := target/release/targum
CARGO := cargo
PYTHON := python3

ifdef LIBTORCH
LIBTORCH_READY :=
else
LIBTORCH_READY := .libtorch/ready-$(TORCH_VERSION)$(if $(CUDA),-cuda)
endif

.DEFAULT_GOAL := help
.PHONY: help libtorch build data train translate align test torture lint format bench results memory memories chapter peers decoding doctor clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  CONFIG=configs/x.toml chooses the recipe of train, MODEL=checkpoints/x the model of translate and align,"
	@echo "  SET=\"key=value …\" overrides settings of the recipe, CUDA=1 makes libtorch the CUDA build."

libtorch: $(LIBTORCH_READY) ## put libtorch into .libtorch/ (CUDA=1 for the CUDA build)

# The CPU half needs two small CUDA libraries to load; the CUDA half needs all that torch depends on.
.libtorch/ready-$(TORCH_VERSION):
	@command -v $(PYTHON) >/dev/null || { echo "make: python3 with pip is needed to fetch libtorch (or set LIBTORCH)" >&2; exit 1; }
	@echo "fetching libtorch $(TORCH_VERSION) into .libtorch/ (0.5 GB, once)" >&2
	PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --upgrade --target .libtorch --no-deps \
		torch==$(TORCH_VERSION) $(if $(filter Linux,$(shell uname -s)),nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
	@touch $@

.libtorch/ready-$(TORCH_VERSION)-cuda:
	@echo "fetching libtorch $(TORCH_VERSION) with CUDA into .libtorch/ (3 GB, once)" >&2
	PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --upgrade --target .libtorch torch==$(TORCH_VERSION)
	@touch $@ .libtorch/ready-$(TORCH_VERSION)

build: $(LIBTORCH_READY) ## compile target/release/targum
	$(CARGO) build --release --locked

data/synth/train.en: | build
	$(TARGUM) data synth --out data/synth

data: build data/synth/train.en ## make the built-in corpus

train: build data/synth/train.en ## train CONFIG (default: the demo, some minutes), then say what to try next
	$(TARGUM) train $(CONFIG) --out $(MODEL) $(if $(wildcard $(MODEL)/last),--resume) $(foreach setting,$(SET),--set $(setting))

translate: build ## translate standard input with MODEL
	@$(TARGUM) translate --model $(MODEL)

align: build ## word alignments of SOURCE and TARGET (files) by MODEL
	@$(if $(and $(SOURCE),$(TARGET)),,$(error name two files: make align SOURCE=file TARGET=file))\
		@$(TARGUM) align --model $(MODEL) --source $(SOURCE) --target $(TARGET)

# Tests run side by side: a thread each is enough for libtorch.
test: $(LIBTORCH_READY) ## run every test
	OMP_NUM_THREADS=1 $(CARGO) test --release --locked

# Its cases compute on one thread each, as many side by side as there are cores.
torture: $(LIBTORCH_READY) ## abuse the program for SECONDS (300) with SEED (1): what docs/reliability.md promises must hold
	$(CARGO) test --release --locked --test torture -- --seconds $(or $(SECONDS),300) --seed $(or $(SEED),1)

lint: $(LIBTORCH_READY) ## check format, and clippy with warnings as errors
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets --test torture -- -D warnings

format: ## format the code
	$(CARGO) fmt

bench: build ## measure speed and memory of every recurrent model
	$(CARGO) bench --locked --bench recurrent

results: build data/synth/train.en ## train and score what docs/results.md reports (hours)
	scripts/results-synthetic.sh
	scripts/results-alignment.sh
	scripts/results-multi30k.sh
	scripts/results-transformer.sh

memory: build ## train and examine every study, and write docs/memory.md (hours)
	scripts/memory.sh
	scripts/memories.sh

memories: build ## train every memory on the same problems, and write their table in docs/memory.md (an hour)
	scripts/memories.sh

chapter: build data/synth/train.en ## run the commands of docs/chapter and make a book with their pictures (an hour)
	scripts/chapter.sh $(PAGES)

peers: build ## measure JoeyNMT beside Targum (installs it into benches/peers/.work/)
	benches/peers/run.sh $(PEERS)

decoding: build ## measure CTranslate2 and transformers beside Targum, with a model that Targum exports
	benches/peers/decoding.sh $(DECODING)

doctor: ## what is here, what is missing, and the command that mends it
	@./scripts/doctor.sh

clean: ## remove what was built (not libtorch, data and checkpoints)
	$(CARGO) clean
