#!/bin/sh
# If a chunkserver of MooseFS 3 is killed while it writes to a chunk, all bytes of the chunk can become unreadable, also
# those that were acknowledged before and are in the file of the chunk.
#
# With each append, a chunkserver writes the data to the file of the chunk, and then a checksum of the block of 64 KiB.
# If it is killed between these two writes, it finds a wrong checksum after its restart. One would expect that only the
# new record is missing, or at most the block. But with one copy, after a read of this block has failed, reads of other
# blocks of the chunk (up to 64 MiB) fail too.
#
# Seen with Debian's moosefs 3.0.117-1 (one master, one chunkserver, one copy), kernel 6.18. Needs root, FUSE and
# python3. The chunkserver is killed after an append. The script then restores the checksum from before the append, which
# is the state between the two writes.
set -eu
if [ -z "${dir:-}" ]; then
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    mkdir "$dir/packages"
    (cd "$dir/packages" && apt-get download -qq moosefs-master=3.0.117-1 moosefs-chunkserver=3.0.117-1 \
        moosefs-client=3.0.117-1 libfuse3-3 >/dev/null)
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
        HDD_CONF_FILENAME "$dir/hdd" EXPORTS_FILENAME "$dir/exports" HDD_LEAVE_SPACE_DEFAULT 1MiB >"$dir/$part.cfg"
done
mfsmaster -f -a -c "$dir/master.cfg" start >"$dir/log" 2>&1 &
processes=$!
serve() {
    mfschunkserver -f -c "$dir/chunkserver.cfg" start >>"$dir/log" 2>&1 &
    chunkserver=$!
    processes="$processes $!"
}
has_space() { [ "$(stat -f -c %b "$dir/mnt")" -gt 0 ]; }
mount_client() { # mount_client [OPTION...]
    mfsmount -f -H 10.0.0.1 "$@" "$dir/mnt" >>"$dir/log" 2>&1 &
    processes="$processes $!"
    until_true mountpoint -q "$dir/mnt"
    until_true has_space
}
serve
until_true bash -c '</dev/tcp/10.0.0.1/9421' 2>/dev/null
mount_client

# Each file has one chunk, with two full blocks and a few records.
python3 - "$dir/mnt" "$dir/chunks" "$chunkserver" <<'PYTHON'
import glob, os, signal, sys
mnt, chunks, chunkserver = sys.argv[1], sys.argv[2], int(sys.argv[3])
def append(name, content):
    f = os.open(mnt + "/" + name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(f, content)
    os.fsync(f)  # raises an error if it fails
    os.close(f)
for name in "complete", "interrupted":
    append(name, b"x" * 2 * 65536)
    for record in range(5):
        append(name, b"%-255d\n" % record)
chunk = sorted(glob.glob(chunks + "/*/chunk_*.mfs"), key=os.path.basename)[1]
checksums = open(chunk, "rb").read(8192)
append("complete", b"%-255d\n" % 5)
append("interrupted", b"%-255d\n" % 5)
os.kill(chunkserver, signal.SIGKILL)
with open(chunk, "r+b") as f:
    f.write(checksums)
PYTHON
umount -l "$dir/mnt"
wait "$chunkserver" 2>/dev/null || true
serve
mount_client -o mfsioretries=3 # a read fails after some seconds instead of minutes
python3 - "$dir/mnt" <<'PYTHON' | tee "$dir/seen"
import errno, os, sys
for name in "complete", "interrupted":
    f, seen = os.open(sys.argv[1] + "/" + name, os.O_RDONLY), []
    for offset, size in (2 * 65536, 5 * 256), (0, 65536):
        try:
            seen.append(f"{len(os.pread(f, size, offset))} bytes")
        except OSError as e:
            seen.append(errno.errorcode[e.errno])
    print(f"MooseFS, last append {name}: a read of the records before returns {seen[0]}, "
          f"then one of the first block: {seen[1]}")
PYTHON
cat >"$dir/want" <<'WANT'
MooseFS, last append complete: a read of the records before returns 1280 bytes, then one of the first block: 65536 bytes
MooseFS, last append interrupted: a read of the records before returns ENXIO, then one of the first block: ENXIO
WANT
cmp -s "$dir/seen" "$dir/want" || { echo "CHANGED, expected:"; cat "$dir/want"; exit 1; }
