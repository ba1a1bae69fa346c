#!/bin/sh
# With DRBD's protocol C, a write is complete when it has reached the disks of both nodes. The network
# between the nodes fails, then the primary loses its power, and the secondary is promoted without
# force. Records that fdatasync acknowledged are missing.
#
# Expected from memory: with protocol C, the primary blocks while its peer is away, or the peer, whose
# data is old, refuses to be promoted. Seen: after about 11 seconds the primary continues alone. The
# peer still says UpToDate, because it was never told, and is promoted. The default of the option
# "fencing" is dont-care; with resource-and-stonith, the primary blocks until its peer is fenced.
#
# Primary and secondary are user-mode Linux guests: processes with a kernel of their own. Killing one
# is a power cut. This script is also their first program, as process 1.
#
# Seen with DRBD 8.4.11 of Debian's user-mode-linux 6.1um4+b13 (kernel 6.1.176) and drbd-utils 9.22.0-1.
# Needs root, and a processor without AMX.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
primary_address=10.210.0.2 secondary_address=10.210.0.3
until_true() { for _ in $(seq 600); do if "$@"; then return 0; fi; sleep 0.1; done; echo "timed out: $*"; return 1; }

# Inside a guest: a root filesystem of the packages above the files of this machine.
if [ $$ = 1 ] && [ -z "${entered:-}" ]; then
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    mkdir /run/packages /run/upper /run/work /run/root
    mount -t hostfs -o "$dir/packages" none /run/packages
    kernel=$(uname -r)
    /run/packages/usr/bin/insmod "/run/packages/usr/lib/uml/modules/$kernel/kernel/fs/overlayfs/overlay.ko"
    mount -t overlay -o lowerdir=/run/packages:/,upperdir=/run/upper,workdir=/run/work overlay /run/root
    exec chroot /run/root /usr/bin/env entered=yes dir="$dir" role="$role" sh "$dir/script"
fi
is() { [ "$(drbdadm "$1" r0)" = "$2" ]; }
if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    mount -t tmpfs tmpfs /run
    mkdir -p /run/lock /run/drbd /var/lib/drbd /mnt/storage /out
    mount -t hostfs -o "$dir/out" none /out
    eval "address=\$${role}_address"
    hostname "$role"
    ip link set lo up
    ip link set vec0 address "02:00:00:00:00:0${address##*.}" up
    ip address add "$address/24" dev vec0
    modprobe drbd
    cat >/etc/drbd.conf <<END
global { usage-count no; }
resource r0 {
    net { protocol C; }
    device /dev/drbd0;
    disk /dev/ubda;
    meta-disk internal;
    on primary { address $primary_address:7789; }
    on secondary { address $secondary_address:7789; }
}
END
    drbdadm create-md --force r0
    drbdadm up r0
    until_true is cstate Connected
fi
case "${role:-}" in
primary)
    drbdadm new-current-uuid --clear-bitmap r0/0
    drbdadm primary r0
    mkfs.ext4 -q /dev/drbd0
    mount /dev/drbd0 /mnt/storage
    n=0
    while :; do
        n=$((n + 1))
        printf '%-255s\n' "record $n" | dd bs=256 conv=notrunc,fdatasync oflag=append status=none >>/mnt/storage/log
        echo $n >/out/acknowledged.new
        mv /out/acknowledged.new /out/acknowledged
    done
    ;;
secondary)
    until_true test -e /out/promote
    until_true drbdadm primary r0
    mount /dev/drbd0 /mnt/storage
    cat /mnt/storage/log >/out/log
    echo >/out/done
    until_true false
    ;;
esac

if grep -qw amx_tile /proc/cpuinfo; then
    echo "this script needs a processor without AMX: user-mode-linux 6.1 does not start on one with AMX"
    exit 2
fi
dir=$(mktemp -d)
primary='' secondary=''
bridge=fdrbd0
cut() { [ -z "$1" ] || kill -KILL "-$1" 2>/dev/null || true; }
cleanup() {
    cut "$primary"
    cut "$secondary"
    for device in fdrbdp fdrbds $bridge; do ip link delete "$device" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/debs" "$dir/debs/partial" "$dir/packages" "$dir/out"
cp "$0" "$dir/script"
chmod 0755 "$dir/script" "$dir"
apt-get install -qq -y --no-install-recommends --download-only --reinstall -o Dir::Cache::archives="$dir/debs" \
    -o APT::Sandbox::User=root user-mode-linux=6.1um4+b13 drbd-utils=9.22.0-1 kmod >/dev/null 2>&1
for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir/packages"; done
for part in bin sbin lib; do
    [ ! -d "$dir/packages/$part" ] || { mkdir -p "$dir/packages/usr/$part" &&
        cp -a "$dir/packages/$part/." "$dir/packages/usr/$part/" && rm -r "${dir:?}/packages/$part"; }
done
ln -s /usr/lib/uml/modules "$dir/packages/usr/lib/modules"
ln -s kmod "$dir/packages/usr/bin/insmod"
ip link add $bridge type bridge
ip link set $bridge up
for tap in fdrbdp fdrbds; do
    ip tuntap add dev $tap mode tap
    ip link set $tap master $bridge up
done

# boot ROLE TAP starts a guest in a process group of its own.
boot() {
    truncate -s 64M "$dir/$1.disk"
    setsid "$dir/packages/usr/bin/linux.uml" mem=256M "umid=$1" "uml_dir=$dir" rootfstype=hostfs root=/dev/root \
        ro quiet con=null con0=null,fd:1 noreboot panic=-1 "vec0:transport=tap,ifname=$2,depth=1" "init=$dir/script" \
        "dir=$dir" "role=$1" "ubd0=$dir/$1.disk" </dev/null >>"$dir/$1.log" 2>&1 &
}
acknowledged() { cat "$dir/out/acknowledged" 2>/dev/null || echo 0; }
has() { [ "$(acknowledged)" -ge "$1" ]; }
boot primary fdrbdp
primary=$!
boot secondary fdrbds
secondary=$!
until_true has 20 || { cat "$dir/primary.log" "$dir/secondary.log"; exit 1; }

ip link set fdrbds nomaster # the network between the nodes fails
away=$(acknowledged)
until_true has $((away + 20)) || { echo "CHANGED: the primary blocks while its peer is away"; exit 1; }
cut "$primary"
wait "$primary" 2>/dev/null || true
all=$(acknowledged)
ip link set fdrbds master $bridge
echo >"$dir/out/promote"
until_true test -e "$dir/out/done" || { cat "$dir/secondary.log"; echo "CHANGED: the secondary is not promoted"; exit 1; }

kept=$(grep -ac '^record ' "$dir/out/log" || true)
if [ "$kept" -lt "$all" ]; then
    echo "as described: $all records were acknowledged, $away of them before the network failed. The secondary was"
    echo "promoted without force and has $kept"
else
    echo "CHANGED: the secondary has all $all acknowledged records"
    exit 1
fi
