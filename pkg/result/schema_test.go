package result_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	described "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/generated"
	"github.com/volume-durability/volume-durability/tests/samples"
)

const (
	module     = "github.com/volume-durability/volume-durability"
	schemaFile = "docs/result.schema.json"
	fieldsFile = "docs/evidence-bundle.md"
)

// enums are the types that have only these values.
var enums = map[reflect.Type][]any{
	reflect.TypeFor[judge.Verdict](): {
		judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.NotApplicable, judge.Skipped,
	},
	reflect.TypeFor[protocol.ReadMode](): {
		protocol.ReadDirect, protocol.ReadDropped, protocol.ReadNoCache, protocol.ReadCached,
	},
	reflect.TypeFor[provenance.Answer]():       {provenance.Yes, provenance.No, provenance.Unknown, ""},
	reflect.TypeFor[judge.Class]():             anyOf(judge.Classes()),
	reflect.TypeFor[result.PhaseName]():        anyOf(result.PhaseNames()),
	reflect.TypeFor[result.StepName]():         anyOf(result.StepNames()),
	reflect.TypeFor[result.ThresholdUnit]():    {result.Seconds, result.RecordsPerSecond},
	reflect.TypeFor[result.ThresholdOutcome](): {result.Met, result.Missed, result.NotMeasured},
}

// anyOf returns the values of a type.
func anyOf[T any](values []T) []any {
	all := make([]any, 0, len(values))
	for _, v := range values {
		all = append(all, v)
	}
	return all
}

// customSchema returns the schema of a type whose JSON differs from its Go type; nil for all others.
func customSchema(t reflect.Type) *described.Schema {
	if t == reflect.TypeFor[provenance.Level]() {
		var levels []any
		for _, name := range provenance.LevelNames() {
			levels = append(levels, name)
		}
		return &described.Schema{Type: "string", Enum: levels}
	}
	if t == reflect.TypeFor[resource.Quantity]() {
		return &described.Schema{Type: "string", Description: "A Kubernetes quantity, such as 5Gi."}
	}
	if t == reflect.TypeFor[corev1.ResourceList]() {
		quantity := &described.Schema{Type: "string", Description: "A Kubernetes quantity, such as 5Gi."}
		return &described.Schema{Type: "object", AdditionalProperties: quantity}
	}
	if t == reflect.TypeFor[syscall.Errno]() {
		return &described.Schema{Type: "integer"}
	}
	if t == reflect.TypeFor[time.Duration]() {
		return &described.Schema{Type: "integer", Title: "nanoseconds"}
	}
	if values, known := enums[t]; known {
		return &described.Schema{Type: "string", Enum: values}
	}
	return nil
}

// terms are the names of the objects in the schema: the terms of the glossary where the names of the Go types differ.
var terms = map[reflect.Type]string{
	reflect.TypeFor[options.Values]():   "Options",
	reflect.TypeFor[journal.Format]():   "Journal",
	reflect.TypeFor[journal.Foreign]():  "ForeignRecords",
	reflect.TypeFor[journal.Point]():    "RecordNumber",
	reflect.TypeFor[journal.Range]():    "UnreadableBytes",
	reflect.TypeFor[ledger.Ack]():       "Acknowledgement",
	reflect.TypeFor[protocol.OpError](): "Error",
	reflect.TypeFor[result.AckSample](): "AcknowledgementSample",
}

// definitionName returns the name of an object in the schema.
func definitionName(t reflect.Type) string {
	if term, known := terms[t]; known {
		return term
	}
	return t.Name()
}

// wordStarts matches the places in a CamelCase name at which a word begins.
var wordStarts = regexp.MustCompile(`([a-z])([A-Z])|([A-Z])([A-Z][a-z])`)

// heading returns the name of an object in words: "Scan result", "CSI driver".
func heading(name string) string {
	words := strings.Fields(wordStarts.ReplaceAllString(name, "$1$3 $2$4"))
	for i, word := range words {
		if i > 0 && word != strings.ToUpper(word) {
			words[i] = strings.ToLower(word)
		}
	}
	return strings.Join(words, " ")
}

// schema returns the schema of result.json, made of the Go types and their comments.
func schema(t *testing.T) *described.Schema {
	t.Helper()
	t.Chdir("../..")
	// A later version may add fields.
	r := &described.Reflector{
		Mapper: customSchema, Namer: definitionName,
		AllowAdditionalProperties: true, Anonymous: true, ExpandedStruct: true,
	}
	require.NoError(t, r.AddGoComments(module, "./pkg", described.WithFullComment()))
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = plainComment(name, comment)
	}
	s := r.Reflect(result.Result{})
	allowNull(s)
	for _, d := range s.Definitions {
		allowNull(d)
	}
	s.Title = "The result of a run of volume-durability"
	property, found := s.Properties.Get("schema")
	require.True(t, found)
	property.Const = result.Schema
	return s
}

// plainComment drops the Go name at the beginning of a comment: "Reason gives the reason." describes the JSON field
// "reason" as "Gives the reason.".
func plainComment(name, comment string) string {
	comment = strings.Join(strings.Fields(comment), " ")
	goName := name[strings.LastIndex(name, ".")+1:]
	for _, prefix := range []string{goName + " is ", goName + " are ", goName + " "} {
		rest, found := strings.CutPrefix(comment, prefix)
		if found && !strings.HasPrefix(rest, "and ") { // "Offset and End are ..." describes two fields
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return comment
}

// allowNull allows null for required lists: Go encodes an empty list as null, as in a run whose options are invalid.
func allowNull(s *described.Schema) {
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Value.Type == "array" && slices.Contains(s.Required, p.Key) {
			description := p.Value.Description
			p.Value.Description = ""
			p.Value = &described.Schema{Description: description, OneOf: []*described.Schema{p.Value, {Type: "null"}}}
		}
	}
}

func TestSchema_MatchesTheTypes(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(schema(t)))
	generated.CheckFile(t, schemaFile, b.String())
}

func TestDocumentation_HasEveryField(t *testing.T) {
	fields := fieldTables(schema(t))
	generated.CheckSection(t, fieldsFile, "fields", fields)
}

// fieldTables returns a Markdown table for the result and one for each object in it.
func fieldTables(s *described.Schema) string {
	var b strings.Builder
	table := func(title string, s *described.Schema) {
		fmt.Fprintf(&b, "\n#### %s\n\n", title)
		if s.Description != "" {
			fmt.Fprintf(&b, "%s\n\n", wrapped(s.Description))
		}
		b.WriteString("| field | value | meaning |\n|---|---|---|\n")
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			optional := ", optional"
			if slices.Contains(s.Required, p.Key) {
				optional = ""
			}
			fmt.Fprintf(&b, "| `%s` | %s%s | %s |\n", p.Key, valueOf(p.Value), optional, p.Value.Description)
		}
	}
	table("Result", s)
	for _, name := range definitionNames(s) {
		table(heading(name), s.Definitions[name])
	}
	return b.String()
}

// wrapped breaks a paragraph into lines of at most 120 characters.
func wrapped(paragraph string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(paragraph) {
		if line != "" && len(line)+1+len(word) > 120 {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}

// definitionNames returns the names of the objects in the order of their first use.
func definitionNames(s *described.Schema) []string {
	var names []string
	known := map[string]bool{}
	var visit func(*described.Schema)
	visit = func(s *described.Schema) {
		if s == nil {
			return
		}
		if name := strings.TrimPrefix(s.Ref, "#/$defs/"); name != "" && !known[name] {
			known[name] = true
			names = append(names, name)
		}
		visit(s.Items)
		for _, one := range s.OneOf {
			visit(one)
		}
		for p := s.Properties.Oldest(); s.Properties != nil && p != nil; p = p.Next() {
			visit(p.Value)
		}
	}
	visit(s)
	for i := 0; i < len(names); i++ {
		visit(s.Definitions[names[i]])
	}
	return names
}

func valueOf(s *described.Schema) string {
	switch {
	case s.Title != "":
		return s.Title
	case len(s.OneOf) > 0:
		return valueOf(s.OneOf[0]) + ", or null"
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, "#/$defs/")
		anchor := strings.ReplaceAll(strings.ToLower(heading(name)), " ", "-")
		return "[" + heading(name) + "](#" + anchor + ")"
	case s.Type == "array":
		return "list of " + valueOf(s.Items)
	case s.Const != nil:
		return fmt.Sprintf("`%v`", s.Const)
	case len(s.Enum) > 0:
		var all []string
		for _, v := range s.Enum {
			if fmt.Sprint(v) != "" {
				all = append(all, fmt.Sprintf("`%v`", v))
			}
		}
		return strings.Join(all, ", ")
	case s.ContentEncoding != "":
		return s.ContentEncoding
	case s.Format == "date-time":
		return "time"
	case s.Type == "":
		return "anything"
	default:
		return s.Type
	}
}

func TestSchema_AcceptsEverySample(t *testing.T) {
	encoded, err := json.Marshal(schema(t))
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("result.schema.json", document))
	compiled, err := compiler.Compile("result.schema.json")
	require.NoError(t, err)
	invalid := result.Result{
		Schema: result.Schema, Verdict: judge.Error,
		Cells: []result.Cell{{Verdict: judge.Error, Latency: &result.Latency{}}},
	}
	for _, s := range append(samples.All(), samples.Sample{Name: "only a verdict", Result: invalid}) {
		encoded, err := json.Marshal(s.Result)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
		require.NoError(t, err)
		assert.NoError(t, compiled.Validate(value), s.Name)

		value.(map[string]any)["verdict"] = "Perhaps"
		assert.Error(t, compiled.Validate(value), "%s: an unknown verdict", s.Name)
	}
}
