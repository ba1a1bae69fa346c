package guest

import (
	"fmt"
	"path/filepath"
	"strings"
)

// ISCSIModules are the kernel modules of clients.
var ISCSIModules = []string{"iscsi_tcp", "sd_mod"}

// initiator is the name of a client of iSCSI.
const initiator = "/etc/iscsi/initiatorname.iscsi"

// UseISCSI makes a guest a client of iSCSI.
func (d *Description) UseISCSI() {
	d.Modules = append(d.Modules, ISCSIModules...)
	d.addFile(initiator, "InitiatorName=iqn.2026-11.test:"+d.Name+"\n")
	d.Commands = append(d.Commands, []string{"mkdir", "-p", "/run/lock/iscsi"}, []string{"iscsid"})
}

func (d *Description) addFile(path, content string) {
	if d.Files == nil {
		d.Files = map[string]string{}
	}
	d.Files[path] = content
}

// LIO is a shell script that serves the file IMAGE with the iSCSI target of the kernel, which has no settings on disk.
// SIZE is the size of the file. CONTROL are parameters of LIO's fileio backstore, such as ,fd_buffered_io=1. ATTRIBUTES
// are attributes of the device, such as emulate_write_cache=0.
const LIO = `[ -e $IMAGE ] || truncate -s $SIZE $IMAGE
sync
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
mkdir -p /var/target/pr /var/target/alua
cd /sys/kernel/config/target
mkdir -p core/fileio_0/image
echo fd_dev_name=$IMAGE,fd_dev_size=$SIZE$CONTROL >core/fileio_0/image/control
echo 1 >core/fileio_0/image/enable
for attribute in $ATTRIBUTES; do echo ${attribute#*=} >core/fileio_0/image/attrib/${attribute%=*}; done
mkdir iscsi
portal=iscsi/iqn.2026-11.test:storage/tpgt_1
mkdir -p $portal/lun/lun_0 $portal/np/0.0.0.0:3260
ln -s $PWD/core/fileio_0/image $portal/lun/lun_0/image
for attribute in generate_node_acls cache_dynamic_acls; do echo 1 >$portal/attrib/$attribute; done
for attribute in authentication demo_mode_write_protect; do echo 0 >$portal/attrib/$attribute; done
echo 1 >$portal/enable`

// LIOModules are the kernel modules of that target.
var LIOModules = []string{"iscsi_target_mod", "target_core_file"}

// ISCSIBytes is the size of the device of an iSCSI target.
const ISCSIBytes = 1 << 30

// ISCSIImage is the file of an iSCSI target that is its device.
func (d *Description) ISCSIImage() string { return filepath.Join(d.Disk, "image") }

// ServeISCSI makes a guest an iSCSI target with one device, a file on its disk. Options are those of LIO, separated by
// commas, such as fd_buffered_io=1,emulate_write_cache=0.
func (d *Description) ServeISCSI(options string) {
	d.Modules = append(d.Modules, LIOModules...)
	d.Commands = append(d.Commands, []string{"sh", "-euc", lioSettings(d.ISCSIImage(), options) + LIO})
}

// lioSettings returns the variables of the script. The parameters of the backstore have the prefix fd_.
func lioSettings(image, options string) string {
	var control string
	var attributes []string
	for option := range strings.SplitSeq(options, ",") {
		if strings.HasPrefix(option, "fd_") {
			control += "," + option
		} else {
			attributes = append(attributes, option)
		}
	}
	return fmt.Sprintf("IMAGE=%s SIZE=%d CONTROL=%s ATTRIBUTES='%s'\n",
		image, ISCSIBytes, control, strings.Join(attributes, " "))
}
