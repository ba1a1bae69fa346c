package command

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// parseFlags parses flags as run does.
func parseFlags(t *testing.T, engine func(string) string, args ...string) (options.Values, error) {
	t.Helper()
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	if _, isSet := os.LookupEnv("KUBECONFIG"); !isSet {
		t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	}
	cluster := newClusterFlags()
	cluster.addTo(flags)
	f := addOptionFlags(flags, cluster)
	require.NoError(t, flags.Parse(args))
	spec, err := newRunSpec(f.getenv(engine))
	return spec.options, withFlagNames(err)
}

func TestOptionFlags_EveryOptionHasAFlagWithHelp(t *testing.T) {
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	cluster := newClusterFlags()
	cluster.addTo(flags)
	addOptionFlags(flags, cluster)
	for _, option := range options.Table() {
		flag := flags.Lookup(options.FlagName(option.Name))
		require.NotNil(t, flag, option.Name)
		if option.Name == namespaceOption {
			continue
		}
		assert.NotEmpty(t, flag.Usage, option.Name)
		assert.NotContains(t, flag.Usage, "`", option.Name)
		assert.Equal(t, flag.Value.Type() == "bool", flag.NoOptDefVal != "", option.Name)
		assert.NotRegexp(t, `[A-Z]+_[A-Z]+`, flag.Usage, "help names flags, not environment variables")
	}
	assert.NotNil(t, flags.Lookup("storage-classes"))
	assert.Nil(t, flags.Lookup("workload-namespace"), "that is kubectl's --namespace")
}

func TestOptionFlags_DefaultsDifferOnlyInTheControl(t *testing.T) {
	got, err := parseFlags(t, nil)
	require.NoError(t, err)
	want := options.Defaults()
	want.NegativeControl = true
	assert.Equal(t, want, got)
}

func TestOptionFlags_NamespaceIsThatOfTheContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(`{apiVersion: v1, kind: Config, current-context: first, contexts: [
  {name: first, context: {cluster: c, namespace: team}}, {name: second, context: {cluster: c}}]}`), 0o600))
	t.Setenv("KUBECONFIG", file)
	for want, args := range map[string][]string{
		"team": nil, "mine": {"-n", "mine"}, "stig": {"--context", "second"},
	} {
		got, err := parseFlags(t, nil, args...)
		require.NoError(t, err)
		assert.Equal(t, want, got.Namespace)
	}
	got, err := parseFlags(t, func(string) string { return "" })
	require.NoError(t, err)
	assert.Equal(t, "stig", got.Namespace, "an engine has the default of the experiment")
}

func TestOptionFlags_AreParsed(t *testing.T) {
	got, err := parseFlags(t, nil, "-n", "mine", "--storage-classes=a,b", "--force", "--keep",
		"--negative-control=false", "--total-chaos-duration", "7")
	require.NoError(t, err)
	assert.Equal(t, "mine", got.Namespace)
	assert.Equal(t, []string{"a", "b"}, got.StorageClasses)
	assert.Equal(t, []bool{true}, got.Force)
	assert.True(t, got.Keep)
	assert.False(t, got.NegativeControl)
	assert.Equal(t, "7s", got.Duration.String())
}

func TestOptionFlags_OverrideTheEngine(t *testing.T) {
	engine := func(name string) string {
		return map[string]string{
			"STORAGE_CLASS": "engine-class", "WRITE_RATE": "5", "WORKLOAD_NAMESPACE": "engine-namespace",
		}[name]
	}
	got, err := parseFlags(t, engine, "--storage-class", "mine")
	require.NoError(t, err)
	assert.Equal(t, []string{"mine"}, got.StorageClasses)
	assert.Equal(t, 5.0, got.WriteRate)
	assert.Equal(t, "engine-namespace", got.Namespace)
	assert.False(t, got.NegativeControl, "with an engine, the defaults are those of the table")
}

func TestOptionFlags_ReportAllMistakesWithTheirFlags(t *testing.T) {
	_, err := parseFlags(t, nil, "-n", "A", "--storage-classes=a,,b", "--claim-size=big", "--keep=maybe")
	require.Error(t, err)
	for _, want := range []string{
		`--namespace (WORKLOAD_NAMESPACE) "A": want `, `--storage-classes (STORAGE_CLASSES) "a,,b": want `,
		`--claim-size (CLAIM_SIZE) "big": want `, `--keep (KEEP) "maybe": want true or false`,
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 4)
}

func TestOptionFlags_ClaimTemplateIsALocalFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("claim.yaml", []byte("apiVersion: v1\nkind: PersistentVolumeClaim\n"), 0o600))
	got, err := parseFlags(t, nil, "--claim-template", "claim.yaml")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(got.ClaimTemplate))
	_, err = parseFlags(t, nil, "--claim-template", "none.yaml")
	assert.ErrorContains(t, err, "--claim-template (CLAIM_TEMPLATE)")
}

// At a terminal, a user sets flags. In an engine, a user sets environment variables.
func TestTexts_NameWhatTheUserSets(t *testing.T) {
	const advice = "To fix this: set READER_NODE=any"
	r := result.Result{Reason: advice, Cells: []result.Cell{{
		Reason: advice, Notes: []string{advice}, NotShown: []string{advice}, Findings: []judge.Finding{{Detail: advice}},
	}}}
	texts := func(r result.Result) []string {
		c := r.Cells[0]
		return []string{r.Reason, c.Reason, c.Notes[0], c.NotShown[0], c.Findings[0].Detail}
	}
	for _, text := range texts(runSpec{}.describe(r)) {
		assert.Equal(t, "To fix this: set --reader-node=any", text)
	}
	for _, text := range texts(runSpec{engine: &result.Engine{}}.describe(r)) {
		assert.Equal(t, advice, text)
	}
	var out bytes.Buffer
	newTerminalLog(&out, logrus.WarnLevel).WithError(errors.New(advice)).Warn("no READER_NODE")
	assert.Equal(t, "warning: no --reader-node; error: To fix this: set --reader-node=any\n", out.String())
	cause := errors.New(advice)
	err := withFlagNames(errors.Join(cause, options.InvalidValueError{Name: "FORCE", Value: "x", Want: "no RANDOMNESS"}))
	assert.EqualError(t, err, "To fix this: set --reader-node=any\n--force (FORCE) \"x\": want no --randomness")
	assert.ErrorIs(t, err, cause)
	assert.NoError(t, withFlagNames(nil))
}
