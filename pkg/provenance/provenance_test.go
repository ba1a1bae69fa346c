package provenance

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestEachLevelHasWhatTheLowerOnesHave(t *testing.T) {
	here, there := Place{Node: "n1", Boot: "a"}, &Place{Node: "n2", Boot: "b"}
	beside, same := &Place{Node: "n2", Boot: "a"}, &Place{Node: "n1", Boot: "a"}
	yes, no, unknown := Fact{Answer: Yes, How: "seen"}, Fact{Answer: No, How: "seen"}, Fact{Answer: Unknown, How: "not seen"}
	for name, c := range map[string]struct {
		custody Custody
		want    Level
		missing string
	}{
		"nothing was read":                 {Custody{Writer: here, SameVolume: yes}, None, "nothing was read back"},
		"another volume":                   {Custody{Writer: here, Reader: there, SameVolume: no, AttachedAnew: yes, Access: protocol.AccessDirect}, None, "the same volume"},
		"through the cache":                {Custody{Writer: here, Reader: same, SameVolume: yes, Access: protocol.AccessCached}, ReadBack, "page cache"},
		"asked to drop it":                 {Custody{Writer: here, Reader: same, SameVolume: yes, Access: protocol.AccessDropped}, ReadBack, "page cache"},
		"past the cache":                   {Custody{Writer: here, Reader: same, SameVolume: yes, Access: protocol.AccessDirect, Unmounted: unknown}, PastCache, "unmounted"},
		"two nodes on one kernel":          {Custody{Writer: here, Reader: beside, SameVolume: yes, Access: protocol.AccessCached, Unmounted: no}, ReadBack, "page cache"},
		"a kernel that is not known":       {Custody{Writer: Place{Node: "n1"}, Reader: there, SameVolume: yes, Access: protocol.AccessDirect}, PastCache, "unmounted"},
		"unmounted, through the cache":     {Custody{Writer: here, Reader: same, SameVolume: yes, Access: protocol.AccessCached, Unmounted: yes, AttachedAnew: no}, MountedAnew, "attached anew"},
		"another kernel, never attached":   {Custody{Writer: here, Reader: there, SameVolume: yes, Access: protocol.AccessCached, AttachedAnew: unknown}, MountedAnew, "attached anew"},
		"attached anew to the same kernel": {Custody{Writer: here, Reader: beside, SameVolume: yes, Access: protocol.AccessCached, AttachedAnew: yes}, AttachedAnew, "one machine"},
		"two kernels on one node":          {Custody{Writer: here, Reader: &Place{Node: "n1", Boot: "b"}, SameVolume: yes, Access: protocol.AccessCached, Unmounted: unknown, AttachedAnew: no}, ReadBack, "page cache"},
		"attached anew to the same node":   {Custody{Writer: here, Reader: &Place{Node: "n1", Boot: "b"}, SameVolume: yes, Access: protocol.AccessCached, AttachedAnew: yes}, AttachedAnew, "kernels of their own"},
		"all of it":                        {Custody{Writer: here, Reader: there, SameVolume: yes, Access: protocol.AccessDirect, Unmounted: yes, AttachedAnew: yes}, OtherMachine, ""},
		"which volume is not known":        {Custody{Writer: here, Reader: same, SameVolume: unknown, Access: protocol.AccessDirect}, None, "the same volume"},
	} {
		t.Run(name, func(t *testing.T) {
			c.custody.Weigh()
			assert.Equal(t, c.want, c.custody.Level)
			assert.Contains(t, c.custody.Missing, c.missing)
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
