package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReplicas_NamesBothMachinesInTheSameOrder(t *testing.T) {
	pair := [2]Replicas{{"m1", "10.0.0.1", "/m1"}, {"m2", "10.0.0.2", "/m2"}}
	for _, r := range pair {
		command := r.MakeCommand(pair, 1, "A")
		assert.Equal(t, []string{"sh", "-euc"}, command[:2])
		assert.Contains(t, command[2], "NUMBER=1 IMAGE="+r.Folder+"/replica1 SIZE=256M PROTOCOL=A SETTINGS=\n")
		assert.Contains(t, command[2], "\nFIRST=m1 FIRST_ADDRESS=10.0.0.1\nSECOND=m2 SECOND_ADDRESS=10.0.0.2\n")
		assert.Contains(t, r.RemoveCommand()[2], "FOLDER="+r.Folder+"\n")
	}
}
