package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
	assert.Equal(t, []string{"client-cut", "server-cut", "both-cut"}, names(&Machines{Export: "rw"}))
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
