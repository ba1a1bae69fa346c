package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// settings reads flags as run does.
func settings(t *testing.T, below func(string) string, args ...string) (options.Values, error) {
	t.Helper()
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	namespace := flags.StringP("namespace", "n", "", "")
	f := addInputs(flags, namespace)
	require.NoError(t, flags.Parse(args))
	task, err := read(f.getenv(below))
	return task.settings, mistakes(err)
}

func TestEveryInputHasAFlag(t *testing.T) {
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	addInputs(flags, flags.String("namespace", "", ""))
	for _, input := range options.Table() {
		flag := flags.Lookup(flagOf(input.Name))
		require.NotNil(t, flag, input.Name)
		if input.Name != namespaceInput {
			assert.NotContains(t, flag.Usage, "`", input.Name)
			assert.NotRegexp(t, `[A-Z]+_[A-Z]+`, flag.Usage, "flags speak of flags")
		}
	}
	assert.NotNil(t, flags.Lookup("storage-classes"))
	assert.Nil(t, flags.Lookup("workload-namespace"), "that is kubectl's --namespace")
}

func TestTheDefaultsAreThoseOfTheTableButTheControl(t *testing.T) {
	got, err := settings(t, nil)
	require.NoError(t, err)
	want := options.Defaults()
	want.NegativeControl = true
	assert.Equal(t, want, got)
}

func TestFlagsAreRead(t *testing.T) {
	got, err := settings(t, nil, "-n", "mine", "--storage-classes=a,b", "--force", "--keep", "--negative-control=false", "--total-chaos-duration", "7")
	require.NoError(t, err)
	assert.Equal(t, "mine", got.Namespace)
	assert.Equal(t, []string{"a", "b"}, got.StorageClasses)
	assert.Equal(t, []bool{true}, got.Force)
	assert.True(t, got.Keep)
	assert.False(t, got.NegativeControl)
	assert.Equal(t, "7s", got.Duration.String())
}

func TestFlagsAreAboveAnEngine(t *testing.T) {
	engine := func(name string) string {
		return map[string]string{"STORAGE_CLASS": "engines", "WRITE_RATE": "5", "WORKLOAD_NAMESPACE": "engines"}[name]
	}
	got, err := settings(t, engine, "--storage-class", "mine")
	require.NoError(t, err)
	assert.Equal(t, []string{"mine"}, got.StorageClasses)
	assert.Equal(t, 5.0, got.WriteRate)
	assert.Equal(t, "engines", got.Namespace)
	assert.False(t, got.NegativeControl, "an engine says all there is to say: the defaults below it are the table's")
}

func TestAllMistakesAreSaidAtOnceWithTheirFlags(t *testing.T) {
	_, err := settings(t, nil, "-n", "A", "--storage-classes=a,,b", "--claim-size=big", "--keep=maybe")
	require.Error(t, err)
	for _, said := range []string{`--namespace (WORKLOAD_NAMESPACE) "A": want `, `--storage-classes (STORAGE_CLASSES) "a,,b": want `, `--claim-size (CLAIM_SIZE) "big": want `, `--keep (KEEP) "maybe": want true or false`} {
		assert.ErrorContains(t, err, said)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 4)
}

func TestATemplateIsReadFromHere(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("claim.yaml", []byte("apiVersion: v1\nkind: PersistentVolumeClaim\n"), 0o600))
	got, err := settings(t, nil, "--claim-template", "claim.yaml")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(got.ClaimTemplate))
	_, err = settings(t, nil, "--claim-template", "none.yaml")
	assert.ErrorContains(t, err, "--claim-template (CLAIM_TEMPLATE)")
}
