package terminal

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSignalSequence_OnlyALateCtrlCAtATerminalAbandons(t *testing.T) {
	const soon, late = 10 * time.Millisecond, 2 * time.Second
	for name, c := range map[string]struct {
		interactive bool
		signal      os.Signal
		after       time.Duration
		want        signalMeaning
	}{
		"Ctrl-C after a moment":                {true, os.Interrupt, late, abandonSignal},
		"Ctrl-C pressed twice":                 {true, os.Interrupt, soon, furtherSignal},
		"SIGTERM at a terminal":                {true, syscall.SIGTERM, late, furtherSignal},
		"the terminal was closed":              {true, syscall.SIGHUP, late, furtherSignal},
		"SIGTERM twice, without a terminal":    {false, syscall.SIGTERM, soon, furtherSignal},
		"SIGINT and SIGTERM of a CI service":   {false, syscall.SIGTERM, late, furtherSignal},
		"SIGINT twice, without a terminal":     {false, os.Interrupt, late, furtherSignal},
		"SIGINT at once, without a terminal":   {false, os.Interrupt, soon, furtherSignal},
		"SIGHUP after SIGINT, at a closed tty": {true, syscall.SIGHUP, soon, furtherSignal},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			q := signalSequence{interactive: c.interactive}
			assert.Equal(t, firstSignal, q.next(os.Interrupt, start))
			assert.Equal(t, c.want, q.next(c.signal, start.Add(c.after)))
		})
	}
}
