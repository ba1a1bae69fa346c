package samples

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// scenario is what happens in a cell: the storage, the nodes, and the damage to the data.
type scenario struct {
	number   int
	spec     options.CellSpec
	object   string // appended to the names of the pods and the claim
	start    time.Time
	writers  []string // the node of each epoch's writer
	reader   string   // the reader's node
	readMode protocol.ReadMode
	median   time.Duration // of a commit
	restart  time.Duration // from the end of a writer to the creation of the next
	mount    protocol.Mount
	// damage is applied to the volume after this many epochs.
	damage map[int]damage
	// claim is nil for an emptyDir.
	claim *result.Claim
	// unmounted and reattached are the observations that no pod can make.
	unmounted, reattached provenance.Observation
}

// damage changes the bytes of a volume.
type damage func(v *volume)

// bootIDs are the kernels of the nodes: node-c and node-d are on one machine.
var bootIDs = map[string]string{
	"node-a": "0a5f5d6e-26a1-4a0b-93c3-4b1f0f4a2c11", "node-b": "7d0c2f9b-7a53-4d7e-8a55-0f9d3b6e1d22",
	"node-c": "c2b7e1a4-90de-4f36-a9b1-6e2d7c8f3a33", "node-d": "c2b7e1a4-90de-4f36-a9b1-6e2d7c8f3a33",
}

const (
	writing = 9 * time.Second // of each writer
	imageID = "registry.example/volume-durability@sha256:5f1d0c3b7e9a42688f0e6d1c9b3a7e254dfb81c06a9d3e7f52b48c1a6e0f9d37"
)

// cell returns the result of a scenario.
func cell(s scenario) result.Cell {
	v := newVolume(fmt.Sprintf("%016x", 0x8f3a5c7e9b1d2f40+uint64(s.number)), uint64(s.number))
	c := result.Cell{Spec: s.spec, Journal: v.format, JournalFile: "/data/logs.log", Claim: s.claim}
	if s.spec.WritePattern == pattern.Overwrite {
		c.Layout = pattern.NewLayout(pattern.Overwrite, slots)
		v.overwrites(c.Layout)
	}
	if c.Claim != nil {
		c.Claim.BoundAt = s.start.Add(12 * time.Millisecond)
	}
	now := s.start
	var earlier []journal.ScanReport
	for i, node := range s.writers {
		e := result.Epoch{Number: i + 1, Pod: s.pod("write-pod", i+1, node, now), Mount: s.mount, BootID: bootIDs[node]}
		if i > 0 {
			e.InitialRead = s.read(v, e.Pod, i, earlier, e.StartedAt.Add(60*time.Millisecond))
			earlier = append(earlier, e.InitialRead.ScanResult.ScanReport)
		}
		now = e.StartedAt.Add(120 * time.Millisecond)
		e.FirstAck, e.Acks = v.write(now, now.Add(writing), s.median)
		e.FirstAckAt = e.Acks[0].ReceivedAt
		e.AckedAtDeletion = v.records
		now = now.Add(writing)
		e.GracePeriodSeconds = new(int64)
		if !s.spec.Force {
			*e.GracePeriodSeconds = corev1.DefaultTerminationGracePeriodSeconds
		}
		e.DeletionRequestedAt, e.DeletedAt = now, now.Add(goneAfter(s.spec.Force))
		now = e.DeletedAt.Add(s.restart)
		c.Epochs = append(c.Epochs, e)
	}
	reader := s.pod("read-pod", 1, s.reader, now)
	c.Reader = s.read(v, reader, len(s.writers), earlier, reader.StartedAt.Add(180*time.Millisecond))
	c.Acks = v.ledger.Acks()
	c.Latency = must(result.LatencyOf(v.took))
	c.Provenance = s.history()
	conclude(&c)
	return c
}

// read returns a pod's read of the journal after this many epochs, with its judgement.
func (s scenario) read(
	v *volume, pod result.Pod, epochs int, earlier []journal.ScanReport, at time.Time,
) *result.JournalRead {
	if damage := s.damage[epochs]; damage != nil {
		damage(v)
	}
	found := v.scan()
	found.Mount, found.BootID = s.mount, bootIDs[pod.Node]
	if found.Present {
		found.ReadMode = s.readMode
	}
	if found.Present && found.Objects == nil {
		found.SHA256 = v.sha256()
	}
	if v.damaged {
		found.Excerpt = v.around(v.damage)
	}
	judged := judge.Judge(judge.Input{
		Layout: v.model.Layout, Acks: v.ledger.Acks(), Scan: found.ScanReport, Earlier: earlier, Epochs: epochs,
		MayOverlap: s.spec.Force,
	})
	return &result.JournalRead{Pod: pod, ReceivedAt: at, ScanResult: found, Judgement: judged}
}

func (s scenario) pod(name string, incarnation int, node string, at time.Time) result.Pod {
	after := func(ms int) time.Time { return at.Add(time.Duration(ms) * time.Millisecond) }
	p := result.Pod{
		Name: name + s.object, UID: uid(s.number, incarnation, name), Node: node, ImageID: imageID,
		CreatedAt: at, ScheduledAt: after(20), MountedAt: after(900), StartedAt: after(1100),
	}
	if s.claim != nil && s.claim.Provisioner == cephRBD {
		p.AttachedAt = after(640)
	}
	return p
}

func (s scenario) history() provenance.Provenance {
	writer := s.writers[len(s.writers)-1]
	c := provenance.Provenance{
		Writer:     provenance.Location{Node: writer, BootID: bootIDs[writer], Mount: s.mount},
		Reader:     &provenance.Location{Node: s.reader, BootID: bootIDs[s.reader], Mount: s.mount},
		ReadMode:   s.readMode,
		SameVolume: yes("every pod mounted the claim's volume, and the filesystem's UUID was the same"),
		Unmounted:  s.unmounted,
		Reattached: s.reattached,
	}
	if s.claim == nil {
		c.SameVolume = no("each pod had an emptyDir of its own")
	} else {
		unused := yes("the claim's condition Unused became true at 12:47:31Z: no pod used the claim until the reader's pod " +
			"was created")
		c.Unused = &unused
	}
	c.Evaluate()
	return c
}

// conclude sets the cell's verdict and reason as a run does.
func conclude(c *result.Cell) {
	var findings [][]judge.Finding
	for _, read := range c.Reads() {
		findings = append(findings, read.Judgement.Findings)
	}
	c.Findings = judge.Merge(findings...)
	c.Notes = c.Reader.Judgement.Notes
	judged := c.Reader.Judgement
	judged.Findings = c.Findings
	c.Verdict = judged.Verdict()
	c.Reason = c.VerificationSentence()
	c.NotShown = []string{"the run did not test whether acknowledged records survive a power failure"}
	if c.Provenance.NotReachedReason != "" {
		c.NotShown = append(c.NotShown, c.Provenance.NotReachedReason)
	}
}

func goneAfter(force bool) time.Duration {
	if force {
		return 90 * time.Millisecond
	}
	return 1400 * time.Millisecond
}

// uid returns a UID that is unique to an object and the same at each call.
func uid(cell, number int, kind string) types.UID {
	return types.UID(fmt.Sprintf("%08x-%04x-4000-8000-%012x", cell, number, []byte(kind)[:6]))
}

// The names of provisioners.
const (
	cephRBD   = "rbd.csi.ceph.com"
	nfs       = "nfs.csi.k8s.io"
	localPath = "rancher.io/local-path"
)

func claim(number int, name, class, provisioner string, mode corev1.PersistentVolumeAccessMode) *result.Claim {
	u := uid(number, 0, "claim ")
	return &result.Claim{
		Name: name, UID: u, StorageClass: class, Volume: "pvc-" + string(u), Created: true,
		AccessModes: []string{string(mode)}, Provisioner: provisioner, Handle: fmt.Sprintf("%s/vol-%04d", class, number),
	}
}
