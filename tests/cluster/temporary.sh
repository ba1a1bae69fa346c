# Scripts that may start the test cluster source this file before. It stops the cluster when the script ends, also after
# an interrupt, unless the cluster was running before. build/cluster must exist.
was_up=no
build/cluster status >/dev/null 2>&1 && was_up=yes

stop_cluster() {
    trap - EXIT
    [ $was_up = yes ] || build/cluster down
}
trap stop_cluster EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
