# Everything is built into build/; the programs of the test cluster are cached in the user's cache folder.
BIN ?= build/out
PREFIX ?= /usr/local
STATE := /var/lib/volume-durability-cluster
CLUSTER := build/cluster
FAULTFS := build/faultfs
# References of the images in the test cluster. They are loaded into it; no registry is used.
EXPERIMENT_IMAGE := volume-durability.test/volume-durability:test
RUNNER_IMAGE := volume-durability.test/chaos-runner:test
FAULTS_IMAGE := volume-durability.test/litmus-faults:test
# -s strips debugging information, so none is generated. A larger heap saves the compiler time.
GO_BUILD := CGO_ENABLED=0 GOGC=$${GOGC:-400} go build -trimpath -gcflags all=-dwarf=false -ldflags "-s -w"
MODULES := . tests/backends tests/cluster tests/faultfs tests/gluster tests/csi tests/detection tests/litmusfaults tests/openmetrics tests/replay tests/workflow

.DEFAULT_GOAL := help
.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## two runs on a real Kubernetes: a Pass, and a Fail on storage that loses data
	@sh tests/demo/demo.sh

# The same flags as those of the cluster's programs, so that what they share is compiled once.
.PHONY: demo-program
demo-program:
	@$(GO_BUILD) -o build/demo-program ./tests/demo

.PHONY: demo-cold
demo-cold: ## measure each step of make demo, with caches that are empty at the start (Linux and root; COLD='-commit HEAD~1')
	@go run ./tests/cold $(COLD)

.PHONY: local
local: ## test a folder of this machine in 10 seconds, without a cluster or root (DIR=/mnt/data)
	@test -n "$(DIR)" || { echo "make local: want DIR=FOLDER, the folder to test"; exit 2; }
	@$(GO_BUILD) -o build/local ./experiments/volume-durability/local
	@build/local "$(DIR)"

# Each argument is a phase, and what is behind & runs beside it at the lowest priority. The tests on guests run alone:
# work beside them delays each system call of a guest. The other end-to-end tests mostly wait, but have deadlines.
TEST_FLAGS ?=
.PHONY: test
test: ## everything that CI runs: lint, unit, e2e, fuzz, mutation, formats, page (TEST_FLAGS=-apart: nothing side by side)
	@rm -f $(TEST_RATIOS)
	@go build -o build/targets ./tests/targets
	@MAKEFLAGS= exec build/targets -ratios=$(TEST_RATIOS) $(TEST_FLAGS) \
		lint machine unit e2e-guests 'e2e-cluster & fuzz mutation formats page'

.PHONY: e2e-guests e2e-cluster
e2e-guests:
	@$(MAKE) --no-print-directory e2e E2E='-run $(GUEST_TESTS)'
e2e-cluster:
	@$(MAKE) --no-print-directory e2e E2E='-skip $(GUEST_TESTS)'
GUEST_TESTS := TestPowerCut

# The tests use the pair of containerd and runc that users run.
test: export CONTAINERD := built

.PHONY: machine
machine: ## install what the test cluster and some unit tests need (on Linux as root; elsewhere do nothing)
	@if [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ]; then $(MAKE) --no-print-directory cluster-tool && $(CLUSTER) tools --containerd $(CONTAINERD); fi

.PHONY: lint
lint: prose ## check format, vet, staticcheck, module files, licences and the text of the repository
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not formatted, run gofmt -w: $$unformatted"; exit 1; }
	@for m in $(MODULES); do echo "vet and go.mod of $$m"; (cd $$m && go vet ./... && go mod tidy -diff && go mod verify >/dev/null) || exit 1; done
	@for m in $(MODULES); do (cd $$m && go tool -modfile=$(CURDIR)/tests/lint/go.mod staticcheck ./...) || exit 1; done
	@sh tests/lint/licences.sh

# All folders with text. To check some of them: make prose PROSE='docs pkg/run'
PROSE ?= .ci .github .golangci.yml .goreleaser.yaml .krew.yaml CHANGELOG.md CONTRIBUTING.md Dockerfile Dockerfile.release Makefile \
	README.md SECURITY.md chaoslib charts docs experiments findings pkg tests
.PHONY: prose
prose: ## check words and line lengths in comments, messages, names and documents (PROSE='docs pkg/run')
	@cd tests/lint && go vet ./prose && go tool staticcheck ./prose && go test ./prose >/dev/null
	@cd tests/lint && go run ./prose -root $(CURDIR) $(PROSE)

.PHONY: vulncheck
vulncheck: ## look for known vulnerabilities in the code that the product calls (needs vuln.go.dev)
	go tool -modfile=$(CURDIR)/tests/lint/go.mod govulncheck ./experiments/...

.PHONY: unit
unit: ## unit tests with the race detector
	@for m in $(MODULES); do (cd $$m && go test -race $$(go list ./... | grep -v /tests/e2e)) || exit 1; done

.PHONY: formats
formats: ## read evidence bundles with the parsers of STIG Manager, Heimdall and others (installs npm packages)
	@sh tests/formats/formats.sh

# The limit is a number of inputs, not a time: with a time, go test sometimes fails with
# "context deadline exceeded" (golang.org/issue/75804, fixed in Go 1.27).
FUZZTIME ?= 100000x
.PHONY: fuzz
fuzz: ## fuzz the scanners and the parser of messages (FUZZTIME=100000x, or a time such as 10m)
	go test -run '^$$' -fuzz FuzzScan -fuzztime $(FUZZTIME) -fuzzminimizetime 1s ./pkg/journal
	go test -run '^$$' -fuzz FuzzScanner -fuzztime $(FUZZTIME) -fuzzminimizetime 1s ./pkg/pattern
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 1s ./pkg/protocol

.PHONY: page
page: ## test the report page in a real browser: content, dark mode, phone, print (pictures in build/page)
	@sh tests/browser/browser.sh

CASES ?= 1000000
.PHONY: property
property: ## run the property test of the judge on many random histories (CASES=1000000); make unit uses 20000
	go test -v -run IfAndOnlyIf -timeout 1h ./pkg/judge -cases $(CASES)

.PHONY: mutation
mutation: ## inject bugs into the judge and the packages that it uses; the tests must detect each
	go run ./tests/mutation

REPLAY ?= -records 40 -cuts 0
.PHONY: replay
replay: ## cut the power at every flush and acknowledgement on ext4, xfs and btrfs, and judge what is left (Linux and root; REPLAY='-records 40')
	cd tests/replay && go test -v -count 1 -timeout 2h -run TestReplay . $(REPLAY)

# The files with ratios. make bench prints the rows of both in one table; make test adds its row to the second one.
BENCH_RATIOS := build/bench/ratios.jsonl
TEST_RATIOS := build/bench/test.jsonl
# The file to which a program that measures adds its rows; empty for none.
RATIOS ?=
.PHONY: bench
bench: ## run all benchmarks and print one table of ratios (Linux and root)
	@rm -f $(BENCH_RATIOS)
	@status=0; for t in bench-local bench-before long overhead scale; do \
		$(MAKE) --no-print-directory $$t RATIOS=$(BENCH_RATIOS) || status=1; done; \
		go run ./tests/bench/ratios $(BENCH_RATIOS) $(TEST_RATIOS); exit $$status

BENCH ?= -size 1024 -rounds 5 -commits 8000
.PHONY: bench-local
bench-local: ## compare the scanner and the writer with other programs (Linux; needs fio; BENCH='-folder /mnt -commits 8000')
	go run ./tests/bench -ratios='$(RATIOS)' $(BENCH)

BEFORE ?= -starts 10
.PHONY: bench-before
bench-before: ## compare the write pattern append with an earlier commit (BEFORE='-commit HEAD~1 -folder /mnt')
	go run ./tests/bench/before -ratios='$(RATIOS)' $(BEFORE)

SCALE ?= -cells 1,200 -parallel 50
.PHONY: scale
scale: cluster-images ## measure the cost per additional cell on the test cluster (SCALE='-cells 1,10,50 -parallel 50')
	go run ./tests/scale -kubeconfig $(STATE)/kubeconfig -image $(EXPERIMENT_IMAGE) -ratios='$(RATIOS)' $(SCALE)

OVERHEAD ?= -rounds 5
.PHONY: overhead
overhead: cluster-images faults-image ## compare the time of a run without its chaos with an earlier commit and with litmus-go
	MAKEFLAGS= go run ./tests/overhead -kubeconfig $(STATE)/kubeconfig -image $(EXPERIMENT_IMAGE) -ratios='$(RATIOS)' $(OVERHEAD)

E2E ?=
.PHONY: e2e
e2e: ## run the end-to-end tests on the test cluster (Linux and root; E2E='-run TestMatrix -v')
	@MAKEFLAGS= sh tests/e2e/e2e.sh $(E2E)

.PHONY: machines
machines: export CONTAINERD := system
machines: ## test runs on machines of their own, whose power is cut (Linux and root; make test has a part)
	@sh tests/e2e/e2e.sh -run 'TestMachines|TestNodeThatStaysOff' -machines

.PHONY: patterns
patterns: ## cross all write patterns with all storage of the test cluster (Linux and root; not part of make test)
	@sh tests/e2e/e2e.sh -v -run TestPatterns_OnAllStorage -patterns

.PHONY: e2e-one
e2e-one: ## run one end-to-end test: T=TestName, on the test cluster or with KUBECONFIG=FILE IMAGE=REFERENCE
	@T='$(T)' sh tests/e2e/one.sh

.PHONY: detection
detection: ## inject all faults and compare what the experiment and other methods detect (build/detection.md)
	@sh tests/detection/detection.sh

BACKENDS ?=
.PHONY: backends
backends: ## measure what real storage keeps after a failure (Linux and root; BACKENDS='-only bindfs', BACKENDS=-update)
	cd tests/backends && go run . $(BACKENDS)

LONG ?= -duration 600s -interval 150ms -record-size 128
.PHONY: long
long: ## measure the memory of a long local run, the size of its bundle and its page (Linux; LONG='-duration 1000s -interval 150ms -record-size 128')
	@rm -rf build/long build/long-short
	@$(GO_BUILD) -o build/local ./experiments/volume-durability/local
	@go run ./tests/long -bundle build/long -ratios='$(RATIOS)' $(LONG)
	@RATIOS='$(RATIOS)' sh tests/browser/browser.sh build/long/report.html

VERSIONS ?= 1.37/built 1.36/built 1.35/built 1.34/system
.PHONY: versions
versions: ## measure which versions of Kubernetes this works on: the table in the README (VERSIONS='1.37/built 1.34/system')
	@sh tests/versions/versions.sh $(VERSIONS)

HUB_NAME ?= volume-durability
.PHONY: hub
hub: ## arrange the charts as a ChaosHub of Litmus 3.x: build/hub and build/hub.zip (HUB_NAME=volume-durability)
	@mkdir -p build
	@go run ./charts/hub -name $(HUB_NAME) -tree build/hub -zip build/hub.zip

.PHONY: binaries
binaries: ## build the experiment and command line, the helper, and the test cluster's chaos-runner (BIN=build/out)
	$(GO_BUILD) -o $(BIN)/volume-durability ./experiments/volume-durability
	$(GO_BUILD) -o $(BIN)/durability-helper ./experiments/volume-durability/helper/durability-helper
	$(GO_BUILD) -o $(BIN)/runner ./tests/chaosrunner

.PHONY: install
install: ## install the command line, also as kubectl durability (PREFIX=/usr/local)
	@$(MAKE) --no-print-directory -s binaries
	install -D -m 0755 $(BIN)/volume-durability $(DESTDIR)$(PREFIX)/bin/volume-durability
	ln -sf volume-durability $(DESTDIR)$(PREFIX)/bin/kubectl-durability
	printf '#!/bin/sh\nexec kubectl-durability __complete "$$@"\n' >$(DESTDIR)$(PREFIX)/bin/kubectl_complete-durability
	chmod 0755 $(DESTDIR)$(PREFIX)/bin/kubectl_complete-durability

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
.PHONY: platforms
platforms: ## compile the command line for every system that it is released for
	@for p in $(PLATFORMS); do echo $$p; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -o /dev/null ./experiments/volume-durability || exit 1; done

# The minor version of the test cluster, and its containerd: built, or the machine's own (system).
K8S ?= 1.37
CONTAINERD ?= system
# How many machines of their own the test cluster has (user-mode Linux guests).
MACHINES ?= 0
.PHONY: cluster-tool
cluster-tool:
	@$(MAKE) --no-print-directory -j2 compile-cluster-tool build/modules-$(K8S)

# Flags as those of the cluster's programs: what they share is compiled once.
.PHONY: compile-cluster-tool
compile-cluster-tool:
	@cd tests/cluster && $(GO_BUILD) -o ../../$(CLUSTER) .

# The modules of the cluster's programs are downloaded while the tool is compiled. Listing the packages downloads only
# what their compilation needs.
build/modules-$(K8S): tests/cluster/programs/go.sum
	@cd tests/cluster/programs && go list -deps $(if $(wildcard tests/cluster/programs/versions/$(K8S).mod),-modfile versions/$(K8S).mod) \
		./kubernetes ./operator github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher \
		github.com/volume-durability/volume-durability/tests/csi >/dev/null
	@mkdir -p build && touch $@

.PHONY: cluster-up
cluster-up: cluster-tool ## start the test cluster, unless it is running (K8S=1.37, CONTAINERD=built, MACHINES=2)
	@$(CLUSTER) up --source tests/cluster --kubernetes $(K8S) --containerd $(CONTAINERD) --machines $(MACHINES)

.PHONY: cluster-down
cluster-down: cluster-tool ## stop the test cluster and remove everything that belongs to it
	@$(CLUSTER) down

.PHONY: cluster-status
cluster-status: cluster-tool ## show which programs of the test cluster are running
	@$(CLUSTER) status

.PHONY: faultfs-tool
faultfs-tool: ## build faultfs, the filesystem that damages data on purpose (build/faultfs)
	@cd tests/faultfs && CGO_ENABLED=0 go build -o ../../$(FAULTFS) ./cmd/faultfs

.PHONY: images
images: cluster-tool ## build the images of the test cluster, without Docker
	@$(MAKE) --no-print-directory -s binaries BIN=build/image/out
	@$(CLUSTER) image --dockerfile Dockerfile --from build/image $(EXPERIMENT_IMAGE) build/volume-durability.tar
	@$(CLUSTER) image --dockerfile tests/chaosrunner/Dockerfile --from build/image $(RUNNER_IMAGE) build/runner.tar

.PHONY: faults
faults: ## build the program with faults of litmus-go, for the end-to-end tests (BIN=build/out)
	cd tests/litmusfaults && $(GO_BUILD) -o $(abspath $(BIN))/faults . && $(GO_BUILD) -o $(abspath $(BIN))/ssh ./ssh

.PHONY: faults-image
faults-image: cluster-up
	@$(MAKE) --no-print-directory -s faults BIN=build/image/out
	@$(CLUSTER) image --dockerfile tests/litmusfaults/Dockerfile --from build/image $(FAULTS_IMAGE) build/faults.tar
	@$(CLUSTER) load --machines=false $(FAULTS_IMAGE) build/faults.tar

.PHONY: cluster-images
cluster-images: cluster-up images ## start the test cluster and load its images
	@$(CLUSTER) load $(EXPERIMENT_IMAGE) build/volume-durability.tar
	@$(CLUSTER) load --machines=false $(RUNNER_IMAGE) build/runner.tar

.PHONY: docker-image
docker-image: ## build the experiment's image with Docker
	docker build -t volume-durability/volume-durability:latest .

# Modules that make lint does not vet: their sources are other projects'.
PROGRAMS := tests/cluster/programs tests/cluster/runc
.PHONY: update
update: ## update every requirement to its newest compatible version; then review the changes and run make test
	@sh tests/update/update.sh $(MODULES) $(PROGRAMS)

.PHONY: clean
clean: ## remove build/
	rm -rf build
