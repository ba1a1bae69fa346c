// Package samples makes results for the tests of reports: one of each verdict, and a comparison with a cell of each
// verdict. The product's own packages write, scan and judge the journals, so each sample is a possible result of a run.
//
// The same call returns the same result, to the byte.
package samples

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// Sample is a result with a name.
type Sample struct {
	Name   string
	Result result.Result
}

// All returns every sample.
func All() []Sample {
	return []Sample{
		{"pass", Pass()}, {"fail", Fail()}, {"empty", Empty()}, {"matrix", Matrix()}, {"error", Error()},
		{"undetected", Undetected()}, {"stopped", Stopped()}, {"not-applicable", NotApplicable()},
		{"too-slow", TooSlow()}, {"overwrite", Overwrite()},
	}
}

var start = time.Date(2026, 11, 24, 12, 46, 47, 123_456_789, time.UTC)

func newResult(opts options.Values, cells ...result.Cell) result.Result {
	r := result.Result{
		Schema: result.Schema, RunID: "8f3a5c7e9b1d2f40", Options: opts,
		StartedAt: start, EndedAt: start.Add(74 * time.Second),
		Tool: result.Tool{
			Version: "v0.3.0", Commit: "f2ab40e73993c8c32f5fcbc18c68aafdf4f84fef",
			Image: "registry.example/volume-durability:v0.3.0",
		},
		Cluster: result.Cluster{
			UID: "1d4c33f0-61f9-4b0e-9c2a-5a4d2f6c7e10", Server: "https://10.0.0.10:6443", Version: "v1.34.4",
			Orchestrator: "Kubernetes: not every node is labelled as a Swarm-only node",
		},
		Engine: &result.Engine{
			Name: "volume-durability", Namespace: "stig", UID: "77d9a1b0-3b52-4f0d-8f86-21a1b5c1f0aa",
			ChaosResult: "volume-durability-volume-durability", ChaosResultUID: "0b0e4a6c-7f34-4f8e-a1de-9b7a3d0c55e2",
			ServiceAccount: "volume-durability-sa",
		},
		Cells: cells,
	}
	if len(cells) == 1 {
		r.Verdict, r.Reason = cells[0].Verdict, cells[0].Reason
	}
	AddTrace(&r)
	return r
}

// Pass returns a run of the STIG check with the default options, on storage that keeps acknowledged records.
func Pass() result.Result {
	return newResult(options.Defaults(), cell(stig(onCeph(1, "", "stig-pvc"))))
}

// Fail returns a run on storage that loses the end of the journal. Log data is still present.
func Fail() result.Result {
	s := stig(onNFS(2, "", "stig-pvc"))
	s.damage = map[int]damage{3: losesTheLast(212)}
	return newResult(options.Defaults(), cell(s))
}

// Empty returns a run on storage that keeps nothing.
func Empty() result.Result {
	s := stig(onNFS(3, "", "stig-pvc"))
	s.damage = map[int]damage{3: losesEverything}
	return newResult(options.Defaults(), cell(s))
}

// TooSlow returns a run without loss that recovered more slowly than its threshold allows.
func TooSlow() result.Result {
	opts := options.Defaults()
	opts.Thresholds = options.Thresholds{MaxRecovery: time.Second, MaxCommitP99: time.Minute}
	c := cell(stig(onCeph(10, "", "stig-pvc")))
	verdict.Decide(&c, verdict.Conditions{ActiveDeletions: c.Deletions(), Thresholds: opts.Thresholds})
	return newResult(opts, c)
}

// Matrix returns a comparison of StorageClasses, with a cell of each verdict and the control.
func Matrix() result.Result {
	opts := options.Defaults()
	opts.StorageClasses = []string{"ceph-rbd", "local-path", "nfs-async", "nfs-sync", "zfs-rwx"}
	opts.NegativeControl, opts.Force = true, []bool{false, true}
	corrupting := onNFS(5, "nfs-async/forced", "stig-pvc-nfs-async-forced")
	corrupting.spec.Force = true
	corrupting.damage = map[int]damage{1: flipsABit(61_003), 3: losesTheLast(57)}
	losing := onNFS(6, "nfs-async/graceful", "stig-pvc-nfs-async-graceful")
	losing.damage = map[int]damage{2: losesTheLast(120)}
	graceful := onCeph(4, "ceph-rbd/graceful", "stig-pvc-ceph-rbd-graceful")
	r := newResult(opts,
		cell(graceful), cell(onLocalPath(7)), cell(losing), cell(corrupting),
		unbound(), skipped(), control(keepsNothing))
	r.Verdict = judge.Fail
	r.Reason = "2 of 6 cells failed: nfs-async/graceful, nfs-async/forced; 1 ended in Error, 1 was skipped"
	return r
}

// Error returns a run whose claim was never bound.
func Error() result.Result {
	c := unbound()
	c.Spec.Name, c.Spec.StorageClass, c.Claim.Name, c.Claim.StorageClass = "", "", "stig-pvc", ""
	return newResult(options.Defaults(), c)
}

// Undetected returns a run whose control lost no data, which is an Error: the run cannot detect loss.
func Undetected() result.Result {
	opts := options.Defaults()
	opts.NegativeControl = true
	kept := control(nil)
	kept.Reason = kept.VerificationSentence()
	r := newResult(opts, cell(onCeph(8, "stig-pvc", "stig-pvc")), kept)
	r.Verdict, r.Reason = judge.Error, "The negative control (an emptyDir) must lose its data, but did not: this run cannot detect loss"
	return r
}

// Stopped returns a run that was stopped between two deletions.
func Stopped() result.Result {
	c := cell(stig(onCeph(9, "", "stig-pvc")))
	c.Epochs, c.Reader, c.Findings, c.NotShown, c.Acks = c.Epochs[:1], nil, nil, nil, c.Acks[:1]
	c.Verdict, c.Reason = judge.Stopped, "the engine was stopped"
	c.Provenance.Reader, c.Provenance.ReadMode = nil, ""
	c.Provenance.Evaluate()
	return newResult(options.Defaults(), c)
}

// NotApplicable returns a run on Swarm.
func NotApplicable() result.Result {
	r := newResult(options.Defaults())
	r.Verdict, r.Reason = judge.NotApplicable, "Not Applicable: the orchestrator is Swarm, according to the label "+
		"com.docker.ucp.orchestrator.swarm of every node"
	r.Cluster.Orchestrator = "Swarm: every node has the label com.docker.ucp.orchestrator.swarm=true, " +
		"and none has com.docker.ucp.orchestrator.kubernetes=true"
	r.EndedAt = start.Add(800 * time.Millisecond)
	AddTrace(&r)
	return r
}

// stig turns a scenario into that of a run with one cell.
func stig(s scenario) scenario {
	s.spec.Name, s.object = "", ""
	return s
}

func spec(name, class string, mode corev1.PersistentVolumeAccessMode, reader options.ReaderNode) options.CellSpec {
	return options.CellSpec{
		Name: name, VolumeSource: options.Claim, StorageClass: class, AccessMode: mode,
		VolumeMode: corev1.PersistentVolumeFilesystem, ReaderNode: reader,
	}
}

func onCeph(number int, name, claimName string) scenario {
	return scenario{
		number: number, spec: spec(name, "ceph-rbd", corev1.ReadWriteOnce, options.OtherNode),
		object: suffix(name), start: start.Add(time.Second),
		writers: []string{"node-a", "node-a", "node-b"}, reader: "node-a", readMode: protocol.ReadDirect,
		median: 2300 * time.Microsecond, restart: 3100 * time.Millisecond,
		mount: protocol.Mount{
			Point: "/data", Root: "/", FSType: "ext4", Source: "/dev/rbd0", Device: "252:0",
			UUID: "5f0c6a6e-5b0b-4a36-9d26-6a1f0d7c2b01",
		},
		claim:     claim(number, claimName, "ceph-rbd", cephRBD, corev1.ReadWriteOnce),
		unmounted: yes("node-b no longer listed the volume as in use before the reader was scheduled"),
		reattached: yes(fmt.Sprintf("VolumeAttachment csi-19 (UID %s, node node-b) was deleted at 12:47:31.204Z; "+
			"VolumeAttachment csi-20 (UID %s, node node-a) was created at 12:47:32.871Z",
			uid(number, 19, "attach"), uid(number, 20, "attach"))),
	}
}

func onNFS(number int, name, claimName string) scenario {
	return scenario{
		number: number, spec: spec(name, "nfs-async", corev1.ReadWriteMany, options.AnyNode),
		object: suffix(name), start: start.Add(time.Second),
		writers: []string{"node-c", "node-d", "node-c"}, reader: "node-d", readMode: protocol.ReadDirect,
		median: 640 * time.Microsecond, restart: 1200 * time.Millisecond,
		mount: protocol.Mount{
			Point: "/data", Root: "/", FSType: "nfs4", Source: "10.0.0.40:/export/vol-0005", Device: "0:61",
		},
		claim:      claim(number, claimName, "nfs-async", nfs, corev1.ReadWriteMany),
		unmounted:  yes("node-c no longer listed the volume as in use before the reader was scheduled"),
		reattached: no("the CSI driver does not use VolumeAttachments"),
	}
}

func onLocalPath(number int) scenario {
	return scenario{
		number: number, spec: spec("local-path/graceful", "local-path", corev1.ReadWriteOnce, options.SameNode),
		object: "-local-path-graceful", start: start.Add(2 * time.Second),
		writers: []string{"node-b", "node-b", "node-b", "node-b"}, reader: "node-b", readMode: protocol.ReadDropped,
		median: 410 * time.Microsecond, restart: 700 * time.Millisecond,
		mount: protocol.Mount{
			Point: "/data", Root: "/opt/local-path-provisioner/vol-0007", FSType: "xfs",
			Source: "/dev/vda1", Device: "254:1", UUID: "e0d1b1f2-1d6f-4b53-9f1f-8a5b0b7e6c77",
		},
		claim:      claim(number, "stig-pvc-local-path-graceful", "local-path", localPath, corev1.ReadWriteOnce),
		unmounted:  unknown("the path is a folder of the node's own disk, which is never unmounted"),
		reattached: no("the volume is local to the node"),
	}
}

// keepsNothing is the damage to an emptyDir: each of two pods leaves nothing.
var keepsNothing = map[int]damage{1: losesEverything, 2: losesEverything}

// control returns the cell on an emptyDir.
func control(damage map[int]damage) result.Cell {
	return cell(scenario{
		number: 10, object: "-control", start: start.Add(2 * time.Second),
		spec: options.CellSpec{
			Name: options.ControlName, Control: true, VolumeSource: options.EmptyDir,
			VolumeMode: corev1.PersistentVolumeFilesystem, ReaderNode: options.AnyNode,
		},
		writers: []string{"node-a", "node-b"}, reader: "node-a", readMode: protocol.ReadDirect,
		median: 380 * time.Microsecond, restart: 600 * time.Millisecond,
		mount: protocol.Mount{
			Point: "/data", Root: "/var/lib/kubelet/pods/x/volumes/kubernetes.io~empty-dir/data", FSType: "xfs",
			Source: "/dev/vda1", Device: "254:1",
		},
		damage:     damage,
		unmounted:  unknown("the mounts of an emptyDir are not observed"),
		reattached: no("an emptyDir is not attached"),
	})
}

// unbound returns a cell whose claim was never bound: an Error.
func unbound() result.Cell {
	c := result.Cell{
		Spec:    spec("nfs-sync/graceful", "nfs-sync", corev1.ReadWriteOnce, options.AnyNode),
		Verdict: judge.Error, JournalFile: "/data/logs.log",
		Claim: &result.Claim{
			Name: "stig-pvc-nfs-sync-graceful", UID: uid(11, 0, "claim "), StorageClass: "nfs-sync", Created: true,
		},
	}
	c.Reason = "timed out after 3m0s waiting for claim stig/" + c.Claim.Name + " to be bound: ProvisioningFailed: " +
		"rpc error: code = DeadlineExceeded desc = server 10.0.0.41 does not answer <mount.nfs & friends>"
	c.Provenance.SameVolume = unknown("no pod was seen to mount it")
	c.Provenance.Unmounted, c.Provenance.Reattached = c.Provenance.SameVolume, c.Provenance.SameVolume
	c.Provenance.Evaluate()
	return c
}

// skipped returns a cell that the provisioner does not support.
func skipped() result.Cell {
	c := result.Cell{
		Spec:    spec("zfs-rwx", "zfs-rwx", corev1.ReadWriteMany, options.OtherNode),
		Verdict: judge.Skipped, JournalFile: "/data/logs.log",
	}
	c.Reason = "the provisioner of StorageClass zfs-rwx does not support ReadWriteMany"
	c.Provenance.Evaluate()
	return c
}

func yes(reason string) provenance.Observation {
	return provenance.Observation{Answer: provenance.Yes, Reason: reason}
}

func no(reason string) provenance.Observation {
	return provenance.Observation{Answer: provenance.No, Reason: reason}
}

func unknown(reason string) provenance.Observation {
	return provenance.Observation{Answer: provenance.Unknown, Reason: reason}
}

// losesTheLast cuts off the end of the journal, in the middle of a record.
func losesTheLast(records int) damage {
	return func(v *volume) {
		at := len(v.bytes) - records*v.format.RecordSize - 100
		v.bytes = v.bytes[:at]
		v.markDamage(at)
	}
}

// flipsABit changes one byte.
func flipsABit(at int) damage {
	return func(v *volume) {
		v.bytes[at] ^= 0x20
		v.markDamage(at)
	}
}

func losesEverything(v *volume) {
	v.bytes, v.damaged = nil, false
}

func suffix(name string) string {
	if name == "" {
		return ""
	}
	return options.CellSpec{Name: name}.ObjectName("")
}
