package e2e

import "testing"

// This is the part of TestMachines that make test has. It uses the same machines, so it is not parallel.
func TestNFS_KeepsDataForAnotherMachine(t *testing.T) {
	withMachines(t, writerMachine, readerMachine, serverMachine)
	t.Run("the reader is on another machine", testOtherMachine)
	t.Run("the power of the writer's node is cut", func(t *testing.T) { powerCutOfTheWriter(t, readerMachine) })
}
