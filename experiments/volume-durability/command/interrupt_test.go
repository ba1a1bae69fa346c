package command

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

func TestExecute_EndsWhenInterrupted(t *testing.T) {
	content, ack := writeJournal(t)
	token := ledger.Token{Format: format, Ack: ack}.String()
	journal := save(t, "j", content)
	done := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer silent.Close()
	defer close(done)
	for _, args := range [][]string{
		{"verify", "--journal", journal, "--ledger", token},
		{"verify", "--journal", journal, "--ledger", "-"},
		{"run", "--engine", "-"},
		{"doctor", "--server", silent.URL},
		{"run", "--server", silent.URL, "--bundle", filepath.Join(t.TempDir(), "evidence")},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		var out, errOut bytes.Buffer
		endless, end := io.Pipe()
		root := newRoot("volume-durability", Streams{In: endless, Out: &out, ErrOut: &errOut})
		root.SetArgs(args)
		code := terminal.ReportError(ctx, root.ExecuteContext(ctx), &errOut)
		assert.Equal(t, terminal.ExitInterrupted, code, args)
		assert.Empty(t, out.String(), args)
		assert.NoError(t, end.Close())
	}
}
