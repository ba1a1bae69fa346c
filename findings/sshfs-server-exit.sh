#!/bin/sh
# sshfs 3.7.3 unmounts itself when its server ends. The next writer writes under the
# mount point, to the local disk, and fsync succeeds.
#
# Expected from memory: the mount point stays and every call fails (ENOTCONN or EIO),
# as with other network filesystems. Seen: sshfs ends and takes the mount away, so the
# same path is the local folder below it. Nothing fails; the data is on the wrong disk.
#
# Seen with Debian's sshfs 3.7.3-1.2~deb12u1, openssh-sftp-server, kernel 6.18. Needs root and FUSE.
set -eu
dir=$(mktemp -d)
mnt=$dir/mnt low=$dir/low bin=$dir/packages
server= sshfs=
cleanup() {
    for pid in $sshfs $server; do kill "$pid" 2>/dev/null || true; done
    wait
    ! mountpoint -q "$mnt" || umount -l "$mnt"
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$mnt" "$low" "$bin"
(cd "$bin" && apt-get download -qq sshfs=3.7.3-1.2~deb12u1 libfuse3-3 libglib2.0-0 openssh-sftp-server socat >/dev/null)
for deb in "$bin"/*.deb; do dpkg-deb -x "$deb" "$bin"; done
LD_LIBRARY_PATH=$(dirname "$(find "$bin" -name 'libfuse3.so.3' | head -n 1)"):$bin/usr/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH
until_true() { for _ in $(seq 100); do if "$@"; then return 0; fi; sleep 0.1; done; echo "timed out: $*"; exit 1; }

port=$((20000 + $$ % 20000))
"$bin/usr/bin/socat" "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr" \
    "EXEC:$(find "$bin" -name sftp-server | head -n 1)" 2>/dev/null &
server=$!
until_true sh -c "grep -qi ':$(printf %04X "$port") 00000000:0000 0A' /proc/net/tcp"
"$bin/usr/bin/sshfs" -f -o "directport=$port" "127.0.0.1:$low" "$mnt" 2>/dev/null &
sshfs=$!
until_true mountpoint -q "$mnt"

echo one >>"$mnt/log" && sync "$mnt/log"
grep -qx one "$low/log" || { echo "FAILED: the first line did not reach the server"; exit 1; }
kill -KILL "$(cat "/proc/$server/task/$server/children" | tr -d ' ')"
until_true sh -c "! mountpoint -q '$mnt'"

echo two >>"$mnt/log" && sync "$mnt/log"
if grep -qx two "$mnt/log" && ! grep -qx two "$low/log"; then
    echo "as described: after the server ended, write and fsync succeeded at the mount point;"
    echo "the server has: $(cat "$low/log"); the local folder below the mount has: $(cat "$mnt/log")"
else
    echo "CHANGED: the second line is on the server, or was refused"
    exit 1
fi
