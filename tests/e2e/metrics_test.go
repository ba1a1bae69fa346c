package e2e

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acknowledged matches a counter of records that is not 0.
var acknowledged = regexp.MustCompile(`(?m)^volume_durability_acknowledged_records_total\{.*\} [1-9]\d*$`)

// A scraper reads the counters while the run executes. Afterwards, two runs are compared.
func TestCommand_ServesMetricsDuringTheRun(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	command, _, errOut := at.command(shortRun("--metrics-address", address, "--bundle", "bundle")...)
	require.NoError(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	counted := assert.Eventually(t, func() bool { return acknowledged.MatchString(scrape(address)) },
		time.Minute, 100*time.Millisecond)
	require.NoError(t, <-ended, errOut)
	require.True(t, counted, errOut)
	assert.Empty(t, scrape(address), "nothing listens after the run")

	code, out, _ := at.exec("report", "compare", "bundle", "bundle", "--fail-on-regression")
	assert.Equal(t, 0, code)
	assert.Regexp(t, `verdict +Pass +Pass\n`, out)
	code, out, _ = at.exec("report", "bundle", "-o", "openmetrics")
	assert.Equal(t, 0, code)
	assert.Regexp(t, acknowledged, out)
}

// scrape returns the metrics at an address; empty if there are none.
func scrape(address string) string {
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	return string(body)
}
