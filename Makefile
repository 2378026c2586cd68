# ptcaudit: build, test and run. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Architecture of the Lambda packages: arm64 or amd64.
ARCH ?= arm64
# How long `make fuzz` runs each target.
FUZZTIME ?= 10s
CACHE := .cache
FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
SOURCES := $(shell find functions internal policies -name '*.go' -not -name '*_test.go' -o -name '*.yaml' -o -name '*.json' -o -name '*.pb' 2>/dev/null) go.mod go.sum

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z0-9-]*:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

# Python environments and programs that the tests use, each rebuilt when its
# pins change. Nothing of them is linked or deployed.
$(CACHE)/clients/.done: .tools/clients.txt
	rm -rf $(@D) && python3 -m venv $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check -r $< && touch $@
$(CACHE)/localcloud/.done: .tools/localcloud.txt
	rm -rf $(@D) && python3 -m venv $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check -r $< && touch $@
$(CACHE)/rie/.done: .tools/rie.txt
	rm -rf $(@D) && mkdir -p $(@D) && python3 -m pip download --quiet --disable-pip-version-check --no-deps -d $(@D) -r $<
	cd $(@D) && python3 -m zipfile -e *.whl . && mv samcli/local/rapid/aws-lambda-rie-* . && chmod +x aws-lambda-rie-* && rm -rf samcli aws_sam_cli* && touch .done
.PHONY: tools
tools: $(CACHE)/clients/.done $(CACHE)/localcloud/.done $(CACHE)/rie/.done ## Fetch the programs that the tests use
