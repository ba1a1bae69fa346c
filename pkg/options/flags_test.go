package options

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUseFlags_ReplacesOnlyNamesOfOptions(t *testing.T) {
	for text, want := range map[string]string{
		"set READER_NODE=same, or RUN_AS_USER to 1":   "set --reader-node=same, or --run-as-user to 1",
		"a name other than WRITER_POD's":              "a name other than --writer-pod's",
		"set WORKLOAD_NAMESPACE":                      "set --namespace",
		"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE: EBUSY":  "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE: EBUSY",
		"MAX_COMMIT_P99 and MAX_COMMIT (MAX_COMMITS)": "--max-commit-p99 and --max-commit (MAX_COMMITS)",
	} {
		assert.Equal(t, want, UseFlags(text))
		assert.Equal(t, want, UseFlags(UseFlags(text)), "a second time changes nothing")
	}
}
