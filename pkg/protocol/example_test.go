package protocol_test

import (
	"fmt"
	"os"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func ExampleWrite() {
	ack := ledger.Ack{
		Point:  journal.Point{Epoch: 2, Seq: 4812},
		Digest: 0xdeadbeef,
		Time:   time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
	}
	if err := protocol.Write(os.Stdout, protocol.Message{Ack: &ack}); err != nil {
		fmt.Println(err)
	}
	// Output: ack {"epoch":2,"seq":4812,"digest":3735928559,"time":"2026-11-24T12:00:00Z"} af3e1aee
}
