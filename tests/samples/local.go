package samples

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Local returns a local run that killed its writers with SIGKILL, on storage that loses the end of the journal.
func Local() result.Result {
	opts := options.Defaults()
	opts.VolumeSource, opts.Force = options.Local, []bool{true}
	s := onNFS(12, "", "")
	s.claim, s.damage = nil, map[int]damage{3: losesTheLast(212)}
	s.spec = options.CellSpec{VolumeSource: options.Local, VolumeMode: corev1.PersistentVolumeFilesystem, Force: true}
	s.writers, s.reader = []string{"node-c", "node-c", "node-c"}, "node-c"
	s.readMode = protocol.ReadDirect
	c := cell(s)
	c.Target, c.JournalFile = "/mnt/data", "/mnt/data/volume-durability-8f3a5c7e9b1d2f40/logs.log"
	for i := range c.Epochs {
		e := &c.Epochs[i]
		e.Pod, e.GracePeriodSeconds = process("writer", 376+i, e.Pod), nil
	}
	c.Reader.Pod = process("reader", 379, c.Reader.Pod)
	p := &c.Provenance
	p.SameVolume, p.Reattached = yes("every helper had nfs4 (10.0.0.40:/export/vol-0005)"),
		no("a run without a cluster attaches no volume")
	p.Evaluate()
	c.NotShown = []string{p.NotReachedReason}
	r := newResult(opts, c)
	r.Engine, r.Cluster, r.Tool.Image = nil, result.Cluster{}, ""
	return r
}

// process describes a process of a local run, which starts when it is created.
func process(name string, id int, p result.Pod) result.Pod {
	return result.Pod{
		Name: fmt.Sprintf("%s (process %d)", name, id), Node: p.Node, CreatedAt: p.StartedAt, StartedAt: p.StartedAt,
	}
}
