#!/bin/sh
# A target of the Linux kernel (LIO) can store its data in a file with buffered writes. If its attribute
# emulate_write_cache is 0, the target then loses synced data at a power failure.
#
# From the name, one would expect that 1 adds a write cache, and that 0 is safe. But with both values, buffered writes
# are in the page cache of the target. The attribute only decides what the target reports. With 0, it reports a disk
# without a write cache, so the kernel that uses the disk sends no flush for a sync. targetcli(8) says that buffered
# writes ("write-back") increase the risk of data loss. With 1, all synced data was intact.
#
# The machine is a user-mode Linux guest: a process with a kernel of its own. To cut its power, the script kills it. It
# uses its own target, without a network. This script is also its first program, as process 1.
#
# Seen with Debian's user-mode-linux 6.1um4+b13 (kernel 6.1.176). Needs root, loop devices, python3, and a processor
# without AMX.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
until_true() { for _ in $(seq 600); do if "$@"; then return 0; fi; sleep 0.1; done; echo "timed out: $*"; return 1; }

# Inside the guest: the root filesystem has the files of this machine, and the packages above them.
if [ $$ = 1 ] && [ -z "${entered:-}" ]; then
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    mkdir /run/packages /run/upper /run/work /run/root
    mount -t hostfs -o "$dir/packages" none /run/packages
    kernel=$(uname -r)
    /run/packages/usr/bin/insmod "/run/packages/usr/lib/uml/modules/$kernel/kernel/fs/overlayfs/overlay.ko"
    mount -t overlay -o lowerdir=/run/packages:/,upperdir=/run/upper,workdir=/run/work overlay /run/root
    exec chroot /run/root /usr/bin/env entered=yes dir="$dir" sh "$dir/script"
fi
if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    mount -t tmpfs tmpfs /run
    mkdir -p /storage /mnt/device /out
    mount -t hostfs -o "$dir/out" none /out
    mount /dev/ubda /storage
    for module in sd_mod tcm_loop target_core_file; do modprobe $module; done
    mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
    mkdir -p /var/target/pr /var/target/alua
    cd /sys/kernel/config/target
    disk=a # sda, sdb
    for cache in 1 0; do
        store=core/fileio_0/image$cache portal=loopback/naa.500140500000000$cache/tpgt_1
        mkdir -p $store $portal/lun/lun_0
        echo "fd_dev_name=/storage/image$cache,fd_dev_size=67108864,fd_buffered_io=1" >$store/control
        echo 1 >$store/enable
        echo $cache >$store/attrib/emulate_write_cache
        echo naa.500140500000001$cache >$portal/nexus
        ln -s "$PWD/$store" $portal/lun/lun_0/image
        until_true test -b /dev/sd$disk
        cat /sys/block/sd$disk/queue/write_cache >/out/reported$cache
        mount /dev/sd$disk /mnt/device
        python3 - <<'PYTHON'
import os
f = os.open("/mnt/device/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.fsync(os.open("/mnt/device", os.O_RDONLY))
for record in range(100):
    os.write(f, b"%-255d\n" % record)
    os.fdatasync(f)  # raises an error if it fails
PYTHON
        disk=b
    done
    echo >/out/done
    until_true false
fi

if grep -qw amx_tile /proc/cpuinfo; then
    echo "this script needs a processor without AMX: user-mode-linux 6.1 does not start on one with AMX"
    exit 2
fi
dir=$(mktemp -d)
guest=
cut() {
    [ -z "$guest" ] || kill -KILL "-$guest" 2>/dev/null || true
    [ -z "$guest" ] || wait "$guest" 2>/dev/null || true
    guest=
}
cleanup() {
    cut
    for mount in device storage; do ! mountpoint -q "$dir/$mount" || umount "$dir/$mount"; done
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/debs" "$dir/packages" "$dir/low" "$dir/out" "$dir/storage" "$dir/device"
cp "$0" "$dir/script"
chmod 0755 "$dir/script" "$dir"
(cd "$dir/debs" && apt-get download -qq user-mode-linux=6.1um4+b13 kmod >/dev/null)
for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir/packages"; done
for part in bin sbin lib; do
    [ ! -d "$dir/packages/$part" ] || { mkdir -p "$dir/packages/usr/$part" &&
        cp -a "$dir/packages/$part/." "$dir/packages/usr/$part/" && rm -r "${dir:?}/packages/$part"; }
done
ln -s /usr/lib/uml/modules "$dir/packages/usr/lib/modules"
ln -s kmod "$dir/packages/usr/bin/insmod"
ln -sf ../bin/kmod "$dir/packages/usr/sbin/modprobe"

truncate -s 64M "$dir/low/image0" "$dir/low/image1"
mkfs.ext4 -q "$dir/low/image0"
mkfs.ext4 -q "$dir/low/image1"
truncate -s 256M "$dir/disk"
mkfs.ext4 -q -d "$dir/low" "$dir/disk"

# The guest is a process group of its own.
setsid "$dir/packages/usr/bin/linux.uml" mem=256M umid=target "uml_dir=$dir" rootfstype=hostfs root=/dev/root ro quiet \
    con=null con0=null,fd:1 noreboot panic=-1 "init=$dir/script" "dir=$dir" "ubd0=$dir/disk" </dev/null >>"$dir/log" 2>&1 &
guest=$!
until_true test -e "$dir/out/done" || { cat "$dir/log"; exit 1; }
cut

# kept CACHE prints how many of the synced records are on the disk.
kept() {
    mount -o loop "$dir/storage/image$1" "$dir/device"
    python3 - "$dir/device/log" <<'PYTHON'
import os, sys
log = open(sys.argv[1], "rb").read() if os.path.exists(sys.argv[1]) else b""
print(sum(log[n * 256 : (n + 1) * 256] == b"%-255d\n" % n for n in range(100)))
PYTHON
    umount "$dir/device"
}
mount -o loop "$dir/disk" "$dir/storage"
for cache in 0 1; do
    kept $cache >"$dir/kept$cache"
    echo "LIO, buffered, emulate_write_cache=$cache: the target reports \"$(cat "$dir/out/reported$cache")\";" \
        "of 100 synced records, $(cat "$dir/kept$cache") are intact"
done
[ "$(cat "$dir/out/reported0")" = "write through" ] && [ "$(cat "$dir/kept0")" -lt 100 ] &&
    [ "$(cat "$dir/out/reported1")" = "write back" ] && [ "$(cat "$dir/kept1")" = 100 ] || {
    echo "CHANGED: expected write through and fewer than 100 records, then write back and 100 records"
    exit 1
}
