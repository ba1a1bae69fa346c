package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReplica_NamesBothMachinesInTheSameOrder(t *testing.T) {
	pair := [2]Replica{{"m1", "10.0.0.1", "/m1/replica"}, {"m2", "10.0.0.2", "/m2/replica"}}
	for _, r := range pair {
		command := r.MakeCommand(pair, "A")
		assert.Equal(t, []string{"sh", "-euc"}, command[:2])
		assert.Contains(t, command[2], "IMAGE="+r.Image+" SIZE=256M PROTOCOL=A SETTINGS=\n")
		assert.Contains(t, command[2], "\nFIRST=m1 FIRST_ADDRESS=10.0.0.1\nSECOND=m2 SECOND_ADDRESS=10.0.0.2\n")
		assert.Contains(t, r.RemoveCommand()[2], "IMAGE="+r.Image+"\n")
	}
}
