#!/bin/sh
# Tests this project on several versions of Kubernetes and writes the table in the
# README, between its markers. It brings up each version and runs the tests of each column. A failure does
# not stop the other tests and versions. Every log is kept in build/versions/MINOR-CONTAINERD.
# A version that is not named keeps its row of an earlier call.
# usage: versions.sh MINOR/CONTAINERD ...
set -eu

if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: the versions need Linux and root, for the test cluster"
	exit 0
fi
page=README.md
results=$PWD/build/versions
e2e=$PWD/build/e2e.test
cluster=$PWD/build/cluster
program_logs=/var/lib/volume-durability-cluster/logs

# columns prints each column with its test.
columns() {
	cat <<-'END'
		charts and ChaosEngine	TestSTIGCheck_ReportsPassAndFinding
		command line	TestCommand_HasTheResultOfAnEngine
		several cells	TestMatrix_ComparesSeveralCellsInOneRun
		block device, ReadWriteOncePod	TestMatrix_EveryClassAndVolumeMode
		command probes	TestProbeRecipe_PassesInPodDelete
	END
}

# run_tests runs the tests of all columns at the same time.
run_tests() {
	tests=$(columns | cut -f2 | paste -sd '|')
	(cd tests/e2e && exec "$e2e" -test.count=1 -test.v -test.timeout 20m -test.run "^($tests)\$" -cluster "$cluster") \
		>"$logs/tests.log" 2>&1 </dev/null || true
}

# answer prints the outcome of a test. A skipped test is no answer.
answer() {
	if grep -q -e "^--- PASS: $1 " "$logs/tests.log"; then
		echo yes
	else
		echo '**no**'
	fi
}

# node_versions prints the versions that a node reports.
node_versions() {
	"$cluster" kubectl get nodes \
		-o 'jsonpath={.items[0].status.nodeInfo.kubeletVersion} | {.items[0].status.nodeInfo.containerRuntimeVersion}' |
		sed 's/v//; s/containerd:\/\/v*//; s/+unknown//'
}

# bring_up starts the cluster with a minor version and a containerd.
bring_up() {
	make --no-print-directory cluster-down &&
		make --no-print-directory cluster-images faults-image "K8S=$1" "CONTAINERD=$2" &&
		"$cluster" status
}

# row prints the row of a version. If the cluster cannot be brought up, all its outcomes are no.
row() {
	if bring_up "$1" "$2" >"$logs/cluster.log" 2>&1 </dev/null; then
		run_tests
		printf '| %s |' "$(node_versions)"
		columns | cut -f2 | while read -r test; do printf ' %s |' "$(answer "$test")"; done
	else
		printf '| %s | %s |' "$1" "$2"
		columns | sed 's/.*/ **no** |/' | tr -d '\n'
	fi
	echo
}

# keep_program_logs copies the logs of the cluster's programs, which cluster-down removes.
keep_program_logs() {
	[ -d "$program_logs" ] || return 0
	mkdir "$logs/programs"
	find "$program_logs" -name '*.log' ! -name 'audit*' -exec cp {} "$logs/programs/" \;
}

# table prints the table of all rows, the newest version first.
table() {
	printf '| Kubernetes | containerd |'
	columns | cut -f1 | sed 's/$/ |/; s/^/ /' | tr -d '\n'
	printf '\n|---|---|'
	columns | sed 's/.*/---|/' | tr -d '\n'
	echo
	cat "$results"/*.row | sort -r -V
}

mkdir -p "$results"
go test -c -o "$e2e" ./tests/e2e
columns | cut -f2 | while read -r test; do
	[ -n "$("$e2e" -test.list "^$test\$" -cluster none)" ] || {
		echo "versions: no test has the name $test" >&2
		exit 1
	}
done
failed=
for version in "$@"; do
	name=$(echo "$version" | tr / -)
	logs=$results/$name
	rm -rf "$logs"
	mkdir "$logs"
	echo "Kubernetes $version: logs are in ${logs#"$PWD/"}"
	row "${version%/*}" "${version#*/}" >"$results/$name.row"
	cat "$results/$name.row"
	if grep -q '\*\*no\*\*' "$results/$name.row"; then
		failed="$failed $version"
		keep_program_logs
	fi
done
make --no-print-directory cluster-down
table >build/versions.md
awk '
	/^<!-- versions -->$/ { print; while ((getline line <"build/versions.md") > 0) print line; skip = 1 }
	/^<!-- \/versions -->$/ { skip = 0 }
	!skip' "$page" >build/page.md
cp build/page.md "$page"
if [ -n "$failed" ]; then
	echo "versions: failed in$failed" >&2
	exit 1
fi
