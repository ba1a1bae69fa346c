package reread

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// The options are as /proc/self/mountinfo lists them.
func TestCacheOf_FollowsTheOptionsOfTheMount(t *testing.T) {
	const others = "rw,vers=4.2,rsize=32768,wsize=32768,namlen=255,hard,proto=tcp,timeo=600,addr=10.0.0.2"
	for name, c := range map[string]struct {
		fsType, options string
		want            Cache
	}{
		"defaults": {"nfs4", others, Cache{Names: time.Minute}},
		"nocto":    {"nfs", others + ",nocto", Cache{Names: time.Minute, Contents: time.Minute}},
		"a longer time": {
			"nfs", "acregmin=600,acregmax=600,acdirmin=600,acdirmax=600", Cache{Names: 600 * time.Second}},
		"files longer than folders": {
			"nfs4", "acregmax=90,acdirmin=5,acdirmax=5,nocto",
			Cache{Names: 5 * time.Second, Contents: 90 * time.Second}},
		"no names":                    {"nfs4", others + ",lookupcache=none", Cache{}},
		"only names that exist":       {"nfs4", others + ",lookupcache=pos", Cache{Names: time.Minute}},
		"nothing":                     {"nfs4", "acregmin=0,acregmax=0,acdirmin=0,acdirmax=0,noac,nocto", Cache{}},
		"a minimum above the maximum": {"nfs4", "acdirmax=10", Cache{Names: 30 * time.Second}},
		"not a number":                {"nfs4", "acdirmin=,acdirmax=x", Cache{Names: time.Minute}},
		"a negative number":           {"nfs4", "acdirmax=-5", Cache{Names: time.Minute}},
		"the largest number":          {"nfs4", "acdirmax=4294967295", Cache{Names: 4294967295 * time.Second}},
		"too large":                   {"nfs4", "acdirmin=99999999999999999999", Cache{Names: time.Minute}},
		"another filesystem":          {"ext4", "rw,nocto", Cache{}},
		"a block device":              {protocol.BlockDevice, "", Cache{}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, CacheOf(protocol.Mount{FSType: c.fsType, SuperOptions: c.options}))
		})
	}
}
