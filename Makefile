# ptcaudit: build, test and run. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ARCH      ?= arm64
FUZZTIME  ?= 10s
CDK_FLAGS ?=
CACHE     := .cache
FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
# The race detector needs a C compiler; without one the tests run without it.
RACE := $(if $(shell command -v cc),-race)
# Only where a Docker engine answers do the tests run sam local.
SAM := $(if $(shell docker version >/dev/null 2>&1 && echo yes),$(CACHE)/sam/.done)

.PHONY: help
help: ## List the targets and the variables they take
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'
	@printf '\nVariables (make TARGET NAME=value):\n  ARCH=%s  architecture of the Lambda packages: arm64 or amd64\n  FUZZTIME=%s  how long fuzz runs each target\n  CDK_FLAGS=  flags of the CDK CLI, as "--context email=ops@example.com"\n' '$(ARCH)' '$(FUZZTIME)'

.PHONY: build
build: ## Build the Lambda functions for ARCH into dist/<function>/bootstrap
	@for f in $(FUNCTIONS); do \
	  mkdir -p dist/$$f && echo "dist/$$f/bootstrap ($(ARCH))" && \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) go build -trimpath -buildvcs=false -tags lambda.norpc \
	    -ldflags '-s -w -buildid=' -o dist/$$f/bootstrap ./functions/$$f; \
	done

.PHONY: bin
bin: ## Build the command into bin/ptcaudit
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/ptcaudit ./internal/cmd/ptcaudit

.PHONY: demo
demo: bin ## Show the main job on the emulator: break a rule, read the mail, mend it
	@bin/ptcaudit demo

# The CDK CLI, at the version that .tools/cdk pins. jsii, below it, complains
# of Node versions that it still runs on.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
CDK = npx --no-install --prefix $(CURDIR)/$(CACHE)/cdk cdk
CDK_APP = --context architecture=$(ARCH) $(CDK_FLAGS)

.PHONY: synth
synth: build $(CACHE)/cdk/.done ## Write the CloudFormation template into cdk.out; asks AWS nothing
	$(CDK) synth --quiet $(CDK_APP)

.PHONY: bootstrap
bootstrap: build $(CACHE)/cdk/.done ## Prepare an account and Region for the CDK, once
	$(CDK) bootstrap $(CDK_APP)

.PHONY: diff
diff: build $(CACHE)/cdk/.done ## Show what deploy would change
	$(CDK) diff $(CDK_APP)

.PHONY: deploy
deploy: build $(CACHE)/cdk/.done $(CACHE)/clients/.done ## Deploy the auditor into the account and Region of your credentials
	$(CDK) deploy --outputs-file cdk.out/outputs.json $(CDK_APP)
	@$(CACHE)/clients/bin/python .tools/unconfirmed.py cdk.out/outputs.json

.PHONY: destroy
destroy: build $(CACHE)/cdk/.done ## Remove it; infra/README.md says what stays
	$(CDK) destroy $(CDK_APP)

.PHONY: test
test: tools bin ## Run all tests, on the binaries as they ship
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	REQUIRE_TOOLS=1 go test $(RACE) -timeout 9m ./functions/... ./internal/... ./policies/...
	@$(MAKE) test-infra

# Without the race detector, which finds races in jsii's own code.
.PHONY: test-infra
test-infra: tools ## Run the tests of the deployment only
	REQUIRE_TOOLS=1 go test -timeout 9m ./infra/...

STORY ?= all

.PHONY: e2e
e2e: tools bin ## Deploy to a cloud on this machine, and play all stories there, or STORY=5
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	E2E=$(STORY) REQUIRE_TOOLS=1 go test -C internal/stand/e2e -count=1 -timeout 15m -parallel 12 -run '^TestStories$$'

.PHONY: sam-local
sam-local: $(addprefix $(CACHE)/,clients/.done rie/.done cdk/.done sam/.done) ## Print what the function says to each sample event in sam local; needs Docker
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	@REQUIRE_TOOLS=1 REQUIRE_DOCKER=1 go test -C functions/audit -count=1 -run '^TestSAMLocal$$'

.PHONY: bench
bench: bin $(CACHE)/custodian/.done $(CACHE)/localcloud/.done ## Print the figures of README.md, each beside its baseline
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	go run ./internal/stand/bench

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@for pkg in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | cut -c6-); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg; \
	  done; \
	done

.PHONY: lint
lint: $(CACHE)/bin/golangci-lint ## Run the linters
	$< run ./...

.PHONY: fmt
fmt: $(CACHE)/bin/golangci-lint ## Format the code
	$< fmt ./...

.PHONY: generate
generate: ## Rewrite what is generated from the code
	go generate ./...

.PHONY: check
check: $(CACHE)/bin/govulncheck ## What CI checks besides tests: format, generated files, tidy, lint, vulnerabilities
	@$(MAKE) fmt generate
	go mod tidy
	git diff --exit-code
	@$(MAKE) lint
	@# Its database cannot be fetched everywhere; every other failure counts.
	@out=$$($< ./... 2>&1) && echo "$$out" || { \
	  echo "$$out"; grep -q 'fetching vulnerabilities:' <<<"$$out" && echo 'govulncheck: skipped, its database cannot be fetched'; }

# Programs that tests and checks use, each rebuilt when its pin changes.
# Nothing of them is linked or deployed.
$(CACHE)/clients/.done $(CACHE)/formats/.done $(CACHE)/pipeline/.done $(CACHE)/localcloud/.done $(CACHE)/custodian/.done $(CACHE)/cfnlint/.done $(CACHE)/sam/.done: $(CACHE)/%/.done: .tools/%.txt
	rm -rf $(@D) && python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@
$(CACHE)/rie/.done: .tools/sam.txt
	rm -rf $(@D) && mkdir -p $(@D)
	python3 -m pip download --quiet --disable-pip-version-check --no-deps -d $(@D) -r $<
	cd $(@D) && python3 -m zipfile -e *.whl . && mv samcli/local/rapid/aws-lambda-rie-* . && chmod +x aws-lambda-rie-* && rm -rf samcli aws_sam_cli*
	touch $@
$(CACHE)/cdk/.done $(CACHE)/actions/.done: $(CACHE)/%/.done: .tools/%/package.json .tools/%/package-lock.json
	rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --silent --no-audit --no-fund
	touch $@
$(CACHE)/bin/golangci-lint: .tools/golangci-lint/go.mod
	cd $(<D) && go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(CACHE)/bin/govulncheck: .tools/govulncheck/go.mod
	cd $(<D) && go build -o $(CURDIR)/$@ golang.org/x/vuln/cmd/govulncheck
.PHONY: tools
tools: $(CACHE)/clients/.done $(CACHE)/formats/.done $(CACHE)/pipeline/.done $(CACHE)/actions/.done $(CACHE)/localcloud/.done $(CACHE)/rie/.done $(CACHE)/cfnlint/.done $(CACHE)/cdk/.done $(SAM) ## Fetch the programs that the tests use
