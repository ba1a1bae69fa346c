#!/bin/sh
# Writes the go.mod with which the test cluster's Kubernetes is built in an older version:
# its own requirements, as Kubernetes has them, with its etcd's server.
# usage: versions.sh MINOR ...
set -eu

programs=$(pwd)/tests/cluster/programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/kubernetes" "$programs/versions"
cp "$programs"/kubernetes/*.go "$work/kubernetes/"

# newest prints the newest release of a minor version that is served.
newest() {
	go list -m -versions "$1" | tr ' ' '\n' | grep "^$2\.[0-9]*$" | sort -V | tail -1
}

cd "$work"
for minor in "$@"; do
	rm -f go.mod go.sum
	version=$(cd "$programs" && newest k8s.io/kubernetes "v$minor")
	of_staging=v0${version#v1}
	own=$(go mod download -json "k8s.io/kubernetes@$version" | awk -F'"' '$2 == "GoMod" { print $4 }')
	etcd=$(awk '$1 == "go.etcd.io/etcd/client/v3" { print $2 }' "$own")
	{
		echo "// Kubernetes $minor, written by tests/update/versions.sh."
		echo "module github.com/volume-durability/volume-durability/tests/cluster/programs"
		echo
		awk '$1 == "go" { print }' "$own"
		echo
		echo "require k8s.io/kubernetes $version"
		echo "require go.etcd.io/etcd/server/v3 $etcd"
		awk -v version="$of_staging" '$2 == "=>" && $3 ~ /^\.\/staging/ { print "replace " $1 " => " $1 " " version }' "$own"
	} >go.mod
	go mod tidy
	cp go.mod "$programs/versions/$minor.mod"
	cp go.sum "$programs/versions/$minor.sum"
	echo "$minor: Kubernetes $version, etcd $etcd"
done
