#!/bin/sh
# Fails where a module that is compiled into the product has a licence that
# licences.json does not list, or none that is known. Nothing is asked of the network.
set -eu
lint=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
modules=$(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' ./experiments/...)
# Of no module at all the detector has nothing to say.
[ -n "$modules" ] || { echo "licences: no modules were found, run this in the product's folder" >&2; exit 1; }
described=$(echo "$modules" | sort -u | xargs go list -m -json)
echo "$described" | go tool -modfile="$lint/go.mod" go-licence-detector -includeIndirect -rules "$lint/licences.json"
