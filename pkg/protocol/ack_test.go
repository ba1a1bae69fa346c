package protocol

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

func TestParseAck_ReadsWhatIsPrinted(t *testing.T) {
	for _, want := range []ledger.Ack{
		{Point: journal.Point{Epoch: 1, Seq: 1}, Time: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		{
			Point: journal.Point{Epoch: math.MaxInt32, Seq: math.MaxUint64}, Digest: math.MaxUint32,
			Time: time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC),
		},
	} {
		printed, err := json.Marshal(want)
		require.NoError(t, err)
		got, ok := parseAck(string(printed))
		assert.True(t, ok, string(printed))
		assert.Equal(t, want, got)
	}
}

// What parseAck accepts must have the same value as JSON. What it does not accept is decoded as JSON.
func TestDecodeAck_AgreesWithJSON(t *testing.T) {
	const at = `"2026-11-24T12:00:00Z"`
	bodies := []string{
		``, `{}`, `{"seq":7}`, `{"epoch":1,"seq":2,"digest":3}`, `{ "epoch":1,"seq":2,"digest":3,"time":` + at + `}`,
		`1,"seq":2,"digest":3,"time":` + at + `}`,
	}
	for _, n := range []string{
		"1", "0", "01", "-1", "+1", "1e2", "1.5", "", "1_0", `"1"`, "null", "4294967296", "18446744073709551615",
		"18446744073709551616",
	} {
		bodies = append(bodies,
			fmt.Sprintf(`{"epoch":%s,"seq":2,"digest":3,"time":%s}`, n, at),
			fmt.Sprintf(`{"epoch":1,"seq":%s,"digest":3,"time":%s}`, n, at),
			fmt.Sprintf(`{"epoch":1,"seq":2,"digest":%s,"time":%s}`, n, at))
	}
	for _, end := range []string{
		`"2026-11-24T12:00:00+01:00"}`, `"2026-11-24T12:00:00,5Z"}`, `"2026-11-24T1:00:00Z"}`, `"2026-11-24"}`, `""}`,
		`null}`, `"2026-11-24T12:00:00\u005a"}`, at, at[:len(at)-1], at + `} `, at + `,"seq":9}`, at + `,"more":"x"}`,
		at + `}}`,
	} {
		bodies = append(bodies, `{"epoch":1,"seq":2,"digest":3,"time":`+end)
	}
	for _, body := range bodies {
		var want ledger.Ack
		wantErr := json.Unmarshal([]byte(body), &want)
		got, err := decodeAck([]byte(body))
		assert.Equal(t, wantErr, err, body)
		if wantErr == nil {
			assert.Equal(t, want, *got, body)
		}
	}
}

// BenchmarkParse_Ack measures the parsing of an acknowledgement, without reading it from the network.
func BenchmarkParse_Ack(b *testing.B) {
	line := []byte(`ack {"epoch":2,"seq":4812,"digest":3735928559,"time":"2026-11-24T12:00:00Z"} af3e1aee`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
