#!/bin/sh
# Compares the overhead of a run with that of an earlier commit, on the running test cluster. A cluster is not
# equally fast at all times, so both builds take turns.
#
#   COMMIT  the earlier commit; by default the last one before the changes to reduce it
#   ROUNDS  the number of runs of each build
set -eu
COMMIT=${COMMIT:-278b0459}
ROUNDS=${ROUNDS:-5}
CHAOS=10 # seconds
KUBECONFIG=/var/lib/volume-durability-cluster/kubeconfig
export KUBECONFIG
earlier=volume-durability.test/volume-durability:earlier
now=volume-durability.test/volume-durability:test

dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/tree"; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/tree" "$COMMIT"
make --no-print-directory -s -C "$dir/tree" images EXPERIMENT_IMAGE=$earlier
build/cluster load --machines=false $earlier "$dir/tree/build/volume-durability.tar"

# overhead BUILD PROGRAM IMAGE executes a run and prints how long it took without its chaos.
overhead() {
    began=$(date +%s.%N)
    "$2" run --yes -n default --storage-class csi-ext4 --lib-image "$3" --total-chaos-duration $CHAOS >"$dir/output" 2>&1 ||
        { cat "$dir/output" >&2; exit 1; }
    date +%s.%N | awk -v build="$1" -v began="$began" -v chaos=$CHAOS '{ print build, $1 - began - chaos }'
}
round=0
while [ $round -lt "$ROUNDS" ]; do
    overhead earlier "$dir/tree/build/image/out/volume-durability" $earlier
    overhead now build/image/out/volume-durability $now
    round=$((round + 1))
done >"$dir/times"

# median BUILD prints the median time of a build.
median() { awk -v build="$1" '$1 == build { print $2 }' "$dir/times" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }
echo "seconds of a run of one cell without its chaos, medians of $ROUNDS runs:"
echo "$(median earlier) $(median now)" |
    awk -v commit="$COMMIT" '{ printf "%-10s %6.1f\nnow        %6.1f\nratio      %6.2f\n", commit, $1, $2, $2 / $1 }'
