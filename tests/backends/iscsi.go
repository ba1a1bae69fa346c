package main

// imageOnDisk makes the file that a server serves as a block device.
const imageOnDisk = "[ -e $DISK/image ] || truncate -s 256M $DISK/image; sync\n"

// iscsiLogin makes a client have the block device of a target as /dev/sda.
const iscsiLogin = `mkdir -p /run/lock/iscsi
echo "InitiatorName=iqn.2026-11.test:$(uname -n)" >/etc/iscsi/initiatorname.iscsi
iscsid
until_true iscsiadm -m discovery -t sendtargets -p $SERVER
iscsiadm -m node --login
until_true test -b /dev/sda`

// lio is a shell script that serves a file with the target of the kernel. It has no settings on disk.
const lio = imageOnDisk + `mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
mkdir -p /var/target/pr /var/target/alua
cd /sys/kernel/config/target
mkdir -p core/fileio_0/image
echo fd_dev_name=$DISK/image,fd_dev_size=268435456$BUFFERED >core/fileio_0/image/control
echo 1 >core/fileio_0/image/enable
echo $WRITE_CACHE >core/fileio_0/image/attrib/emulate_write_cache
mkdir iscsi
portal=iscsi/iqn.2026-11.test:storage/tpgt_1
mkdir -p $portal/lun/lun_0 $portal/np/0.0.0.0:3260
ln -s $PWD/core/fileio_0/image $portal/lun/lun_0/image
for attribute in generate_node_acls cache_dynamic_acls; do echo 1 >$portal/attrib/$attribute; done
for attribute in authentication demo_mode_write_protect; do echo 0 >$portal/attrib/$attribute; done
echo 1 >$portal/enable`

const tgt = imageOnDisk + `mkdir -p /run/tgtd
tgtd
until_true tgtadm --lld iscsi --op show --mode sys
tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.2026-11.test:storage
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b $DISK/image
tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL`

// iscsiTargets returns targets that serve a file.
func iscsiTargets() []Backend {
	target := func(name, pkg, options, serve string, modules ...string) Backend {
		return Backend{
			Name: name, Package: pkg, Options: options,
			Machines: &Machines{
				Modules: append([]string{"iscsi_tcp", "sd_mod"}, modules...), Serve: serve,
				Attach: iscsiLogin, Format: "mkfs.ext4 -q /dev/sda", Mount: "mount /dev/sda $MNT",
			},
		}
	}
	kernel := func(name, options, buffered, cache string) Backend {
		return target(name, "user-mode-linux", options, "BUFFERED="+buffered+" WRITE_CACHE="+cache+"\n"+lio,
			"iscsi_target_mod", "target_core_file")
	}
	lies := kernel("iSCSI, LIO fileio, buffered, no write cache", "fd_buffered_io=1, emulate_write_cache=0",
		",fd_buffered_io=1", "0")
	lies.Advice = "if the target is buffered, set `emulate_write_cache=1`; otherwise the initiator does not flush"
	return []Backend{
		kernel("iSCSI, LIO fileio, O_DSYNC", "emulate_write_cache=0", "", "0"),
		kernel("iSCSI, LIO fileio, buffered, write cache", "fd_buffered_io=1, emulate_write_cache=1",
			",fd_buffered_io=1", "1"),
		lies,
		target("iSCSI, tgt", "tgt", "", tgt),
	}
}
