package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestDescribeLog_HasTheTableAsInTheREADME(t *testing.T) {
	outcome := samples.Matrix()
	var out bytes.Buffer
	log := logrus.New()
	log.SetOutput(&out)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, DisableColors: true})
	log.Info("Pod created")
	for line := range strings.Lines(outcome.Table()) { // as the experiment logs it
		log.Info(strings.TrimRight(line, " \n"))
	}
	log.Info("the reason")
	require.NoError(t, json.NewEncoder(&out).Encode(outcome))
	text, err := describeLog(out.String())
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^  CELL +VERDICT  EVIDENCE +RECORDS +LOST +DELETIONS  RECOVERY$`, text)
	assert.Regexp(t, `(?m)^  time=.* msg="Pod created"$`, text)
	assert.Contains(t, text, "the reason")
	assert.NotContains(t, text, `msg="CELL`)
	for _, c := range outcome.Cells {
		assert.Contains(t, text, "\n  "+c.DisplayName()+" ")
		assert.NotContains(t, text, `msg="`+c.DisplayName())
	}
	assert.NotContains(t, text, "{")
}
