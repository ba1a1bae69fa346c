#!/bin/sh
# Takes every direct requirement of every module to its newest version that the module
# proxy serves and that fits the others, Kubernetes' own modules together, and prints
# what changed. A version that cannot be had is kept, and the reason is printed.
# usage: update.sh MODULE ...
set -eu

root=$(pwd)
log=$root/build/update.log
mkdir -p build
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/api@latest)
echo "Kubernetes' modules: $kubernetes"

# quietly runs a command and prints what it said where it fails.
quietly() {
	"$@" >"$log" 2>&1 && return
	grep -v '^go: downloading' "$log" | head -3
	return 1
}

# required prints the module paths and versions that a go.mod requires directly.
required() {
	go mod edit -print | awk '
		/^require \(/ { block = 1; next }
		/^\)/ { block = 0 }
		block && NF && !/\/\/ indirect/ { print $1 }
		/^require [^(]/ && !/\/\/ indirect/ { print $2 }'
}

# required_all prints path and version of everything that a go.mod requires.
required_all() { go mod edit -print | awk 'NF > 1 && $2 ~ /^v[0-9]/ && $1 != "require" { print $1, $2 }'; }

# staging prints the modules of Kubernetes that a go.mod requires, also indirectly: they
# have one version. Those that it replaces have theirs from there.
staging() { go mod edit -print | awk '$1 ~ /^k8s\.io\// && $2 ~ /^v0\.[0-9]+\.[0-9]+$/ { print $1 }'; }
replaced() { go mod edit -print | awk '{ sub(/^replace /, ""); sub(/^\t/, "") } /^k8s\.io\/.* => k8s\.io\// { print $1 }'; }

# update brings the module in the working directory up to date.
update() {
	pinned=$(replaced)
	for path in $pinned; do go mod edit -replace "$path=$path@$kubernetes"; done
	together=
	for path in $(staging); do
		echo "$pinned" | grep -qx "$path" || together="$together $path@$kubernetes"
	done
	if required | grep -qx k8s.io/kubernetes; then together="$together k8s.io/kubernetes@v1${kubernetes#v0}"; fi
	# shellcheck disable=SC2086 # one argument each
	if [ -n "$together" ]; then quietly go get $together; fi
	for path in $(required); do
		case "$path" in
		github.com/volume-durability/* | k8s.io/kubernetes) continue ;;
		k8s.io/klog/* | k8s.io/utils) ;;
		k8s.io/*) continue ;;
		esac
		quietly go get "$path@latest" || echo "kept $path"
	done
	quietly go mod tidy
}

# align takes what several modules require to the highest version that one of them
# requires: what they share is then compiled once for all of them.
align() {
	pinned=$(replaced)
	higher=$(go mod edit -print | awk -v highest="$root/build/highest" '
		BEGIN { while ((getline line <highest) > 0) { split(line, f); version[f[1]] = f[2] } }
		($1 in version) && $2 != version[$1] { print $1 "@" version[$1] }')
	together=
	for requirement in $higher; do
		echo "$pinned" | grep -qx "${requirement%@*}" || together="$together $requirement"
	done
	# shellcheck disable=SC2086 # one argument each
	if [ -n "$together" ]; then quietly go get $together; fi
	quietly go mod tidy
}

each() {
	step=$1
	shift
	for module in "$@"; do
		cd "$root/$module"
		$step
	done
	cd "$root"
}

keep() { cp go.mod "$root/build/before$(echo "$module" | tr / -).mod"; }
show() {
	echo "== $module"
	diff "$root/build/before$(echo "$module" | tr / -).mod" go.mod | grep '^[<>]' | grep -v '// indirect' || echo "nothing changed"
}

# highest keeps the highest version of each module. A version with a hyphen is before the
# one without, which sort knows of a tilde.
highest() {
	sed 's/ \(v[^ -]*\)-/ \1~/' | sort -k1,1 -k2,2V | awk '{ version[$1] = $2 } END { for (path in version) print path, version[path] }' |
		sed 's/~/-/'
}

each keep "$@"
each update "$@"
each required_all "$@" | grep -v "^github.com/volume-durability/\|+incompatible$" |
	highest >build/highest
each align "$@"
each show "$@"
