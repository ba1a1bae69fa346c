package ledger_test

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// Acknowledgements may arrive late and in any order: the highest one of each epoch counts.
func ExampleLedger_Add() {
	var l ledger.Ledger
	for _, ack := range []ledger.Ack{
		{Point: journal.Point{Epoch: 1, Seq: 20}, Digest: 0x5e6f7081},
		{Point: journal.Point{Epoch: 2, Seq: 5}, Digest: 0x0badcafe},
		{Point: journal.Point{Epoch: 1, Seq: 10}, Digest: 0x1a2b3c4d},
	} {
		if err := l.Add(ack); err != nil {
			fmt.Println(err)
		}
	}
	for _, ack := range l.Acks() {
		fmt.Printf("epoch %d is durable up to sequence %d\n", ack.Epoch, ack.Seq)
	}
	fmt.Println(ledger.CountRecords(l.Acks()), "acknowledged records")
	// Output:
	// epoch 1 is durable up to sequence 20
	// epoch 2 is durable up to sequence 5
	// 25 acknowledged records
}

// A token holds the ledger of a journal as one word, with a checksum.
func ExampleToken() {
	token := ledger.Token{
		Format: journal.Format{ID: "8f3a5c7e9b1d2f40", RecordSize: 256},
		Ack:    ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 1000}, Digest: 0x1a2b3c4d},
	}
	text := token.String()
	fmt.Println(text)

	parsed, err := ledger.ParseToken(text)
	fmt.Println(parsed == token, err)

	_, err = ledger.ParseToken("ledger1.8f3a5c7e9b1d2f40.256.1.2000.1a2b3c4d.08b52fec")
	fmt.Println(err)
	// Output:
	// ledger1.8f3a5c7e9b1d2f40.256.1.1000.1a2b3c4d.08b52fec
	// true <nil>
	// invalid ledger token "ledger1.8f3a5c7e9b1d2f40.256.1.2000.1a2b3c4d.08b52fec": wrong checksum
}
