package openmetrics

import (
	"bytes"
	"strconv"
	"strings"
)

// kind is the type of a metric.
type kind string

const (
	counter kind = "counter"
	gauge   kind = "gauge"
	summary kind = "summary"
)

// total is the suffix of a counter's sample.
const total = "_total"

// family is a metric with its samples.
type family struct {
	name    string
	kind    kind
	unit    string // empty for none
	help    string
	samples []sample
}

type sample struct {
	suffix string
	labels []label
	value  float64
}

type label struct{ name, value string }

// text is OpenMetrics text (github.com/prometheus/OpenMetrics, version 1.0).
type text struct{ bytes.Buffer }

func (t *text) add(f family) {
	t.WriteString("# HELP " + f.name + " " + escape(f.help) + "\n")
	t.WriteString("# TYPE " + f.name + " " + string(f.kind) + "\n")
	if f.unit != "" {
		t.WriteString("# UNIT " + f.name + " " + f.unit + "\n")
	}
	for _, s := range f.samples {
		t.WriteString(f.name + s.suffix)
		t.addLabels(s.labels)
		t.WriteString(" " + strconv.FormatFloat(s.value, 'f', -1, 64) + "\n")
	}
}

func (t *text) addLabels(labels []label) {
	if len(labels) == 0 {
		return
	}
	for i, l := range labels {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		t.WriteString(separator + l.name + `="` + escape(l.value) + `"`)
	}
	t.WriteString("}")
}

// end ends the text and returns it.
func (t *text) end() []byte {
	t.WriteString("# EOF\n")
	return t.Bytes()
}

// escape escapes the characters that may not occur in a help text or a label. Invalid UTF-8 is replaced.
func escape(s string) string {
	s = strings.ToValidUTF8(s, "�")
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}
