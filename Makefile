# Everything goes into build/; the cluster's programs are kept in the user's cache.
BIN ?= build/out
PREFIX ?= /usr/local
STATE := /var/lib/volume-durability-cluster
CLUSTER := build/cluster
FAULTFS := build/faultfs
# References that the test cluster knows the images by: no registry is ever asked.
IMAGE := volume-durability.test/volume-durability:test
RUNNER_IMAGE := volume-durability.test/chaos-runner:test
FAULTS_IMAGE := volume-durability.test/litmus-faults:test
# Debugging information that -s strips is not made; a larger heap saves the compiler a fifth of its time.
GO_BUILD := CGO_ENABLED=0 GOGC=$${GOGC:-200} go build -trimpath -gcflags all=-dwarf=false -ldflags "-s -w"
MODULES := . tests/cluster tests/faultfs tests/gluster tests/csi tests/detection tests/faults tests/workflow

.DEFAULT_GOAL := help
.PHONY: help
help: ## show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## the whole story on a real Kubernetes: a Pass, and a Fail on storage that forgets
	@sh tests/demo/demo.sh

.PHONY: test
test: lint machine unit fuzz mutation formats page e2e ## lint, unit tests with the race detector, a short fuzz run, mutations, the forms of the evidence, end-to-end runs

# The tests use the pair of containerd and runc that users run.
test: export CONTAINERD ?= built

.PHONY: machine
machine: ## install what the test cluster and some unit tests need (Linux and root, or nothing is done)
	@if [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ]; then $(MAKE) --no-print-directory cluster-tool && $(CLUSTER) tools --containerd $(CONTAINERD); fi

.PHONY: lint
lint: ## check format, vet, the module files and the licences of what is compiled in
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not formatted, run gofmt -w: $$unformatted"; exit 1; }
	@for m in $(MODULES); do echo "vet and go.mod of $$m"; (cd $$m && go vet ./... && go mod tidy -diff && go mod verify >/dev/null) || exit 1; done
	@for m in $(MODULES); do (cd $$m && go tool -modfile=$(CURDIR)/tests/lint/go.mod staticcheck ./...) || exit 1; done
	@sh tests/lint/licences.sh

.PHONY: vulncheck
vulncheck: ## look for known vulnerabilities in what the product calls; asks vuln.go.dev
	go tool -modfile=$(CURDIR)/tests/lint/go.mod govulncheck ./experiments/...

.PHONY: unit
unit: ## unit tests with the race detector
	@for m in $(MODULES); do (cd $$m && go test -race $$(go list ./... | grep -v /tests/e2e)) || exit 1; done

.PHONY: formats
formats: ## read the forms of the evidence with the parsers of STIG Manager, Heimdall and others (installs npm packages)
	@sh tests/formats/formats.sh

# So many inputs, not so long: where a time is up while an input is tried, go test now
# and then fails with "context deadline exceeded" (golang.org/issue/75804, mended in Go 1.27).
FUZZTIME ?= 100000x
.PHONY: fuzz
fuzz: ## fuzz the scanner and the parser of statements (FUZZTIME=100000x, or a time such as 10m)
	go test -run '^$$' -fuzz FuzzScan -fuzztime $(FUZZTIME) -fuzzminimizetime 1s ./pkg/journal
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 1s ./pkg/witness

.PHONY: page
page: ## the report page in a real browser: what it says, by day, by night, on a phone, on paper (build/page)
	@sh tests/page/page.sh

CASES ?= 1000000
.PHONY: property
property: ## judge many random histories (CASES=1000000); unit does 20000
	go test -v -run IfAndOnlyIf -timeout 1h ./pkg/judge -cases $(CASES)

.PHONY: mutation
mutation: ## put deliberate bugs into the judge: every one must be noticed
	go run ./tests/mutation

BENCH ?= -size 1024 -rounds 3
.PHONY: bench
bench: ## measure the scanner and the writer beside other programs (BENCH='-folder /mnt -size 1024'), then scale
	go run ./tests/bench $(BENCH)
	@if [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ]; then $(MAKE) --no-print-directory scale; else echo "SKIPPED: scale needs the test cluster, which needs Linux and root"; fi

SCALE ?= -cells 1,10,25,50
.PHONY: scale
scale: cluster-images ## measure what each more cell of a run costs, on the test cluster (SCALE='-cells 1,10,50')
	go run ./tests/scale -kubeconfig $(STATE)/kubeconfig -image $(IMAGE) $(SCALE)

.PHONY: e2e
e2e: ## end-to-end runs on the test cluster (Linux and root)
	@sh tests/e2e/e2e.sh

.PHONY: detection
detection: ## every way to lose data that we know, under the experiment and under what people use today: a table
	@sh tests/detection/detection.sh

VERSIONS ?= 1.37/built 1.36/built 1.35/built 1.34/system
.PHONY: versions
versions: ## measure which versions of Kubernetes this works on: the table in docs/clusters.md (VERSIONS='1.37/built 1.34/system')
	@sh tests/versions/versions.sh $(VERSIONS)

HUB_NAME ?= volume-durability
.PHONY: hub
hub: ## lay the charts out as a ChaosHub of Litmus 3.x: build/hub and build/hub.zip (HUB_NAME=volume-durability)
	@mkdir -p build
	@go run ./charts/hub -name $(HUB_NAME) -tree build/hub -zip build/hub.zip

.PHONY: binaries
binaries: ## build the command line, which is the experiment too, the helper and the stand-in for chaos-runner, static
	$(GO_BUILD) -o $(BIN)/volume-durability ./experiments/volume-durability
	$(GO_BUILD) -o $(BIN)/durability-helper ./experiments/volume-durability/helper
	$(GO_BUILD) -o $(BIN)/runner ./tests/runner

.PHONY: install
install: ## install the command line, also as kubectl durability (PREFIX=/usr/local)
	@$(MAKE) --no-print-directory -s binaries
	install -D -m 0755 $(BIN)/volume-durability $(DESTDIR)$(PREFIX)/bin/volume-durability
	ln -sf volume-durability $(DESTDIR)$(PREFIX)/bin/kubectl-durability
	printf '#!/bin/sh\nexec kubectl-durability __complete "$$@"\n' >$(DESTDIR)$(PREFIX)/bin/kubectl_complete-durability
	chmod 0755 $(DESTDIR)$(PREFIX)/bin/kubectl_complete-durability

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
.PHONY: platforms
platforms: ## see that the command line compiles for every system that it is released for
	@for p in $(PLATFORMS); do echo $$p; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -o /dev/null ./experiments/volume-durability || exit 1; done

# The minor version of the test cluster, and its containerd: built, or the machine's own (system).
K8S ?= 1.37
CONTAINERD ?= system
# Flags as those of the cluster's programs: what they share is compiled once.
.PHONY: cluster-tool
cluster-tool:
	@cd tests/cluster && $(GO_BUILD) -o ../../$(CLUSTER) .

.PHONY: cluster-up
cluster-up: cluster-tool ## bring up the throw-away Kubernetes (K8S=1.35, CONTAINERD=built for others); nothing happens where it is up
	@$(CLUSTER) up --source tests/cluster --kubernetes $(K8S) --containerd $(CONTAINERD)

.PHONY: cluster-down
cluster-down: cluster-tool ## take it down and leave nothing behind
	@$(CLUSTER) down

.PHONY: cluster-status
cluster-status: cluster-tool ## show what of it runs
	@$(CLUSTER) status

.PHONY: faultfs-tool
faultfs-tool:
	@cd tests/faultfs && CGO_ENABLED=0 go build -o ../../$(FAULTFS) ./cmd/faultfs

.PHONY: images
images: cluster-tool ## make the test cluster's images of the Dockerfiles' last stages, without Docker
	@$(MAKE) --no-print-directory -s binaries BIN=build/image/out
	@$(CLUSTER) image --dockerfile Dockerfile --from build/image $(IMAGE) build/volume-durability.tar
	@$(CLUSTER) image --dockerfile tests/runner/Dockerfile --from build/image $(RUNNER_IMAGE) build/runner.tar

.PHONY: faults
faults: ## build the faults of litmus-go itself, static
	cd tests/faults && $(GO_BUILD) -o $(abspath $(BIN))/faults .

.PHONY: faults-image
faults-image: cluster-up
	@$(MAKE) --no-print-directory -s faults BIN=build/image/out
	@$(CLUSTER) image --dockerfile tests/faults/Dockerfile --from build/image $(FAULTS_IMAGE) build/faults.tar
	@$(CLUSTER) load $(FAULTS_IMAGE) build/faults.tar

.PHONY: cluster-images
cluster-images: cluster-up images
	@$(CLUSTER) load $(IMAGE) build/volume-durability.tar
	@$(CLUSTER) load $(RUNNER_IMAGE) build/runner.tar

.PHONY: docker-image
docker-image: ## build the image with Docker
	docker build -t volume-durability/volume-durability:latest .

# Modules that make lint does not vet: their sources are other projects'.
PROGRAMS := tests/cluster/programs tests/cluster/runc
.PHONY: update
update: ## take every requirement to its newest version that fits, Kubernetes' together; then look at what changed and run make test
	@sh tests/update/update.sh $(MODULES) $(PROGRAMS)

.PHONY: clean
clean: ## remove what was built here
	rm -rf build
