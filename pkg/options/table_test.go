package options

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestTheDefaultsAreTheSTIGChecks(t *testing.T) {
	d := Defaults()
	assert.Equal(t, "stig", d.Namespace)
	assert.Equal(t, "stig-pvc", d.ClaimName)
	assert.Equal(t, "5Gi", d.ClaimSize.String())
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, d.AccessModes)
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
		"RECORD_SIZE": "4096", "WRITE_RATE": "0.5", "CLAIM_SIZE": "1Gi", "VOLUME_SOURCE": "claim", "LIB_IMAGE": "registry:5000/x@sha256:abc",
	}))
	require.NoError(t, err)
	assert.Equal(t, time.Minute, s.Duration)
	assert.Equal(t, []bool{true}, s.Force)
	assert.Equal(t, []string{"longhorn"}, s.StorageClasses)
	assert.Equal(t, []ReaderNode{OtherNode}, s.ReaderNodes)
	assert.Equal(t, 4096, s.RecordSize)
	assert.Equal(t, 0.5, s.WriteRate)
	assert.Equal(t, Claim, s.VolumeSource)
	assert.Equal(t, "registry:5000/x@sha256:abc", s.Image)
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	values := map[string]string{
		"TOTAL_CHAOS_DURATION": "30s", "CHAOS_INTERVAL": "0", "RANDOMNESS": "sometimes", "FORCE": "yes", "RAMP_TIME": "-1", "WORKLOAD_NAMESPACE": "STIG",
		"VOLUME_SOURCE": "emptydir", "STORAGE_CLASS": "a b", "EXISTING_CLAIM": "_", "CLAIM_NAME": "A", "CLAIM_SIZE": "5GB!", "ACCESS_MODE": "RWO",
		"WRITER_POD": "-", "READER_POD": "/", "READER_NODE": "N 1", "JOURNAL_FILE": "logs.log", "RECORD_SIZE": "100", "WRITE_RATE": "NaN",
		"SEQUENCE": "Parallel", "TARGET_PODS": "a,a", "PODS_AFFECTED_PERC": "101", "STORAGE_CLASSES": "a,,b", "PARALLEL_CELLS": "0", "CLAIM_TEMPLATE": "claim.yaml",
		"VOLUME_MODE": "Filesystem,block", "REQUIRED_EVIDENCE": "strong", "NEGATIVE_CONTROL": "on", "BUNDLE_CONFIGMAP": "My Evidence",
		"KEEP": "1", "LIB_IMAGE": "a b", "LIB_IMAGE_PULL_POLICY": "always", "ORCHESTRATOR": "nomad", "STATUS_CHECK_TIMEOUT": "0", "VERIFY_TIMEOUT": "x",
	}
	_, err := Parse(env(values))
	require.Error(t, err)
	for _, input := range Table() {
		value, tried := values[input.Name]
		require.True(t, tried, "no mistake tried for %s", input.Name)
		assert.ErrorContains(t, err, input.Name+"=\""+value+"\": want ")
	}
	var problem Invalid
	assert.True(t, errors.As(err, &problem))
}

func TestContradictionsAreNamed(t *testing.T) {
	_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "STORAGE_CLASS": "s", "VOLUME_SOURCE": "emptyDir", "READER_POD": "write-pod"}))
	assert.ErrorContains(t, err, `EXISTING_CLAIM="c": want it unset`)
	assert.ErrorContains(t, err, `EXISTING_CLAIM="c": want it unset where STORAGE_CLASS`)
	assert.ErrorContains(t, err, `READER_POD="write-pod": want another name`)
}

// What no class has made must not look like a class that loses its data.
func TestAnEmptyDirIsOfNoClass(t *testing.T) {
	for _, name := range []string{"STORAGE_CLASS", "STORAGE_CLASSES"} {
		_, err := Parse(env(map[string]string{"VOLUME_SOURCE": "emptyDir", name: "fast"}))
		assert.ErrorContains(t, err, `VOLUME_SOURCE="emptyDir": want claim where STORAGE_CLASS or STORAGE_CLASSES says what claims to make`)
	}
}

func TestTheWritersNodeIsNoOtherMachine(t *testing.T) {
	for nodes, wrong := range map[string]bool{"same": true, "other,same": true, "other": false, "any": false, "n1": false} {
		_, err := Parse(env(map[string]string{"REQUIRED_EVIDENCE": "other-machine", "READER_NODE": nodes}))
		assert.Equal(t, wrong, err != nil, nodes)
	}
	_, err := Parse(env(map[string]string{"REQUIRED_EVIDENCE": "other-machine", "READER_NODE": "same"}))
	assert.ErrorContains(t, err, `REQUIRED_EVIDENCE="other-machine": want reattached or less where READER_NODE is same`)
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
		assert.Equal(t, want, [2]time.Duration{s.MinInterval, s.Interval}, value)
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

func TestACellIsMadeOfEveryCombination(t *testing.T) {
	s, err := Parse(env(map[string]string{
		"STORAGE_CLASSES": "fast, slow", "ACCESS_MODE": "ReadWriteOnce,ReadWriteOncePod", "VOLUME_MODE": "Filesystem,Block",
		"READER_NODE": "same,other", "FORCE": "false,true", "NEGATIVE_CONTROL": "true",
	}))
	require.NoError(t, err)
	cells := s.Cells(nil)
	require.Len(t, cells, 2*2*2*2*2+1)
	names := map[string]bool{}
	for _, c := range cells {
		names[c.Name] = true
		assert.Empty(t, validation.IsDNS1123Subdomain(c.Object("write-pod")))
	}
	assert.Len(t, names, len(cells), "every cell has its own name")
	assert.Equal(t, "fast/rwo/filesystem/same/graceful", cells[0].Name)
	assert.Equal(t, "slow/rwop/block/other/forced", cells[31].Name)
	assert.Equal(t, "write-pod-slow-rwop-block-other-forced", cells[31].Object("write-pod"))
	assert.Equal(t, CellSpec{Name: ControlName, Control: true, VolumeSource: EmptyDir, VolumeMode: corev1.PersistentVolumeFilesystem, ReaderNode: AnyNode}, cells[32])
}

func TestOneCellHasNoNameOfItsOwn(t *testing.T) {
	for _, values := range []map[string]string{nil, {"STORAGE_CLASSES": "fast"}, {"STORAGE_CLASS": "fast", "NEGATIVE_CONTROL": "true"}} {
		s, err := Parse(env(values))
		require.NoError(t, err)
		assert.Empty(t, s.Cells(nil)[0].Name)
		assert.Equal(t, "stig-pvc", s.Cells(nil)[0].Object(s.ClaimName))
	}
}

func TestAllClassesAreThoseOfTheCluster(t *testing.T) {
	s, err := Parse(env(map[string]string{"STORAGE_CLASSES": "*"}))
	require.NoError(t, err)
	cells := s.Cells([]string{"a", "b.c"})
	assert.Equal(t, []string{"a", "b.c"}, []string{cells[0].Name, cells[1].Name})
}

func TestOneClaimHasRoomForOneJournal(t *testing.T) {
	_, err := Parse(env(map[string]string{"EXISTING_CLAIM": "c", "FORCE": "true,false"}))
	assert.ErrorContains(t, err, "one claim has room for one journal")
	_, err = Parse(env(map[string]string{"STORAGE_CLASS": "a", "STORAGE_CLASSES": "b"}))
	assert.ErrorContains(t, err, `STORAGE_CLASSES="b": want only one of STORAGE_CLASS and STORAGE_CLASSES set`)
}

func TestValuesAreProposed(t *testing.T) {
	proposed := map[string][]string{}
	for _, input := range Table() {
		if values := input.Complete(""); len(values) > 0 {
			proposed[input.Name] = values
		}
		for _, value := range input.Complete("") {
			_, err := Parse(func(name string) string { return map[string]string{input.Name: value}[name] })
			assert.NoError(t, err, input.Name)
		}
	}
	assert.Equal(t, []string{"any", "same", "other"}, proposed["READER_NODE"])
	assert.Equal(t, []string{"false", "true", "false,true"}, proposed["FORCE"])
	assert.Equal(t, []string{"Always", "IfNotPresent", "Never"}, proposed["LIB_IMAGE_PULL_POLICY"])
	assert.Equal(t, []string{"*"}, proposed["STORAGE_CLASSES"])
	for _, number := range []string{"TOTAL_CHAOS_DURATION", "CHAOS_INTERVAL", "CLAIM_NAME", "JOURNAL_FILE"} {
		assert.NotContains(t, proposed, number)
	}
}

func TestTheNextItemOfAListIsProposed(t *testing.T) {
	i := slices.IndexFunc(Table(), func(i Option) bool { return i.Name == "ACCESS_MODE" })
	assert.Equal(t, []string{"ReadWriteMany,ReadWriteOnce", "ReadWriteMany,ReadWriteOncePod"}, Table()[i].Complete("ReadWriteMany,Read"))
}
