#!/bin/sh
# Fails if a module that is compiled into the product has an unknown licence, or one that
# licences.json does not list. It does not use the network.
set -eu
lint=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
modules=$(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' ./experiments/...)
# The detector accepts an empty list, so an empty list is an error here.
[ -n "$modules" ] || { echo "licences: found no modules; run this in the root folder of the repository" >&2; exit 1; }
described=$(echo "$modules" | sort -u | xargs go list -m -json)
echo "$described" | go tool -modfile="$lint/go.mod" go-licence-detector -includeIndirect -rules "$lint/licences.json"
