# ptcaudit: build, test and run. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ARCH      ?= arm64
FUZZTIME  ?= 10s
CDK_FLAGS ?=
FORCE     ?=
CACHE     := .cache
FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
# The race detector needs a C compiler. Without one, tests run without it.
RACE = $(if $(shell command -v cc),-race)

.PHONY: help
help: ## List the targets and their variables
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'
	@printf '\nVariables (make TARGET NAME=value), with their defaults:\n  ARCH=%s      architecture of the Lambda function: arm64 or amd64\n  CDK_FLAGS=      more flags for the CDK CLI, for example "--context email=ops@example.com"\n  FORCE=          losses that deploy allows: subscribers,policy,lock,schedule\n  STORY=%s       which story e2e plays: a number, or all\n  FUZZTIME=%s    how long fuzz runs each target\n' '$(ARCH)' '$(STORY)' '$(FUZZTIME)'

.PHONY: build
build: ## Build the Lambda function for ARCH into dist/audit/bootstrap
	@for f in $(FUNCTIONS); do \
	  mkdir -p dist/$$f && echo "dist/$$f/bootstrap ($(ARCH))" && \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) go build -trimpath -buildvcs=false -tags lambda.norpc \
	    -ldflags '-s -w -buildid=' -o dist/$$f/bootstrap ./functions/$$f; \
	done

.PHONY: bin
bin: ## Build the command into bin/ptcaudit
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/ptcaudit ./internal/cmd/ptcaudit

.PHONY: demo
demo: bin ## Break a rule on the emulator, read the mail and fix the rule; needs no AWS account
	@bin/ptcaudit demo

# The CDK CLI, at the version that .tools/cdk pins. jsii warns about Node
# versions that it still supports.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
CDK = npx --no-install --prefix $(CURDIR)/$(CACHE)/cdk cdk
CDK_APP = --context architecture=$(ARCH) $(CDK_FLAGS)
# bootstrap and destroy need the app, but not who is notified.
ANY_SUBSCRIBERS = --context email=none

.PHONY: synth
synth: build $(CACHE)/cdk/.done ## Write the CloudFormation template into cdk.out; needs no AWS account
	$(CDK) synth --quiet $(CDK_APP)

.PHONY: bootstrap
bootstrap: build $(CACHE)/cdk/.done ## Prepare your account and Region for the CDK (once)
	$(CDK) bootstrap $(CDK_APP) $(ANY_SUBSCRIBERS)

.PHONY: diff
diff: build $(CACHE)/cdk/.done ## Show what make deploy would change
	$(CDK) diff $(CDK_APP)

.PHONY: deploy
deploy: synth $(CACHE)/clients/.done ## Deploy into the account and Region of your credentials, unless protection would be lost
	@go run ./infra compare -aws $(CACHE)/clients/bin/aws -force '$(FORCE)' cdk.out
	$(CDK) deploy --app cdk.out --outputs-file cdk.out/outputs.json $(CDK_FLAGS)
	@$(CACHE)/clients/bin/python .tools/unconfirmed.py cdk.out/outputs.json

.PHONY: destroy
destroy: build $(CACHE)/cdk/.done ## Delete the deployment; infra/README.md lists what remains
	$(CDK) destroy $(CDK_APP) $(ANY_SUBSCRIBERS)

GO_PACKAGES := ./functions/... ./internal/... ./policies/...

.PHONY: unit
unit: ## Run the tests that need only Go: no Python, no Node, no browser (a minute)
	go test -short $(GO_PACKAGES)

# infra is tested without the race detector, which reports races in jsii.
# The race detector makes the slowest packages three times slower. prove runs
# those with it, so test does not.
.PHONY: test
test: tools bin ## Run all tests but the long ones, with the binaries as they are shipped
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	REQUIRE_TOOLS=1 go test $(RACE) -timeout 9m $(filter-out $(PROVE_PACKAGES:./%=ptcaudit/%),$(shell go list $(GO_PACKAGES)))
	REQUIRE_TOOLS=1 go test -timeout 9m $(PROVE_PACKAGES)
	@$(MAKE) test-infra

.PHONY: test-infra
test-infra: tools ## Run only the tests of the deployment
	REQUIRE_TOOLS=1 go test -timeout 9m ./infra/...

# The packages that have long tests, or properties to try more often.
PROVE_PACKAGES = $(shell grep -rlE 'toolbox\.Prove|toolbox\.Rounds|"PROVE"' --include='*_test.go' functions internal policies | xargs -n1 dirname | sort -u | sed 's,^,./,')

.PHONY: prove
prove: tools bin ## Run the long tests: random crashes, many rounds of each property, a build from a clone
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	PROVE=1 REQUIRE_TOOLS=1 go test $(RACE) -timeout 15m $(PROVE_PACKAGES)

STORY ?= all

.PHONY: e2e
e2e: tools bin ## Deploy to a local cloud and play all stories there, or only STORY
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	E2E=$(STORY) REQUIRE_TOOLS=1 go test -C internal/stand/e2e -count=1 -timeout 15m -parallel 12 -run '^TestStories$$'

ACCEPT ?=
LOCAL  ?=

.PHONY: accept
accept: $(addprefix $(CACHE)/,clients/.done cdk/.done) $(if $(LOCAL),$(CACHE)/localcloud/.done) ## Answer open questions in your AWS account ACCEPT=ACCOUNT/REGION, or with LOCAL=1 on a local cloud
ifdef LOCAL
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	ACCEPT_LOCAL=1 REQUIRE_TOOLS=1 go test -C internal/stand/accept -count=1 -timeout 9m -run '^TestLocal$$'
else
	@$(MAKE) build
	@go build -o $(CACHE)/accept/accept ./internal/stand/accept
	@ACCEPT='$(ACCEPT)' ARCH=$(ARCH) $(CACHE)/accept/accept
endif

.PHONY: sam-local
sam-local: $(addprefix $(CACHE)/,clients/.done rie/.done cdk/.done sam/.done) ## Invoke the function with each sample event in sam local; needs Docker
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	@REQUIRE_TOOLS=1 REQUIRE_DOCKER=1 go test -C functions/audit -count=1 -run '^TestSAMLocal$$'

.PHONY: bench
bench: bin $(CACHE)/custodian/.done $(CACHE)/localcloud/.done ## Measure the figures of internal/stand/bench/README.md, each beside its baseline
	@$(MAKE) build ARCH=$(shell go env GOHOSTARCH)
	go run ./internal/stand/bench

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@for pkg in $$(grep -rlE '^func Fuzz' --include='*_test.go' functions infra internal policies | xargs -n1 dirname | sort -u | sed "s,^,./,"); do \
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
generate: ## Rewrite the files that are generated from code
	go generate ./...

.PHONY: check
check: $(CACHE)/bin/govulncheck $(CACHE)/bin/golangci-lint ## Check formatting, generated files, go.mod, linters and known vulnerabilities
	@.ci/unchanged
	@$(MAKE) lint
	@# Some networks cannot fetch its database. Every other failure counts.
	@out=$$($< ./... 2>&1) && echo "$$out" || { \
	  echo "$$out"; grep -q 'fetching vulnerabilities:' <<<"$$out" && echo 'govulncheck: skipped, its database cannot be fetched'; }

# Programs that tests and checks use, each reinstalled when its pin changes.
# None is linked or deployed. Python programs are named in .tools/*.in; make lock
# pins them and all that they need, by hash, in .tools/*.txt.
PIP_INSTALL = bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps
$(CACHE)/clients/.done $(CACHE)/formats/.done $(CACHE)/pipeline/.done $(CACHE)/localcloud/.done $(CACHE)/custodian/.done $(CACHE)/cfnlint/.done $(CACHE)/sam/.done $(CACHE)/lock/.done: $(CACHE)/%/.done: .tools/%.txt
	rm -rf $(@D) && python3 -m venv $(@D)
	$(@D)/$(PIP_INSTALL) -r $<
	touch $@
# Of the SAM CLI this takes only the file of AWS's Runtime Interface Emulator.
$(CACHE)/rie/.done: .tools/sam.txt
	rm -rf $(@D) && mkdir -p $(@D)
	awk '/^aws-sam-cli==/ { on = 1 } on { print } on && !/\\$$/ { exit }' $< >$(@D)/sam.txt
	python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps -d $(@D) -r $(@D)/sam.txt
	cd $(@D) && python3 -m zipfile -e *.whl . && mv samcli/local/rapid/aws-lambda-rie-* . && chmod +x aws-lambda-rie-* && rm -rf samcli aws_sam_cli*
	touch $@
$(CACHE)/cdk/.done $(CACHE)/actions/.done $(CACHE)/sarif/.done: $(CACHE)/%/.done: .tools/%/package.json .tools/%/package-lock.json
	rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --silent --no-audit --no-fund
	touch $@
$(CACHE)/bin/golangci-lint: .tools/golangci-lint/go.mod
	cd $(<D) && go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(CACHE)/bin/govulncheck: .tools/govulncheck/go.mod
	cd $(<D) && go build -o $(CURDIR)/$@ golang.org/x/vuln/cmd/govulncheck

# The SAM CLI is large, and only of use with a Docker engine.
.PHONY: tools
tools: $(addprefix $(CACHE)/,clients/.done formats/.done pipeline/.done actions/.done sarif/.done localcloud/.done rie/.done cfnlint/.done cdk/.done) ## Install the programs that the tests use into .cache
	@! docker version >/dev/null 2>&1 || $(MAKE) $(CACHE)/sam/.done

# Neither index nor options of this machine may get into the files.
.PHONY: lock
lock: $(CACHE)/lock/.done ## Pin the Python programs of .tools/*.in anew, by hash
	@cd .tools && for f in *.in; do \
	  ../$(CACHE)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' -o $${f%.in}.txt $$f; \
	done
