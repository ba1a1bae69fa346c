#!/bin/sh
# A chunkserver of MooseFS 3 with HDD_FSYNC_BEFORE_CLOSE = 1 syncs data after the fsync of the program has returned.
#
# By default, a chunkserver does not sync. mfschunkserver.cfg(5) says that the option makes it sync a chunk before it
# closes the chunk. Such a sync follows an fsync of a program, so one would expect that the data is on the disk when
# fsync returns. But the chunkserver answers first. A separate thread syncs the chunk later, often for several records
# at once. If the power fails before this sync, acknowledged records are missing.
#
# Seen with Debian's moosefs 3.0.117-1 (one master, one chunkserver, one copy), kernel 6.18. Needs root, FUSE and
# python3.
set -eu
if [ -z "${dir:-}" ]; then
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    mkdir "$dir/packages"
    (cd "$dir/packages" && apt-get download -qq moosefs-master=3.0.117-1 moosefs-chunkserver=3.0.117-1 \
        moosefs-client=3.0.117-1 libfuse3-3 strace >/dev/null)
    for deb in "$dir"/packages/*.deb; do dpkg-deb -x "$deb" "$dir/packages"; done
    # MooseFS refuses the addresses 127.0.0.0/8, so the servers have a network of their own.
    exec env dir="$dir" unshare --net --mount sh "$0"
fi
bin=$dir/packages processes=
cleanup() {
    ! grep -q " $dir/mnt " /proc/mounts || umount -l "$dir/mnt"
    for process in $processes; do kill -KILL "$process" 2>/dev/null || true; done
    wait
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/mnt" "$dir/master" "$dir/chunkserver" "$dir/chunks"
arch=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$bin/lib/$arch:$bin/usr/lib/$arch" PATH="$bin/usr/sbin:$bin/usr/bin:$PATH"
until_true() { for _ in $(seq 300); do if "$@"; then return 0; fi; sleep 0.1; done; echo "timed out: $*"; exit 1; }
ip link set lo up
ip address add 10.0.0.1/32 dev lo
cp "$bin/var/lib/mfs/metadata.mfs.empty" "$dir/master/metadata.mfs"
echo "$dir/chunks" >"$dir/hdd"
echo '* / rw,alldirs,admin,maproot=0:0' >"$dir/exports"
for part in master chunkserver; do
    printf '%s = %s\n' WORKING_USER root WORKING_GROUP root DATA_PATH "$dir/$part" MASTER_HOST 10.0.0.1 \
        HDD_CONF_FILENAME "$dir/hdd" EXPORTS_FILENAME "$dir/exports" HDD_LEAVE_SPACE_DEFAULT 1MiB \
        HDD_FSYNC_BEFORE_CLOSE 1 CHANGELOG_SAVE_MODE 2 >"$dir/$part.cfg"
done
mfsmaster -f -a -c "$dir/master.cfg" start >"$dir/log" 2>&1 &
processes=$!
mfschunkserver -f -c "$dir/chunkserver.cfg" start >>"$dir/log" 2>&1 &
processes="$processes $!"
strace -f -ttt -T -y -o "$dir/trace" -e trace=pwrite64,fsync,fdatasync -p "$!" >>"$dir/log" 2>&1 &
traced() { grep -q '^TracerPid:.[1-9]' "/proc/${processes##* }/status"; }
until_true traced
until_true bash -c '</dev/tcp/10.0.0.1/9421' 2>/dev/null
mfsmount -f -H 10.0.0.1 "$dir/mnt" >>"$dir/log" 2>&1 &
processes="$processes $!"
until_true mountpoint -q "$dir/mnt"
has_space() { [ "$(stat -f -c %b "$dir/mnt")" -gt 0 ]; }
until_true has_space
python3 - "$dir/mnt/log" >"$dir/acknowledged" <<'PYTHON'
import os, sys, time
f = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for record in range(50):
    os.write(f, b"%-255d\n" % record)
    os.fsync(f)  # raises an error if it fails
    print(time.time())
PYTHON
synced() { [ "$(grep -c 'sync([0-9]*<.*chunk_.*= 0' "$dir/trace")" -gt 0 ]; }
until_true synced
python3 - "$dir/trace" "$dir/acknowledged" <<'PYTHON'
import re, sys
acknowledged = [float(line) for line in open(sys.argv[2])]
writes, syncs, began = {}, [], {}
for line in open(sys.argv[1], errors="replace"):
    thread, time, call = line.split(maxsplit=2)
    if "chunk_" in call and re.match(r"pwrite64\(\d+<[^>]*>, \"\d+ ", call):
        record = int(re.search(r', "(\d+) ', call)[1])
        writes[record] = float(time)
    elif re.match(r"f(data)?sync\(\d+<[^>]*chunk_", call):
        began[thread] = float(time)
        if "= 0" in call:
            syncs.append((float(time), float(time) + float(re.search(r"<([\d.]+)>$", call.strip())[1])))
    elif re.match(r"<\.\.\. f(data)?sync resumed", call) and thread in began:
        syncs.append((began[thread], float(time)))
late = [n for n, time in enumerate(acknowledged) if not any(writes[n] <= a and b <= time for a, b in syncs)]
print(f"MooseFS: the fsync of 50 records succeeded; for {len(late)} of them, the chunkserver had not synced the chunk; "
      f"it synced the chunk {len(syncs)} times in total")
if not late or not syncs:
    sys.exit("CHANGED: expected syncs of the chunkserver, and records that were acknowledged before them")
PYTHON
