package provisioning

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// texts are messages of events ProvisioningFailed. The source is a file of a repository at a commit, whose format
// string the text has, or an issue that quotes the event.
var texts = []struct {
	driver, source, message string
	want                    Cause
}{
	{
		"vSphere", "kubernetes-sigs/vsphere-csi-driver pkg/csi/service/common/util.go@bf809025",
		`failed to provision volume with StorageClass "vsan": rpc error: code = InvalidArgument desc = volume capability ` +
			`not supported. Err: MULTI_NODE_MULTI_WRITER access mode is not supported for "BLOCK" volumes`,
		Unsupported,
	},
	{
		"vSphere", "kubernetes-sigs/vsphere-csi-driver pkg/csi/service/common/util.go@bf809025",
		`failed to provision volume with StorageClass "vsan": rpc error: code = InvalidArgument desc = volume capability ` +
			`not supported. Err: block volume mode is not supported for ReadWriteMany or ReadOnlyMany volume creation`,
		Unsupported,
	},
	{
		"EFS", "kubernetes-sigs/aws-efs-csi-driver pkg/driver/controller.go, node.go@a4fc6760",
		`failed to provision volume with StorageClass "efs-sc": rpc error: code = InvalidArgument desc = Volume ` +
			`capabilities not supported: invalid access mode: SINGLE_NODE_MULTI_WRITER`,
		Unsupported,
	},
	{
		"EFS", "kubernetes-sigs/aws-efs-csi-driver pkg/driver/controller.go@a4fc6760",
		`failed to provision volume with StorageClass "efs-sc": rpc error: code = InvalidArgument desc = Parameter ` +
			`az is only supported for EFS file systems, not supported for s3files file systems`,
		Unsupported,
	},
	{
		"Azure disk", "kubernetes-sigs/azuredisk-csi-driver#2122",
		`failed to provision volume with StorageClass "azuredisk-csi-standard-lrs": rpc error: code = InvalidArgument ` +
			`desc = mountVolume is not supported for access mode: MULTI_NODE_MULTI_WRITER`,
		Unsupported,
	},
	{
		"Azure disk", "MicrosoftDocs/azure-docs#112455",
		`failed to provision volume with StorageClass "managed-csi": rpc error: code = InvalidArgument desc = Volume ` +
			`capability not supported`,
		Unsupported,
	},
	{
		"Azure disk", "kubernetes-sigs/azuredisk-csi-driver pkg/azuredisk/controllerserver.go@d983d613",
		`failed to provision volume with StorageClass "managed-csi": rpc error: code = InvalidArgument desc = After ` +
			`round-up, volume size exceeds the limit specified`,
		Size,
	},
	{
		"Azure file", "kubernetes-sigs/azurefile-csi-driver pkg/azurefile/controllerserver.go@7b5ae18e",
		`failed to provision volume with StorageClass "azurefile-csi": rpc error: code = InvalidArgument desc = ` +
			`CreateVolume Volume capabilities not valid: driver does not support block volumes`,
		Unsupported,
	},
	{
		"Azure file", "kubernetes-sigs/azurefile-csi-driver pkg/azurefile/controllerserver.go@7b5ae18e",
		`failed to provision volume with StorageClass "azurefile-csi": rpc error: code = InvalidArgument desc = invalid ` +
			`accountQuota 1 in storage class, minimum quota: 100`,
		Refused,
	},
	{
		"GCE PD", "kubernetes-sigs/gcp-compute-persistent-disk-csi-driver pkg/gce-pd-csi-driver/utils.go@b560165c",
		`failed to provision volume with StorageClass "standard-rwo": rpc error: code = InvalidArgument desc = ` +
			`VolumeCapabilities is invalid: specified multi writer with mount access type`,
		Unsupported,
	},
	{
		"GCE PD", "kubernetes-sigs/gcp-compute-persistent-disk-csi-driver pkg/gce-pd-csi-driver/controller.go@b560165c",
		`failed to provision volume with StorageClass "hd": rpc error: code = InvalidArgument desc = Hyperdisk ` +
			`Throughput and Extreme disks only support ReadWriteOnce access mode`,
		Unsupported,
	},
	{
		"GCE PD", "kubernetes-sigs/gcp-compute-persistent-disk-csi-driver pkg/gce-pd-csi-driver/controller.go@b560165c",
		`failed to provision volume with StorageClass "standard-rwo": rpc error: code = InvalidArgument desc = ` +
			`CreateVolume Request Capacity is invalid: Limit bytes 1048576 is less than minimum volume size: 1073741824`,
		Size,
	},
	{
		"Filestore", "kubernetes-sigs/gcp-filestore-csi-driver pkg/csi_driver/gcfs_driver.go@2edb466b",
		`failed to provision volume with StorageClass "standard-rwx": rpc error: code = InvalidArgument desc = ` +
			`driver only supports mount access type volume capability`,
		Unsupported,
	},
	{
		"Filestore", "kubernetes-sigs/gcp-filestore-csi-driver pkg/csi_driver/controller.go@2edb466b",
		`failed to provision volume with StorageClass "standard-rwx": rpc error: code = FailedPrecondition desc = ` +
			`Filestore does not support NFSv4.1 protocol with Basic tiers`,
		Unsupported,
	},
	{
		"Filestore", "kubernetes-sigs/gcp-filestore-csi-driver pkg/csi_driver/multishare_controller.go@2edb466b",
		`failed to provision volume with StorageClass "enterprise-multishare-rwx": rpc error: code = InvalidArgument ` +
			`desc = Request bytes 1073741824 is less than minimum share size bytes 10737418240`,
		Size,
	},
	{
		"Ceph RBD", "ceph/ceph-csi internal/rbd/controllerserver.go@52fcb7b0",
		`failed to provision volume with StorageClass "rook-ceph-block": rpc error: code = InvalidArgument desc = multi ` +
			`node access modes are only supported on rbd ` + "`block`" + ` type volumes`,
		Unsupported,
	},
	{
		"Ceph RBD", "ceph/ceph-csi internal/rbd/controllerserver.go@52fcb7b0",
		`failed to provision volume with StorageClass "rook-ceph-block": rpc error: code = InvalidArgument desc = missing ` +
			`or empty pool name to provision volume from`,
		Refused,
	},
	{
		"CephFS", "ceph/ceph-csi internal/cephfs/validator.go@52fcb7b0",
		`failed to provision volume with StorageClass "rook-cephfs": rpc error: code = Unimplemented desc = block volume ` +
			`not supported`,
		Unsupported,
	},
	{
		"CephFS", "ceph/ceph-csi internal/util/validate.go@52fcb7b0",
		`failed to provision volume with StorageClass "rook-cephfs": rpc error: code = InvalidArgument desc = readOnly ` +
			`accessMode is supported only with content source`,
		Unsupported,
	},
	{
		"Longhorn", "longhorn/longhorn-manager csi/controller_server.go@5ddaa369",
		`failed to provision volume with StorageClass "longhorn": rpc error: code = InvalidArgument desc = access mode ` +
			`MULTI_NODE_SINGLE_WRITER is not supported`,
		Unsupported,
	},
	{
		"Longhorn", "longhorn/longhorn-manager csi/controller_server.go@5ddaa369",
		`failed to provision volume with StorageClass "longhorn": rpc error: code = Unknown desc = XFS filesystems with ` +
			`size 104857600, smaller than 314572800, are not supported`,
		Size,
	},
	{
		"NFS", "kubernetes-csi/csi-driver-nfs pkg/nfs/controllerserver.go@d3b27c00",
		`failed to provision volume with StorageClass "nfs-csi": rpc error: code = InvalidArgument desc = block volume ` +
			`capability not supported`,
		Unsupported,
	},
	{
		"OpenEBS LVM", "openebs/lvm-localpv pkg/driver/controller.go@f3276f4c",
		`failed to provision volume with StorageClass "openebs-lvmpv": rpc error: code = InvalidArgument desc = only ` +
			`ReadwriteOnce access mode is supported`,
		Unsupported,
	},
	{
		"OpenEBS LVM", "openebs/lvm-localpv pkg/mgmt/volume/volume.go, pkg/driver/controller.go@f3276f4c",
		`failed to provision volume with StorageClass "openebs-lvmpv": rpc error: code = ResourceExhausted desc = no vg ` +
			`available to serve volume request having regex="^lvmvg$" & capacity="1099511627776"`,
		Full,
	},
	{
		"OpenEBS hostpath", "openebs/dynamic-localpv-provisioner cmd/provisioner-localpv/app/provisioner.go@4.0.0",
		`failed to provision volume with StorageClass "openebs-hostpath": Only support ReadWriteOnce access mode`,
		Unsupported,
	},
	{
		"OpenEBS hostpath", "openebs/dynamic-localpv-provisioner cmd/provisioner-localpv/app/provisioner.go@4.0.0",
		`failed to provision volume with StorageClass "openebs-hostpath": PV with BlockMode is not supported with ` +
			`StorageType hostpath`,
		Unsupported,
	},
	{
		"LINSTOR", "piraeusdatastore/linstor-csi pkg/driver/driver.go@v1.12.0",
		`failed to provision volume with StorageClass "linstor": rpc error: code = InvalidArgument desc = CreateVolume ` +
			`failed for pvc-1: unsupported access mode 'MULTI_NODE_MULTI_WRITER' for FileSystem volumes, NFS export not ` +
			`enabled`,
		Unsupported,
	},
	{
		"LINSTOR", "piraeusdatastore/linstor-csi pkg/topology/scheduler/followtopology/follow_topology.go@v1.12.0",
		`failed to provision volume with StorageClass "linstor": rpc error: code = ResourceExhausted desc = None of the ` +
			`requisite topologies could be fulfilled`,
		Full,
	},
	{
		"LINSTOR", "piraeusdatastore/linstor-csi pkg/client/linstor.go@v1.12.0",
		`failed to provision volume with StorageClass "linstor": rpc error: code = Internal desc = CreateVolume failed ` +
			`for pvc-1: LINSTOR's minimum volume size (314572800) exceeds the maximum size limit (104857600) of the ` +
			`requested volume`,
		Size,
	},
	{
		"TopoLVM", "topolvm/topolvm internal/driver/controller.go@83e3dcee",
		`failed to provision volume with StorageClass "topolvm-provisioner": rpc error: code = InvalidArgument desc = ` +
			`unsupported access mode: MULTI_NODE_MULTI_WRITER`,
		Unsupported,
	},
	{
		"TopoLVM", "topolvm/topolvm internal/lvmd/lvservice.go@83e3dcee",
		`failed to provision volume with StorageClass "topolvm-provisioner": rpc error: code = ResourceExhausted desc = ` +
			`no enough space left on VG: free=1073741824, requested=5368709120`,
		Full,
	},
	{
		"TopoLVM", "topolvm/topolvm internal/driver/controller.go@83e3dcee",
		`failed to provision volume with StorageClass "topolvm-provisioner": rpc error: code = OutOfRange desc = ` +
			`requested size is smaller than the size of the source`,
		Size,
	},
	{
		"local-path", "rancher/local-path-provisioner provisioner.go@9fa2a62e",
		`failed to provision volume with StorageClass "local-path": NodePath only supports ReadWriteOnce and ` +
			`ReadWriteOncePod (1.22+) access modes`,
		Unsupported,
	},
	{
		"EBS", "kubernetes-sigs/aws-ebs-csi-driver#2162",
		`failed to provision volume with StorageClass "io2-csi": rpc error: code = Internal desc = Could not create ` +
			`volume "pvc-7f726ea6-6b67-43cc-9f82-766d5b25c35c": could not create volume in EC2: operation error EC2: ` +
			`CreateVolume, https response error StatusCode: 400, RequestID: 48d34e2f-476a-41c4-a89d-c501aff23c92, api ` +
			`error InvalidParameterValue: The volume size is invalid for io2 volumes: 1 GiB. io2 volumes must be at least ` +
			`4 GiB in size. Please specify a volume size above the minimum limit.`,
		Size,
	},
	{
		"Hetzner", "hetznercloud/csi-driver#145",
		`failed to provision volume with StorageClass "hcloud-volumes": rpc error: code = InvalidArgument desc = ` +
			`capability at index 0 is not supported`,
		Unsupported,
	},
	{
		"democratic-csi", "democratic-csi/democratic-csi#2",
		`failed to provision volume with StorageClass "freenas-iscsi-csi": rpc error: code = InvalidArgument desc = ` +
			`invalid access_mode, MULTI_NODE_MULTI_WRITER`,
		Unsupported,
	},
	{
		"in-tree", "CrunchyData/postgres-operator#1672",
		`Failed to provision volume with StorageClass "default": invalid AccessModes [ReadWriteMany]: only AccessModes ` +
			`[ReadWriteOnce] are supported`,
		Unsupported,
	},
	{
		"OCI", "oracle/oci-volume-provisioner#109",
		`Failed to provision volume with StorageClass "oci": Service error:InvalidParameter. The requested volumeSize 49 ` +
			`GB is not supported. It should be between 50 GB and 16384 GB.. http status code: 400`,
		Size,
	},
	{
		"PowerMax", "dell/csm#1305",
		`rpc error: code = OutOfRange desc = bad capacity: requested minimum size (20971520 bytes) is less than the ` +
			`minimum volume size (51118080 bytes)`,
		Size,
	},
	{
		"Gluster", "gluster/gluster-csi-driver#103",
		`failed to provision volume with StorageClass "glusterfs-csi": rpc error: code = Internal desc = failed to create ` +
			`volume: invalid Volume Size, Minimum size required is 20971520`,
		Size,
	},
	{
		"sanlock", "aleofreddi/csi-sanlock-lvm#38",
		`failed to provision volume with StorageClass "ssd-storageclass": rpc error: code = Internal desc = failed to ` +
			`create volume csl-v-3C+7ur310_Iusl8KjI4B4Um9+HCv4y_xffD3cwY7BNA@vg_ssd: rpc error: code = OutOfRange desc = ` +
			`insufficient free space`,
		Full,
	},
	{
		"none", "kubernetes/kubernetes pkg/controller/volume/persistentvolume/pv_controller.go@v1.37.2",
		`storageclass.storage.k8s.io "no-such-class" not found`,
		NoClass,
	},
}

func TestCauseOf_RealDrivers(t *testing.T) {
	for _, tc := range texts {
		assert.Equal(t, tc.want, CauseOf(tc.message), "%s (%s): %s", tc.driver, tc.source, tc.message)
	}
}

func TestCauseOf_OtherFailuresAreTemporary(t *testing.T) {
	for _, message := range []string{
		"rpc error: code = DeadlineExceeded desc = context deadline exceeded",
		`rpc error: code = Internal desc = Get "": unsupported protocol scheme ""`,
		"rpc error: code = Unavailable desc = tls: unsupported certificate",
		"rpc error: code = Aborted desc = an operation with the given Volume ID pvc-1 already exists",
		"rpc error: code = FailedPrecondition desc = the pool is being rebuilt",
		"error generating accessibility requirements: no available topology found",
		"",
	} {
		assert.Equal(t, Temporary, CauseOf(message), message)
	}
}

func TestFinal_ExceptWhatARetryMayChange(t *testing.T) {
	for cause, want := range map[Cause]bool{
		Temporary: false, Full: false, Unsupported: true, Size: true, Refused: true, NoClass: true,
	} {
		assert.Equal(t, want, cause.Final(), cause)
		assert.NotEmpty(t, cause.Hint(), cause)
	}
	assert.Contains(t, Size.Hint(), "CLAIM_SIZE")
}
