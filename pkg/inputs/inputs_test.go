package inputs

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestTheDefaultsAreTheSTIGChecks(t *testing.T) {
	d := Defaults()
	assert.Equal(t, "stig", d.Namespace)
	assert.Equal(t, "stig-pvc", d.ClaimName)
	assert.Equal(t, "5Gi", d.ClaimSize.String())
	assert.Equal(t, corev1.ReadWriteOnce, d.AccessMode)
	assert.Equal(t, "write-pod", d.WriterPod)
	assert.Equal(t, "read-pod", d.ReaderPod)
	assert.Equal(t, "/data/logs.log", d.JournalFile)
	assert.True(t, d.STIG())
	d.ClaimName = "mine"
	assert.False(t, d.STIG())
}

func TestValuesAreRead(t *testing.T) {
	s, err := Parse(env(map[string]string{
		"TOTAL_CHAOS_DURATION": " 60 ", "FORCE": "True", "STORAGE_CLASS": "longhorn", "READER_NODE": "other",
		"RECORD_SIZE": "4096", "WRITE_RATE": "0.5", "CLAIM_SIZE": "1Gi", "VOLUME_SOURCE": "emptyDir", "LIB_IMAGE": "registry:5000/x@sha256:abc",
	}))
	require.NoError(t, err)
	assert.Equal(t, time.Minute, s.Duration)
	assert.True(t, s.Force)
	assert.Equal(t, "longhorn", s.StorageClass)
	assert.Equal(t, OtherNode, s.ReaderNode)
	assert.Equal(t, 4096, s.RecordSize)
	assert.Equal(t, 0.5, s.WriteRate)
	assert.Equal(t, EmptyDir, s.VolumeSource)
	assert.Equal(t, "registry:5000/x@sha256:abc", s.Image)
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	values := map[string]string{
		"TOTAL_CHAOS_DURATION": "30s", "CHAOS_INTERVAL": "0", "RANDOMNESS": "sometimes", "FORCE": "yes", "RAMP_TIME": "-1", "WORKLOAD_NAMESPACE": "STIG",
		"VOLUME_SOURCE": "emptydir", "STORAGE_CLASS": "a b", "EXISTING_CLAIM": "_", "CLAIM_NAME": "A", "CLAIM_SIZE": "5GB!", "ACCESS_MODE": "RWO",
		"WRITER_POD": "-", "READER_POD": "/", "READER_NODE": "N 1", "JOURNAL_FILE": "logs.log", "RECORD_SIZE": "100", "WRITE_RATE": "NaN",
		"KEEP": "1", "LIB_IMAGE": "a b", "LIB_IMAGE_PULL_POLICY": "always", "ORCHESTRATOR": "nomad", "STATUS_CHECK_TIMEOUT": "0", "VERIFY_TIMEOUT": "x",
	}
	_, err := Parse(env(values))
	require.Error(t, err)
	for _, input := range Table() {
		value, tried := values[input.Name]
		require.True(t, tried, "no mistake tried for %s", input.Name)
		assert.ErrorContains(t, err, input.Name+"=\""+value+"\": want ")
	}
	var problem Problem
	assert.True(t, errors.As(err, &problem))
}

func TestContradictionsAreNamed(t *testing.T) {
	_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "STORAGE_CLASS": "s", "VOLUME_SOURCE": "emptyDir", "READER_POD": "write-pod"}))
	assert.ErrorContains(t, err, `EXISTING_CLAIM="c": want it unset`)
	assert.ErrorContains(t, err, `STORAGE_CLASS="s": want it unset`)
	assert.ErrorContains(t, err, `READER_POD="write-pod": want another name`)
}

func TestIntervals(t *testing.T) {
	for value, want := range map[[2]string][2]time.Duration{
		{"10", "false"}:  {0, 10 * time.Second},
		{"10", "true"}:   {time.Second, 10 * time.Second},
		{"5-10", "true"}: {5 * time.Second, 10 * time.Second},
		{"7-7", "true"}:  {7 * time.Second, 7 * time.Second},
	} {
		s, err := Parse(env(map[string]string{"CHAOS_INTERVAL": value[0], "RANDOMNESS": value[1]}))
		require.NoError(t, err, value)
		assert.Equal(t, want, [2]time.Duration{s.LeastInterval, s.Interval}, value)
	}
	for _, wrong := range []string{"10-5", "0-5", "5-", "-5", "1-2-3", "5 10"} {
		_, err := Parse(env(map[string]string{"CHAOS_INTERVAL": wrong, "RANDOMNESS": "true"}))
		assert.ErrorContains(t, err, `CHAOS_INTERVAL="`+wrong+`": want `)
	}
	_, err := Parse(env(map[string]string{"CHAOS_INTERVAL": "5-10"}))
	assert.ErrorContains(t, err, `RANDOMNESS="false": want true where CHAOS_INTERVAL is a range`)
}

func TestPathsOfTheJournal(t *testing.T) {
	for value, right := range map[string]bool{
		"/data/logs.log": true, "/a/b/c": true, "/logs.log": false, "/data/": false, "/data/../x/y": false, "/": false, "data/x": false, "/da:ta/x": false,
	} {
		_, err := Parse(env(map[string]string{"JOURNAL_FILE": value}))
		assert.Equal(t, right, err == nil, value)
	}
}
