package samples

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// story is how a cell is told: which storage, which nodes, and what it does to the data.
type story struct {
	number  int
	plan    options.CellSpec
	object  string // what is appended to the names of the pods and the claim
	began   time.Time
	writers []string          // the node of each epoch's writer
	reader  string            // the reader's node
	access  protocol.ReadMode // how the reader reads
	median  time.Duration     // of a commit
	away    time.Duration     // from a deletion to the next writer's start
	mount   protocol.Mount
	// harm damages the volume before the pod that looks after so many epochs.
	harm map[int]harm
	// claim is what the provisioner made; nil for an emptyDir.
	claim *result.Claim
	// unmounted and anew are the facts of custody that a pod cannot see itself.
	unmounted, anew provenance.Observation
}

// harm changes the bytes of a volume.
type harm func(v *volume)

// boots are the kernels of the nodes: node-c and node-d are on one machine.
var boots = map[string]string{
	"node-a": "0a5f5d6e-26a1-4a0b-93c3-4b1f0f4a2c11", "node-b": "7d0c2f9b-7a53-4d7e-8a55-0f9d3b6e1d22",
	"node-c": "c2b7e1a4-90de-4f36-a9b1-6e2d7c8f3a33", "node-d": "c2b7e1a4-90de-4f36-a9b1-6e2d7c8f3a33",
}

const (
	working = 9 * time.Second // of each writer
	imageID = "registry.example/volume-durability@sha256:5f1d0c3b7e9a42688f0e6d1c9b3a7e254dfb81c06a9d3e7f52b48c1a6e0f9d37"
)

// tell makes the cell of a story, by the journal's own writer and scanner, and judged
// by the judge.
func tell(s story) result.Cell {
	v := newVolume(fmt.Sprintf("%016x", 0x8f3a5c7e9b1d2f40+uint64(s.number)), uint64(s.number))
	c := result.Cell{Plan: s.plan, Journal: v.format, File: "/data/logs.log", Claim: s.claim}
	now := s.began
	var earlier []journal.Report
	for i, node := range s.writers {
		e := result.Epoch{Number: i + 1, Pod: s.pod("write-pod", i+1, node, now), Mount: s.mount, BootID: boots[node]}
		if i > 0 {
			e.InitialRead = s.look(v, e.Pod, i, earlier, e.Started.Add(60*time.Millisecond))
			earlier = append(earlier, e.InitialRead.ScanResult.Report)
		}
		now = e.Started.Add(120 * time.Millisecond)
		e.FirstAck, e.Acks = v.write(now, now.Add(working), s.median)
		e.FirstAckAt = e.Acks[0].At
		e.AckedAtDeletion = v.records
		now = now.Add(working)
		if s.plan.Force {
			e.Grace = new(int64)
		}
		e.Deleting, e.Gone = now, now.Add(goneAfter(s.plan.Force))
		now = e.Gone.Add(s.away)
		c.Epochs = append(c.Epochs, e)
	}
	reader := s.pod("read-pod", 1, s.reader, now)
	c.Reader = s.look(v, reader, len(s.writers), earlier, reader.Started.Add(180*time.Millisecond))
	c.Acks = v.ledger.Acks()
	c.Latency = must(result.LatencyOf(v.took))
	c.Provenance = s.custody()
	conclude(&c)
	return c
}

// look is what a pod sees after so many epochs, and what the judge makes of it.
func (s story) look(v *volume, pod result.Pod, epochs int, earlier []journal.Report, seen time.Time) *result.JournalRead {
	if harm := s.harm[epochs]; harm != nil {
		harm(v)
	}
	found := v.scan()
	found.Mount, found.BootID = s.mount, boots[pod.Node]
	if found.Present {
		found.ReadMode = s.access
		found.SHA256 = v.sha256()
	}
	if v.damaged {
		found.Sample = v.around(v.damage)
	}
	judged := judge.Judge(judge.Case{Acks: v.ledger.Acks(), Report: found.Report, Earlier: earlier, Epochs: epochs, Overlap: s.plan.Force})
	return &result.JournalRead{Pod: pod, Seen: seen, ScanResult: found, Judgement: judged}
}

func (s story) pod(name string, incarnation int, node string, at time.Time) result.Pod {
	after := func(ms int) time.Time { return at.Add(time.Duration(ms) * time.Millisecond) }
	p := result.Pod{
		Name: name + s.object, UID: uid(s.number, incarnation, name), Node: node, ImageID: imageID,
		Created: at, Scheduled: after(20), Mounted: after(900), Started: after(1100),
	}
	if s.claim != nil && s.claim.Provisioner == cephRBD {
		p.Attached = after(640)
	}
	return p
}

func (s story) custody() provenance.History {
	writer := s.writers[len(s.writers)-1]
	c := provenance.History{
		Writer:     provenance.Location{Node: writer, BootID: boots[writer], Mount: s.mount},
		Reader:     &provenance.Location{Node: s.reader, BootID: boots[s.reader], Mount: s.mount},
		ReadMode:   s.access,
		SameVolume: provenance.Observation{Answer: provenance.Yes, Reason: "every pod mounted the claim's volume, and the filesystem's UUID was the same"},
		Unmounted:  s.unmounted,
		Reattached: s.anew,
	}
	if s.claim == nil {
		c.SameVolume = provenance.Observation{Answer: provenance.No, Reason: "each pod had an emptyDir of its own"}
	}
	c.Evaluate()
	return c
}

// conclude is the cell's verdict and reason, as a run says them.
func conclude(c *result.Cell) {
	var looks [][]judge.Finding
	for _, e := range c.Epochs {
		if e.InitialRead != nil {
			looks = append(looks, e.InitialRead.Judgement.Findings)
		}
	}
	c.Findings = judge.Merge(append(looks, c.Reader.Judgement.Findings)...)
	c.Notes = c.Reader.Judgement.Notes
	judged := c.Reader.Judgement
	judged.Findings = c.Findings
	c.Verdict = judge.VerdictOf(judged)
	c.Reason = c.VerificationSentence()
	c.NotShown = []string{"a deleted pod is no power failure: whether the storage keeps its promise through one was not tried"}
	if c.Provenance.NotReached != "" {
		c.NotShown = append(c.NotShown, c.Provenance.NotReached)
	}
}

func goneAfter(force bool) time.Duration {
	if force {
		return 90 * time.Millisecond
	}
	return 1400 * time.Millisecond
}

// uid is another one for each object, and the same at each call.
func uid(cell, number int, kind string) types.UID {
	return types.UID(fmt.Sprintf("%08x-%04x-4000-8000-%012x", cell, number, []byte(kind)[:6]))
}

// Provisioners, as their drivers name themselves.
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
