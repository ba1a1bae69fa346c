#!/bin/sh
# Tests this project on several versions of Kubernetes, and writes the table in
# docs/clusters.md. It brings up each version and runs the tests of each column.
# usage: versions.sh MINOR/CONTAINERD ...
set -eu

page=docs/clusters.md
rows=build/versions.md
e2e=$PWD/build/e2e.test

# columns prints each column with its tests.
columns() {
	cat <<-'END'
		charts and ChaosEngine	^TestSTIGCheck_ReportsPassAndFinding$
		command line	^TestCommand_HasTheResultOfAnEngine$
		matrix	^TestMatrix_ComparesSeveralCellsInOneRun$
		block device	^TestBlockDevice_IsWritableByANonRootUser$
		ReadWriteOncePod	^TestMatrix_EveryClassAndVolumeMode$
		probe recipe	^TestProbeRecipe_PassesInPodDelete$
	END
}

# answer runs the tests that a pattern names and prints the outcome.
answer() {
	if [ -z "$("$e2e" -test.list "$1" -cluster none)" ]; then
		echo "no test $1"
		return
	fi
	if (cd tests/e2e && "$e2e" -test.count=1 -test.timeout 20m -test.run "$1" -cluster "$cluster") >>"$log" 2>&1; then
		echo yes
	else
		echo "**no**"
	fi
}

# versions prints the versions that a node reports.
versions() {
	"$cluster" kubectl get nodes -o 'jsonpath={.items[0].status.nodeInfo.kubeletVersion} | {.items[0].status.nodeInfo.containerRuntimeVersion}' |
		sed 's/v//; s/containerd:\/\/v*//'
}

cluster=$PWD/build/cluster
go test -c -o "$e2e" ./tests/e2e
{
	printf '| Kubernetes | containerd |'
	columns | cut -f1 | sed 's/$/ |/; s/^/ /' | tr -d '\n'
	printf '\n|---|---|'
	columns | sed 's/.*/---|/' | tr -d '\n'
	echo
} >"$rows"
for version in "$@"; do
	minor=${version%/*} containerd=${version#*/}
	log=build/versions-$minor.log
	: >"$log"
	make --no-print-directory cluster-down
	make --no-print-directory cluster-images faults-image "K8S=$minor" "CONTAINERD=$containerd"
	{
		printf '| %s |' "$(versions)"
		columns | cut -f2 | while read -r pattern; do printf ' %s |' "$(answer "$pattern")"; done
		echo
	} >>"$rows"
	tail -1 "$rows"
done
make --no-print-directory cluster-down
awk -v rows="$rows" '
	/<!-- versions -->/ { print; while ((getline line <rows) > 0) print line; skip = 1 }
	/<!-- \/versions -->/ { skip = 0 }
	!skip' "$page" >build/clusters.md
cp build/clusters.md "$page"
