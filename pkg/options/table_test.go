package options

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/pattern"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestDefaults_AreThoseOfTheSTIGCheck(t *testing.T) {
	d := Defaults()
	assert.Equal(t, "stig", d.Namespace)
	assert.Equal(t, "stig-pvc", d.ClaimName)
	assert.Equal(t, "5Gi", d.ClaimSize.String())
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, d.AccessModes)
	assert.Equal(t, "write-pod", d.WriterPod)
	assert.Equal(t, "read-pod", d.ReaderPod)
	assert.Equal(t, "/data/logs.log", d.JournalFile)
	assert.True(t, d.IsSTIGCheck())
	d.ClaimName = "mine"
	assert.False(t, d.IsSTIGCheck())
}

func TestParse_ReadsValues(t *testing.T) {
	v, err := Parse(env(map[string]string{
		"TOTAL_CHAOS_DURATION": " 60 ", "FORCE": "True", "STORAGE_CLASS": "longhorn", "READER_NODE": "other",
		"RECORD_SIZE": "4096", "WRITE_RATE": "0.5", "CLAIM_SIZE": "1Gi", "VOLUME_SOURCE": "claim",
		"LIB_IMAGE": "registry:5000/x@sha256:abc",
	}))
	require.NoError(t, err)
	assert.Equal(t, time.Minute, v.Duration)
	assert.Equal(t, []bool{true}, v.Force)
	assert.Equal(t, []string{"longhorn"}, v.StorageClasses)
	assert.Equal(t, []ReaderNode{OtherNode}, v.ReaderNodes)
	assert.Equal(t, 4096, v.RecordSize)
	assert.Equal(t, 0.5, v.WriteRate)
	assert.Equal(t, Claim, v.VolumeSource)
	assert.Equal(t, "registry:5000/x@sha256:abc", v.Image)
}

func TestParse_ReportsEveryInvalidOption(t *testing.T) {
	values := map[string]string{
		"TOTAL_CHAOS_DURATION": "1500ms", "CHAOS_INTERVAL": "0", "RANDOMNESS": "sometimes", "FORCE": "yes",
		"RAMP_TIME": "-1", "WORKLOAD_NAMESPACE": "STIG",
		"VOLUME_SOURCE": "emptydir", "STORAGE_CLASS": "a b", "EXISTING_CLAIM": "_", "CLAIM_NAME": "A",
		"CLAIM_SIZE": "5GB!", "ACCESS_MODE": "ROX",
		"WRITER_POD": "-", "READER_POD": "/", "READER_NODE": "N 1", "JOURNAL_FILE": "logs.log", "RECORD_SIZE": "100",
		"WRITE_RATE": "NaN",
		"SEQUENCE":   "Parallel", "TARGET_PODS": "a,a", "PODS_AFFECTED_PERC": "101", "STORAGE_CLASSES": "a,,b",
		"PARALLEL_CELLS": "0", "MAX_CELLS": "0", "CLAIM_TEMPLATE": "claim.yaml",
		"VOLUME_MODE": "Filesystem,block", "REQUIRED_EVIDENCE": "strong", "NEGATIVE_CONTROL": "on",
		"BUNDLE_CONFIGMAP": "My Bundle",
		"KEEP":             "1", "LIB_IMAGE": "a b", "LIB_IMAGE_PULL_POLICY": "always", "ORCHESTRATOR": "nomad",
		"RUN_AS_USER": "root", "RUN_AS_GROUP": "-1", "SUPPLEMENTAL_GROUPS": "1,none", "FS_GROUP": "2147483648",
		"IMAGE_PULL_SECRETS": "A", "TOLERATIONS": "a:Never", "NODE_SELECTOR": "kubernetes.io/os=windows",
		"PRIORITY_CLASS": "A", "RUNTIME_CLASS": "A", "RESOURCE_REQUESTS": "cpu", "RESOURCE_LIMITS": "cpu=much",
		"POD_LABELS": "volume-durability/run=1", "POD_ANNOTATIONS": "volume-durability/journal", "POD_TEMPLATE": "pod.yaml",
		"WRITER_NODE": "a=b=c", "ALLOW_RELABEL": "maybe",
		"WRITE_PATTERN": "append,rewrite", "WRITE_OBJECTS": "15",
		"STATUS_CHECK_TIMEOUT": "0", "VERIFY_TIMEOUT": "x",
		"METRICS_ADDRESS": "9464",
		"MAX_RECOVERY":    "soon", "MAX_COMMIT_P99": "fast", "MAX_COMMIT": "-1s", "MIN_RATE": "0",
	}
	_, err := Parse(env(values))
	require.Error(t, err)
	for _, option := range Table() {
		value, invalid := values[option.Name]
		require.True(t, invalid, "the test has no invalid value for %s", option.Name)
		assert.ErrorContains(t, err, option.Name+"=\""+value+"\": want ")
	}
	var invalid InvalidValueError
	assert.True(t, errors.As(err, &invalid))
}

func TestParse_ReadsThresholds(t *testing.T) {
	parse := func(env map[string]string) (Thresholds, error) {
		v, err := Parse(func(name string) string { return env[name] })
		return v.Thresholds, err
	}
	got, err := parse(map[string]string{
		"MAX_RECOVERY": "90", "MAX_COMMIT_P99": "50ms", "MAX_COMMIT": "2s", "MIN_RATE": "99.5",
	})
	require.NoError(t, err)
	assert.Equal(t, Thresholds{
		MaxRecovery: 90 * time.Second, MaxCommitP99: 50 * time.Millisecond, MaxCommit: 2 * time.Second, MinRate: 99.5,
	}, got)
	for name, wrong := range map[string][]string{
		"MAX_RECOVERY":   {"-30", "0", "-1s", "soon", "2000h", "9223372036854775807"},
		"MAX_COMMIT_P99": {"50 ms", "1ns"}, "MAX_COMMIT": {"0s"},
		"MIN_RATE": {"0", "-1", "NaN", "100", "fast"}, // WRITE_RATE is 100
	} {
		for _, value := range wrong {
			_, err := parse(map[string]string{name: value})
			assert.ErrorContains(t, err, name+"=", value)
		}
	}
	_, err = parse(map[string]string{"MIN_RATE": "100", "WRITE_RATE": "0"})
	assert.NoError(t, err, "without a limit, the rate of the volume is measured")
}

func TestParse_ReportsConflicts(t *testing.T) {
	_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "STORAGE_CLASS": "s",
		"VOLUME_SOURCE": "emptyDir", "READER_POD": "write-pod"}))
	assert.ErrorContains(t, err, `EXISTING_CLAIM="c": want no value if VOLUME_SOURCE is emptyDir`)
	assert.ErrorContains(t, err, `EXISTING_CLAIM="c": want no value if STORAGE_CLASS or STORAGE_CLASSES is set: an existing claim already has a class`)
	assert.ErrorContains(t, err, `READER_POD="write-pod": want a name other than WRITER_POD's`)
}

// An emptyDir must not appear in a report as a StorageClass that loses its data.
func TestParse_RejectsAClassForAnEmptyDir(t *testing.T) {
	for _, name := range []string{"STORAGE_CLASS", "STORAGE_CLASSES"} {
		_, err := Parse(env(map[string]string{"VOLUME_SOURCE": "emptyDir", name: "fast"}))
		assert.ErrorContains(t, err, `VOLUME_SOURCE="emptyDir": want claim if STORAGE_CLASS or STORAGE_CLASSES is set`)
	}
}

func TestParse_RejectsOtherMachineWithTheReaderOnTheSameNode(t *testing.T) {
	for nodes, wrong := range map[string]bool{"same": true, "other,same": true, "other": false, "any": false,
		"n1": false} {
		_, err := Parse(env(map[string]string{"REQUIRED_EVIDENCE": "other-machine", "READER_NODE": nodes}))
		assert.Equal(t, wrong, err != nil, nodes)
	}
	_, err := Parse(env(map[string]string{"REQUIRED_EVIDENCE": "other-machine", "READER_NODE": "same"}))
	assert.ErrorContains(t, err, `REQUIRED_EVIDENCE="other-machine": want reattached or lower, because READER_NODE=same never reaches other-machine`)
}

func TestParse_ReadsUserAndGroups(t *testing.T) {
	v := Defaults()
	for _, id := range []*int64{v.RunAsUser, v.RunAsGroup, v.FSGroup} {
		assert.Equal(t, ptr.To[int64](ImageUser), id)
	}
	assert.Empty(t, v.SupplementalGroups)

	v, err := Parse(env(map[string]string{
		"RUN_AS_USER": "0", "RUN_AS_GROUP": "2147483647", "SUPPLEMENTAL_GROUPS": "5, 6", "FS_GROUP": "7",
	}))
	require.NoError(t, err)
	assert.Equal(t, []int64{0, 2147483647, 7}, []int64{*v.RunAsUser, *v.RunAsGroup, *v.FSGroup})
	assert.Equal(t, []int64{5, 6}, v.SupplementalGroups)

	v, err = Parse(env(map[string]string{
		"RUN_AS_USER": "none", "RUN_AS_GROUP": "none", "SUPPLEMENTAL_GROUPS": "none", "FS_GROUP": "none",
	}))
	require.NoError(t, err)
	assert.Nil(t, v.RunAsUser)
	assert.Nil(t, v.RunAsGroup)
	assert.Nil(t, v.FSGroup)
	assert.Nil(t, v.SupplementalGroups)
}

// containerd rejects such a container: "user group is specified without user".
func TestParse_RejectsGroupWithoutUser(t *testing.T) {
	_, err := Parse(env(map[string]string{"RUN_AS_USER": "none"}))
	assert.ErrorContains(t, err, `RUN_AS_GROUP="65532": want none if RUN_AS_USER is none`)
}

func TestParse_KeepsGroupOfFilesOnExistingClaim(t *testing.T) {
	for group, wrong := range map[string]bool{"1": true, "65532": false, "": false, "none": false} {
		_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "FS_GROUP": group}))
		assert.Equal(t, wrong, err != nil, group)
	}
	_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "FS_GROUP": "1"}))
	assert.ErrorContains(t, err, `FS_GROUP="1": want it unset or none if EXISTING_CLAIM is set`)
}

func TestParse_ReadsIntervals(t *testing.T) {
	for value, want := range map[[2]string][2]time.Duration{
		{"10", "false"}:   {0, 10 * time.Second},
		{"10", "true"}:    {time.Second, 10 * time.Second},
		{"5-10", "true"}:  {5 * time.Second, 10 * time.Second},
		{"7-7", "true"}:   {7 * time.Second, 7 * time.Second},
		{"50ms", "false"}: {0, 50 * time.Millisecond},
		{"0.3s", "false"}: {0, 300 * time.Millisecond},
	} {
		v, err := Parse(env(map[string]string{"CHAOS_INTERVAL": value[0], "RANDOMNESS": value[1]}))
		require.NoError(t, err, value)
		assert.Equal(t, want, [2]time.Duration{v.MinInterval, v.Interval}, value)
	}
	for _, wrong := range []string{"10-5", "0-5", "5-", "-5", "1-2-3", "5 10"} {
		_, err := Parse(env(map[string]string{"CHAOS_INTERVAL": wrong, "RANDOMNESS": "true"}))
		assert.ErrorContains(t, err, `CHAOS_INTERVAL="`+wrong+`": want `)
	}
	for _, wrong := range []string{"0", "49ms", "1500ms", "-1s", "100ms-200ms"} {
		_, err := Parse(env(map[string]string{"CHAOS_INTERVAL": wrong}))
		assert.ErrorContains(t, err, `CHAOS_INTERVAL="`+wrong+`": want `)
	}
	_, err := Parse(env(map[string]string{"CHAOS_INTERVAL": "5-10"}))
	assert.ErrorContains(t, err, `RANDOMNESS="false": want true if CHAOS_INTERVAL is a range`)
	_, err = Parse(env(map[string]string{"CHAOS_INTERVAL": "50ms", "RANDOMNESS": "true"}))
	assert.ErrorContains(t, err, `CHAOS_INTERVAL="50ms": want at least 1s with RANDOMNESS`)
	_, err = Parse(env(map[string]string{"CHAOS_INTERVAL": "1", "RANDOMNESS": "true"}))
	assert.NoError(t, err)
}

func TestParse_ChecksTheJournalsPath(t *testing.T) {
	for value, right := range map[string]bool{
		"/data/logs.log": true, "/a/b/c": true, "/logs.log": false, "/data/": false, "/data/../x/y": false,
		"/": false, "data/x": false, "/da:ta/x": false,
	} {
		_, err := Parse(env(map[string]string{"JOURNAL_FILE": value}))
		assert.Equal(t, right, err == nil, value)
	}
}

func TestCells_AreEveryCombination(t *testing.T) {
	v, err := Parse(env(map[string]string{
		"STORAGE_CLASSES": "fast, slow", "ACCESS_MODE": "ReadWriteOnce,ReadWriteOncePod", "VOLUME_MODE": "Filesystem,Block",
		"READER_NODE": "same,other", "FORCE": "false,true", "NEGATIVE_CONTROL": "true", "WRITE_PATTERN": "append,map",
	}))
	require.NoError(t, err)
	cells := v.Cells(nil)
	require.Len(t, cells, 2*2*2*2*2*2+1)
	names := map[string]bool{}
	for _, c := range cells {
		names[c.Name] = true
		assert.Empty(t, validation.IsDNS1123Subdomain(c.ObjectName("write-pod")))
	}
	assert.Len(t, names, len(cells), "every cell has a name of its own")
	assert.Equal(t, "fast/rwo/filesystem/same/graceful/append", cells[0].Name)
	assert.Equal(t, "slow/rwop/block/other/forced/map", cells[63].Name)
	assert.Equal(t, "write-pod-slow-rwop-block-other-forced-map", cells[63].ObjectName("write-pod"))
	assert.Equal(t, CellSpec{Name: ControlName, Control: true, VolumeSource: EmptyDir,
		VolumeMode: corev1.PersistentVolumeFilesystem, ReaderNode: AnyNode,
		WritePattern: pattern.Append}, cells[64])
}

func TestCells_LeaveASingleCellUnnamed(t *testing.T) {
	for _, values := range []map[string]string{nil, {"STORAGE_CLASSES": "fast"}, {"STORAGE_CLASS": "fast",
		"NEGATIVE_CONTROL": "true"}} {
		v, err := Parse(env(values))
		require.NoError(t, err)
		assert.Empty(t, v.Cells(nil)[0].Name)
		assert.Equal(t, "stig-pvc", v.Cells(nil)[0].ObjectName(v.ClaimName))
	}
}

func TestCells_TakeTheClassesOfTheCluster(t *testing.T) {
	v, err := Parse(env(map[string]string{"STORAGE_CLASSES": "*"}))
	require.NoError(t, err)
	cells := v.Cells([]string{"a", "b.c"})
	assert.Equal(t, []string{"a", "b.c"}, []string{cells[0].Name, cells[1].Name})
}

// A writer removes files only after it has created as many as are kept, so remove needs a lower default.
func TestLayout_DefaultNumberOfObjectsDependsOnThePattern(t *testing.T) {
	layouts := func(values map[string]string) map[string]uint64 {
		values["WRITE_PATTERN"] = "append,overwrite,create,remove"
		v, err := Parse(env(values))
		require.NoError(t, err)
		objects := map[string]uint64{}
		for _, c := range v.Cells(nil) {
			objects[c.Name] = v.Layout(c).Objects
		}
		return objects
	}
	assert.Equal(t, map[string]uint64{"append": 0, "overwrite": 1024, "create": 0, "remove": 32},
		layouts(map[string]string{}))
	assert.Equal(t, map[string]uint64{"append": 0, "overwrite": 64, "create": 0, "remove": 64},
		layouts(map[string]string{"WRITE_OBJECTS": "64"}))
}

func TestParse_ObjectsMustFitIntoTheClaim(t *testing.T) {
	for patterns, want := range map[string]string{
		"remove,overwrite": `WRITE_OBJECTS="1024": want so few that they fit into CLAIM_SIZE=100Ki: they need 262144 bytes`,
		"append,create":    "", "remove": "",
	} {
		_, err := Parse(env(map[string]string{"WRITE_PATTERN": patterns, "CLAIM_SIZE": "100Ki"}))
		if want == "" {
			assert.NoError(t, err, patterns)
		} else {
			assert.ErrorContains(t, err, want, patterns)
		}
	}
}

func TestParse_AllowsOneCellOnAnExistingClaim(t *testing.T) {
	_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "FORCE": "true,false"}))
	assert.ErrorContains(t, err, "a claim can hold only one journal")
	_, err = Parse(env(map[string]string{"STORAGE_CLASS": "a", "STORAGE_CLASSES": "b"}))
	assert.ErrorContains(t, err, `STORAGE_CLASSES="b": want only one of STORAGE_CLASS and STORAGE_CLASSES set`)
}

func TestComplete_SuggestsValidValues(t *testing.T) {
	suggested := map[string][]string{}
	for _, option := range Table() {
		if values := option.Complete(""); len(values) > 0 {
			suggested[option.Name] = values
		}
		for _, value := range option.Complete("") {
			// They fit every user and every node.
			values := map[string]string{"RUN_AS_GROUP": "none", "EXISTING_CLAIM": "c"}
			if slices.Contains([]string{"STORAGE_CLASSES", "VOLUME_SOURCE", "FORCE"}, option.Name) {
				delete(values, "EXISTING_CLAIM")
			}
			values[option.Name] = value
			_, err := Parse(env(values))
			assert.NoError(t, err, option.Name)
		}
	}
	assert.Equal(t, []string{"any", "same", "other"}, suggested["READER_NODE"])
	assert.Equal(t, []string{"false", "true", "false,true"}, suggested["FORCE"])
	assert.Equal(t, []string{"Always", "IfNotPresent", "Never"}, suggested["LIB_IMAGE_PULL_POLICY"])
	assert.Equal(t, []string{"*"}, suggested["STORAGE_CLASSES"])
	for _, number := range []string{"TOTAL_CHAOS_DURATION", "CHAOS_INTERVAL", "CLAIM_NAME", "JOURNAL_FILE"} {
		assert.NotContains(t, suggested, number)
	}
}

func TestComplete_SuggestsTheNextItemOfAList(t *testing.T) {
	i := slices.IndexFunc(Table(), func(o Option) bool { return o.Name == "ACCESS_MODE" })
	assert.Equal(t, []string{"ReadWriteMany,ReadWriteOnce", "ReadWriteMany,ReadWriteOncePod"},
		Table()[i].Complete("ReadWriteMany,Read"))
}

func TestParse_LimitsTheNumberOfCells(t *testing.T) {
	classes := make([]string, 25)
	for i := range classes {
		classes[i] = "class-" + strconv.Itoa(i)
	}
	huge := map[string]string{
		"STORAGE_CLASSES": strings.Join(classes, ","), "ACCESS_MODE": "ReadWriteOnce,ReadWriteMany",
		"VOLUME_MODE": "Filesystem,Block", "NEGATIVE_CONTROL": "false",
	}
	_, err := Parse(env(huge))
	require.NoError(t, err, "100 cells are as many as the default allows")

	huge["NEGATIVE_CONTROL"] = "true"
	_, err = Parse(env(huge))
	assert.EqualError(t, err, `MAX_CELLS="100": want at least 101, which is the number of cells of this run, or fewer `+
		`values in STORAGE_CLASSES, ACCESS_MODE, VOLUME_MODE, READER_NODE, FORCE and WRITE_PATTERN`)

	huge["MAX_CELLS"] = "101"
	_, err = Parse(env(huge))
	assert.NoError(t, err)

	_, err = Parse(env(map[string]string{"STORAGE_CLASSES": "*", "FORCE": "false,true", "MAX_CELLS": "1"}))
	assert.NoError(t, err, "the number of StorageClasses is not known yet")
}

func TestParse_RejectsTooManyDeletions(t *testing.T) {
	for _, c := range []struct {
		duration, interval, randomness string
		rejected                       bool
	}{
		{"720h", "26", "false", false},
		{"720h", "25", "false", true},
		{"99998", "1", "false", false},
		{"99999", "1", "false", true},
		{"4999", "50ms", "false", false},
		{"5000", "50ms", "false", true},
		{"720h", "51", "true", false},
		{"720h", "49", "true", true},
		{"720h", "25-26", "true", true},
		{"720h", "25-27", "true", false},
	} {
		_, err := Parse(env(map[string]string{
			"TOTAL_CHAOS_DURATION": c.duration, "CHAOS_INTERVAL": c.interval, "RANDOMNESS": c.randomness,
		}))
		if !c.rejected {
			assert.NoError(t, err, c)
			continue
		}
		assert.ErrorContains(t, err, "CHAOS_INTERVAL=")
		assert.ErrorContains(t, err, "and a run has at most 99998")
	}
}

func TestParse_ReadsDurationsWithUnits(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"45": 45 * time.Second, "45s": 45 * time.Second, "2m": 2 * time.Minute, "1h30m": 90 * time.Minute,
	} {
		v, err := Parse(env(map[string]string{
			"TOTAL_CHAOS_DURATION": value, "CHAOS_INTERVAL": value, "RAMP_TIME": value, "STATUS_CHECK_TIMEOUT": value,
			"VERIFY_TIMEOUT": value,
		}))
		require.NoError(t, err)
		for _, got := range []time.Duration{v.Duration, v.Interval, v.RampTime, v.StatusTimeout, v.VerifyTimeout} {
			assert.Equal(t, want, got, value)
		}
	}
	v, err := Parse(env(map[string]string{"RANDOMNESS": "true", "CHAOS_INTERVAL": "5-1m"}))
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{5 * time.Second, time.Minute}, []time.Duration{v.MinInterval, v.Interval})
	for _, invalid := range []string{"0s", "1500ms", "721h", "10 s", "9223372036854775807", "1m-5", "5-", "-5"} {
		_, err := Parse(env(map[string]string{"RANDOMNESS": "true", "CHAOS_INTERVAL": invalid}))
		assert.ErrorContains(t, err, "or a duration such as 30s or 2m", invalid)
	}
}

func TestParse_ReadsAbbreviatedAccessModes(t *testing.T) {
	v, err := Parse(env(map[string]string{"ACCESS_MODE": "RWO,rwx,RWOP"}))
	require.NoError(t, err)
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{
		corev1.ReadWriteOnce, corev1.ReadWriteMany, corev1.ReadWriteOncePod,
	}, v.AccessModes)
	_, err = Parse(env(map[string]string{"ACCESS_MODE": "RWO,ReadWriteOnce"}))
	assert.ErrorContains(t, err, "ReadWriteOnce occurs twice")
	for _, readOnly := range []string{"ROX", "ReadOnlyMany"} {
		_, err = Parse(env(map[string]string{"ACCESS_MODE": readOnly}))
		assert.ErrorContains(t, err, "a writer cannot write to a ReadOnlyMany volume")
	}
}
