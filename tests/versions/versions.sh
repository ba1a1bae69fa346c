#!/bin/sh
# Measures on which versions of Kubernetes this project works, and writes the table in
# docs/clusters.md: each version is brought up, and the tests of each column are run.
# usage: versions.sh MINOR/CONTAINERD ...
set -eu

page=docs/clusters.md
rows=build/versions.md
e2e=$PWD/build/e2e.test

# columns prints each column with the tests that decide on it.
columns() {
	cat <<-'END'
		charts and ChaosEngine	^TestTheSTIGCheck$
		command line	^TestAPersonRunsWhatAnEngineSays$
		matrix	^TestSeveralCellsAreComparedInOneRun$
		block device	^TestABlockDeviceIsItsUsersWhoIsNotRoot$
		ReadWriteOncePod	^TestTheWholeMatrix$
		probe recipe	^TestTheRecipePassesInPodDelete$
	END
}

# answer runs the tests that a pattern names and prints what came of them.
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

# versions prints what the nodes say that they run.
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
