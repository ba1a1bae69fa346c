package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMachineEvents_ApplyToWhatABackendHas(t *testing.T) {
	names := func(m *Machines) []string {
		var all []string
		for _, e := range machineEvents() {
			if e.applies(m) {
				all = append(all, e.name)
			}
		}
		return all
	}
	sync := Machines{Export: "rw,sync", Mount: "mount -o nolock"}
	all := []string{
		"client-cut", "server-cut", "both-cut", "read-by-writer", "server-restarted", "server-away", "killed-while-away",
		"read-early", "fsid-changed", "two-writers",
	}
	sync.Mount += ",nfsvers=3"
	assert.Equal(t, all, names(&sync))
	sync.Mount = "mount -o nolock,nfsvers=4.2"
	assert.Equal(t, slices.DeleteFunc(slices.Clone(all), func(e string) bool { return e == readEarlyEvent }), names(&sync))
	assert.Equal(t, all[:5], names(&Machines{Export: "rw,async"}))
	sync.Mount = "mount -o softerr"
	assert.Equal(t, all[:7], names(&sync))
	assert.Equal(t, []string{"client-cut", "server-cut", "both-cut"}, names(&Machines{Serve: "tgtd"}))
	assert.Equal(t, []string{"client-cut", "network-3s", "network-15s"}, names(&Machines{Peer: "drbdadm up r0"}))
	assert.Equal(t, []string{"client-cut", "writes-dropped"}, names(&Machines{Drop: "dmsetup resume storage"}))
}

func TestTrialMachines_AreThoseOfTheBackend(t *testing.T) {
	client, server, reader := &machine{}, &machine{}, &machine{}
	all := &trial{client: client, server: server, reader: reader}
	assert.Equal(t, []*machine{client}, (&trial{client: client, reader: client}).machines())
	assert.Equal(t, []*machine{client, reader}, (&trial{client: client, reader: reader}).machines())
	assert.Equal(t, []*machine{client, server, reader}, all.machines())
}

// Without an older state, the event tests nothing.
func TestReadVerification_KnowsHowTheJournalWasReadAgain(t *testing.T) {
	for text, problem := range map[string]string{
		`{"verdict": "Pass"}`: "the journal was read once: kept",
		`{"verdict": "Fail", "reread": {"cacheSeconds": 60, "seconds": 61, "reads": 6}}`: "the older state remained: the " +
			"journal was read again after 61 s, because the mount may show an older state for up to 60 s; the last read " +
			"still differed from what was acknowledged",
		`{"verdict": "Pass", "reread": {"cacheSeconds": 60, "seconds": 3, "reads": 2, "settled": true}}`: "",
	} {
		o, err := readVerification([]byte(text))
		require.NoError(t, err)
		if err := o.requireReread(); problem == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, problem)
		}
	}
}

func TestMachineEvents_NameTheirWritePattern(t *testing.T) {
	for _, e := range machineEvents() {
		want := "append"
		if e.name == "read-early" {
			want = "remove"
		}
		assert.Equal(t, want, e.pattern(), e.name)
	}
}
