package provenance

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestEachLevelHasWhatTheLowerOnesHave(t *testing.T) {
	here, there := Location{Node: "n1", BootID: "a"}, &Location{Node: "n2", BootID: "b"}
	beside, same := &Location{Node: "n2", BootID: "a"}, &Location{Node: "n1", BootID: "a"}
	yes, no, unknown := Observation{Answer: Yes, Reason: "seen"}, Observation{Answer: No, Reason: "seen"}, Observation{Answer: Unknown, Reason: "not seen"}
	for name, c := range map[string]struct {
		custody History
		want    Level
		missing string
	}{
		"nothing was read":                 {History{Writer: here, SameVolume: yes}, None, "nothing was read back"},
		"another volume":                   {History{Writer: here, Reader: there, SameVolume: no, Reattached: yes, ReadMode: protocol.ReadDirect}, None, "the same volume"},
		"through the cache":                {History{Writer: here, Reader: same, SameVolume: yes, ReadMode: protocol.ReadCached}, ReadBack, "page cache"},
		"asked to drop it":                 {History{Writer: here, Reader: same, SameVolume: yes, ReadMode: protocol.ReadDropped}, ReadBack, "page cache"},
		"past the cache":                   {History{Writer: here, Reader: same, SameVolume: yes, ReadMode: protocol.ReadDirect, Unmounted: unknown}, Uncached, "unmounted"},
		"two nodes on one kernel":          {History{Writer: here, Reader: beside, SameVolume: yes, ReadMode: protocol.ReadCached, Unmounted: no}, ReadBack, "page cache"},
		"a kernel that is not known":       {History{Writer: Location{Node: "n1"}, Reader: there, SameVolume: yes, ReadMode: protocol.ReadDirect}, Uncached, "unmounted"},
		"unmounted, through the cache":     {History{Writer: here, Reader: same, SameVolume: yes, ReadMode: protocol.ReadCached, Unmounted: yes, Reattached: no}, Remounted, "attached anew"},
		"another kernel, never attached":   {History{Writer: here, Reader: there, SameVolume: yes, ReadMode: protocol.ReadCached, Reattached: unknown}, Remounted, "attached anew"},
		"attached anew to the same kernel": {History{Writer: here, Reader: beside, SameVolume: yes, ReadMode: protocol.ReadCached, Reattached: yes}, Reattached, "one machine"},
		"two kernels on one node":          {History{Writer: here, Reader: &Location{Node: "n1", BootID: "b"}, SameVolume: yes, ReadMode: protocol.ReadCached, Unmounted: unknown, Reattached: no}, ReadBack, "page cache"},
		"attached anew to the same node":   {History{Writer: here, Reader: &Location{Node: "n1", BootID: "b"}, SameVolume: yes, ReadMode: protocol.ReadCached, Reattached: yes}, Reattached, "kernels of their own"},
		"all of it":                        {History{Writer: here, Reader: there, SameVolume: yes, ReadMode: protocol.ReadDirect, Unmounted: yes, Reattached: yes}, OtherMachine, ""},
		"which volume is not known":        {History{Writer: here, Reader: same, SameVolume: unknown, ReadMode: protocol.ReadDirect}, None, "the same volume"},
	} {
		t.Run(name, func(t *testing.T) {
			c.custody.Evaluate()
			assert.Equal(t, c.want, c.custody.Level)
			assert.Contains(t, c.custody.NotReached, c.missing)
		})
	}
}

func TestLevelsAreWords(t *testing.T) {
	for i, name := range Names() {
		text, err := json.Marshal(Level(i))
		require.NoError(t, err)
		assert.Equal(t, `"`+name+`"`, string(text))
		var back Level
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, Level(i), back)
	}
	var l Level
	assert.ErrorContains(t, l.UnmarshalText([]byte("strong")), "read-back")
}
