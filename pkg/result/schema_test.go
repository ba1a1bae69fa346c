package result_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	described "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

var update = flag.Bool("update", false, "write the schema of result.json, and its fields into the documentation")

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
	reflect.TypeFor[protocol.ReadMode](): {protocol.ReadDirect, protocol.ReadDropped, protocol.ReadCached},
	reflect.TypeFor[provenance.Answer](): {provenance.Yes, provenance.No, provenance.Unknown, ""},
	reflect.TypeFor[judge.Class](): {
		judge.Missing, judge.LostTail, judge.LostGap, judge.Corrupt, judge.Torn, judge.Reordered, judge.Duplicated,
		judge.RolledBack, judge.Foreign, judge.Unavailable, judge.ReadOnly,
	},
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

// definitionName prefixes types of other packages with the package, because some have the same name.
func definitionName(t reflect.Type) string {
	pkg := path.Base(t.PkgPath())
	if pkg == "result" || t.Name() == "" {
		return t.Name()
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + t.Name()
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

// checkFile compares a file with what it should be. With -update it writes the file.
func checkFile(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n"))
	assert.Empty(t, diff, "%s: go test ./pkg/result -update writes it", file)
}

func TestSchema_MatchesTheTypes(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(schema(t)))
	checkFile(t, schemaFile, b.String())
}

func TestDocumentation_HasEveryField(t *testing.T) {
	fields := fieldTables(schema(t))
	content, err := os.ReadFile(fieldsFile)
	require.NoError(t, err)
	section := regexp.MustCompile(`(?s)<!-- fields -->\n.*<!-- /fields -->`)
	require.True(t, section.Match(content))
	want := section.ReplaceAllLiteralString(string(content), "<!-- fields -->\n"+fields+"<!-- /fields -->")
	checkFile(t, fieldsFile, want)
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
		table(name, s.Definitions[name])
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
		return "[" + name + "](#" + strings.ToLower(name) + ")"
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
