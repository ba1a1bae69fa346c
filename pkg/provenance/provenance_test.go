package provenance

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestEvaluate_SetsTheHighestLevelReached(t *testing.T) {
	const direct, cached, dropped = protocol.ReadDirect, protocol.ReadCached, protocol.ReadDropped
	writer := Location{Node: "n1", BootID: "a"}
	sameNode := &Location{Node: "n1", BootID: "a"}
	sameNodeOtherKernel := &Location{Node: "n1", BootID: "b"}
	otherNodeSameKernel := &Location{Node: "n2", BootID: "a"}
	otherMachine := &Location{Node: "n2", BootID: "b"}
	yes := Observation{Answer: Yes, Reason: "seen"}
	no := Observation{Answer: No, Reason: "seen"}
	unknown := Observation{Answer: Unknown, Reason: "not seen"}
	for name, c := range map[string]struct {
		history    Provenance
		want       Level
		notReached string
	}{
		"nothing was read": {
			Provenance{Writer: writer, SameVolume: yes},
			None, "nothing was read back",
		},
		"another volume": {
			Provenance{Writer: writer, Reader: otherMachine, SameVolume: no, Reattached: yes, ReadMode: direct},
			None, "the same volume",
		},
		"unknown volume": {
			Provenance{Writer: writer, Reader: sameNode, SameVolume: unknown, ReadMode: direct},
			None, "the same volume",
		},
		"read through the cache": {
			Provenance{Writer: writer, Reader: sameNode, SameVolume: yes, ReadMode: cached},
			ReadBack, "page cache",
		},
		"read after a request to drop the cache": {
			Provenance{Writer: writer, Reader: sameNode, SameVolume: yes, ReadMode: dropped},
			ReadBack, "page cache",
		},
		"read without caching, on macOS": {
			Provenance{Writer: writer, Reader: sameNode, SameVolume: yes, ReadMode: protocol.ReadNoCache},
			ReadBack, "it is unknown whether the journal came from the page cache",
		},
		"two nodes with one kernel": {
			Provenance{Writer: writer, Reader: otherNodeSameKernel, SameVolume: yes, ReadMode: cached, Unmounted: no},
			ReadBack, "page cache",
		},
		"two kernels on one node": {
			Provenance{
				Writer: writer, Reader: sameNodeOtherKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: unknown, Reattached: no,
			},
			ReadBack, "page cache",
		},
		"the writer's node was started again": {
			Provenance{
				Writer: writer, Reader: sameNodeOtherKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: unknown, Reattached: no, Restarted: &yes,
			},
			Remounted, "attached again",
		},
		"the writer's node was started again, and the volume attached again": {
			Provenance{
				Writer: writer, Reader: sameNodeOtherKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: unknown, Reattached: yes, Restarted: &yes,
			},
			Reattached, "the writer's node, which was started again",
		},
		"the writer's node was perhaps started again": {
			Provenance{
				Writer: writer, Reader: sameNodeOtherKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: unknown, Reattached: no, Restarted: &unknown,
			},
			ReadBack, "page cache",
		},
		"read past the cache": {
			Provenance{Writer: writer, Reader: sameNode, SameVolume: yes, ReadMode: direct, Unmounted: unknown},
			Uncached, "unmounted",
		},
		"unused, perhaps still mounted": {
			Provenance{
				Writer: writer, Reader: sameNode, SameVolume: yes, ReadMode: cached, Unmounted: unknown, Unused: &yes,
			},
			ReadBack, "page cache",
		},
		"unknown kernel": {
			Provenance{Writer: Location{Node: "n1"}, Reader: otherMachine, SameVolume: yes, ReadMode: direct},
			Uncached, "unmounted",
		},
		"unmounted, read through the cache": {
			Provenance{Writer: writer, Reader: sameNode, SameVolume: yes, ReadMode: cached, Unmounted: yes, Reattached: no},
			Remounted, "attached again",
		},
		"another kernel, never attached": {
			Provenance{Writer: writer, Reader: otherMachine, SameVolume: yes, ReadMode: cached, Reattached: unknown},
			Remounted, "attached again",
		},
		"attached again, the same kernel": {
			Provenance{
				Writer: writer, Reader: otherNodeSameKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: yes, Reattached: yes,
			},
			Reattached, "one machine",
		},
		"attached again, the same node": {
			Provenance{
				Writer: writer, Reader: sameNodeOtherKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: yes, Reattached: yes,
			},
			Reattached, "each pod has its own kernel",
		},
		"detached by force, the same kernel, read through the cache": {
			Provenance{
				Writer: writer, Reader: otherNodeSameKernel, SameVolume: yes, ReadMode: cached,
				Unmounted: unknown, Reattached: yes,
			},
			ReadBack, "page cache",
		},
		"detached by force, the same kernel": {
			Provenance{
				Writer: writer, Reader: otherNodeSameKernel, SameVolume: yes, ReadMode: direct,
				Unmounted: unknown, Reattached: yes,
			},
			Uncached, "it is unknown whether the volume was unmounted on the writer's node",
		},
		"detached by force, unknown kernel": {
			Provenance{
				Writer: Location{Node: "n1"}, Reader: otherMachine, SameVolume: yes, ReadMode: direct,
				Unmounted: unknown, Reattached: yes,
			},
			Uncached, "it is unknown whether the volume was unmounted on the writer's node",
		},
		"detached by force, another machine": {
			Provenance{
				Writer: writer, Reader: otherMachine, SameVolume: yes, ReadMode: cached,
				Unmounted: unknown, Reattached: yes,
			},
			OtherMachine, "",
		},
		"everything": {
			Provenance{
				Writer: writer, Reader: otherMachine, SameVolume: yes, ReadMode: direct,
				Unmounted: yes, Reattached: yes,
			},
			OtherMachine, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.history.Evaluate()
			assert.Equal(t, c.want, c.history.Level)
			assert.Contains(t, c.history.NotReachedReason, c.notReached)
		})
	}
}

func TestLevel_IsEncodedAsItsName(t *testing.T) {
	names := LevelNames()
	require.Len(t, Levels(), len(names))
	for i, level := range Levels() {
		text, err := json.Marshal(level)
		require.NoError(t, err)
		assert.Equal(t, `"`+names[i]+`"`, string(text))
		var decoded Level
		require.NoError(t, json.Unmarshal(text, &decoded))
		assert.Equal(t, level, decoded)
	}
	var l Level
	assert.ErrorContains(t, l.UnmarshalText([]byte("strong")), "read-back")
}

func TestRestart_NeedsTheBootThatTheNodeReports(t *testing.T) {
	writer, reader := Location{Node: "n1", BootID: "a"}, &Location{Node: "n1", BootID: "b"}
	assert.Equal(t, Yes, ObserveRestart(writer, reader, "b").Answer)
	for current, want := range map[string]string{
		"":  "is unknown",
		"a": "each pod has its own kernel",
		"c": "started again after the reading",
	} {
		o := ObserveRestart(writer, reader, current)
		assert.Equal(t, Unknown, o.Answer, current)
		assert.Contains(t, o.Reason, want)
	}
	for name, other := range map[string]*Location{
		"nothing was read": nil, "another node": {Node: "n2", BootID: "b"}, "one kernel": {Node: "n1", BootID: "a"},
		"an unknown kernel": {Node: "n1"},
	} {
		assert.Nil(t, ObserveRestart(writer, other, "b"), name)
	}
}
