// Command mutation adds one-line bugs to the judge and the packages that it uses, one at
// a time, and expects their tests to fail. It does not change the sources: the compiler reads
// the changed file instead of the real one.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// mutation is one bug: a line and its replacement.
type mutation struct {
	name, file, line, bug string
}

var mutations = []mutation{
	{"the checksum is not compared", "pkg/journal/format.go",
		"binary.BigEndian.Uint64(digits) != checksumWord(sum) {", "len(digits) == 0 {"},
	{"the checksum of the previous record is not compared", "pkg/journal/scanner.go",
		"r.Seq == seg.Last+1 && r.PrevChecksum == seg.lastChecksum && !state.closed", "r.Seq == seg.Last+1 && !state.closed"},
	{"a predicted record's checksum is not compared", "pkg/journal/prediction.go",
		"binary.BigEndian.Uint64(tail) == checksumWord(crc32.Checksum(covered, castagnoli))",
		"checksumWord(crc32.Checksum(covered, castagnoli)) > 0"},
	{"a predicted record's head is not compared", "pkg/journal/prediction.go",
		"bytes.Equal(line[headAt:payloadAt], p.head[:]) &&", "bytes.Equal(line[:0], p.head[:0]) &&"},
	{"a prediction skips a requested point", "pkg/journal/prediction.go",
		"for n < p.limit && len(b)", "for p.limit > 0 && len(b)"},
	{"a prediction extends a segment that has ended", "pkg/journal/scanner.go",
		"if listed && !s.epochs[r.Epoch].closed {", "if listed {"},
	{"records of another run pass", "pkg/journal/format.go",
		"if string(line[idAt:idAt+idLen]) != f.ID {", "if false {"},
	{"a failed sync is forgotten", "pkg/journal/writer.go", "if w.failed != nil {", "if false {"},
	{"an epoch continues a torn line", "pkg/journal/writer.go", "if unterminated {", "if false {"},
	{"the lowest acknowledgement counts", "pkg/ledger/ledger.go",
		"if highest.Seq < a.Seq {", "if highest.Seq > a.Seq {"},
	{"contradicting acknowledgements are accepted", "pkg/ledger/ledger.go", "highest.Digest != a.Digest {", "false {"},
	{"a token's checksum is not compared", "pkg/ledger/token.go", "if t.String() != text {", "if false {"},
	{"the epoch is ignored", "pkg/judge/judge.go",
		"from := sort.Search(len(all), func(i int) bool { return keyOf(all[i]) >= key })", "from := 0"},
	{"the digest of an object is not compared", "pkg/judge/objects.go",
		"found && digest != o.Acks[i].Digest {", "found && digest == 0 {"},
	{"the last acknowledged record is not required", "pkg/judge/judge.go",
		"if next <= ack.Seq {", "if next < ack.Seq {"},
	{"records before a present range are not required", "pkg/judge/judge.go", "if r.first > next {", "if false {"},
	{"the digest is not compared", "pkg/judge/integrity.go", "digest == ack.Digest\n", "digest == digest\n"},
	{"an older version of a page passes", "pkg/judge/integrity.go",
		"acknowledged = !acknowledged", "acknowledged = true"},
	{"records out of order pass", "pkg/judge/order.go", "if len(late) == 0 {", "if true {"},
	{"late records are reported instead of displaced ones", "pkg/judge/order.go",
		"if len(displaced) == 0 {", "if true {"},
	{"the first copy counts, whatever its offset", "pkg/judge/present.go",
		"cmp.Compare(min(a.Displaced, 1), min(b.Displaced, 1))", "0"},
	{"bytes in the place of a record are ignored", "pkg/judge/gap.go",
		"g.occupied = max(damaged, g.end-g.offset-others-blank)",
		"g.occupied, _, _ = damaged, others, blank"},
	{"unreadable records are called corrupt", "pkg/judge/gap.go", "if g.unreadable > 0 {", "if false {"},
	{"records that no earlier writer read are called rolled back", "pkg/judge/loss.go",
		"rolledBack := min(e.lastReadEarlier(epoch), last)", "rolledBack := max(e.lastReadEarlier(epoch), last)"},
	{"only the last scan counts", "pkg/judge/merge.go",
		"for _, findings := range scans {", "for _, findings := range scans[len(scans)-1:] {"},
	{"the same damage is reported twice", "pkg/judge/merge.go", "return k.covers(f) })", "return false })"},
	{"duplicated records pass", "pkg/judge/present.go",
		"for _, r := range repeated {", "for _, r := range repeated[:0] {"},
	{"unexpected bytes pass", "pkg/judge/integrity.go", "case before >= ack.Seq:", "case true:"},
	{"records of another run pass next to those of this run", "pkg/judge/foreign.go",
		"for _, f := range e.Scan.Foreign {", "for _, f := range e.Scan.Foreign[:0] {"},
	{"earlier scans are forgotten", "pkg/judge/loss.go",
		"highest = max(highest, s.Last)\n\t\t\t}\n\t\t}\n\t}\n\treturn highest",
		"highest = 0\n\t\t\t}\n\t\t}\n\t}\n\treturn highest"},
	{"an incomplete scan passes", "pkg/judge/judge.go", "if e.Scan.Unlisted > 0 {", "if false {"},
	{"an unavailable volume is no finding", "pkg/judge/errno.go", "return all[i].Class", "return \"\""},
	{"an empty ledger passes", "pkg/judge/verdict.go",
		"case j.Acknowledged == 0:\n\t\treturn Error", "case j.Acknowledged == 0:\n\t\treturn Pass"},
	{"an older record of an object passes", "pkg/judge/objects.go",
		"case !isBefore(version.Epoch, version.Seq, required.Epoch, required.Seq):", "case true:"},
	{"a missing object passes", "pkg/judge/objects.go", "case !found && o.mayBeRemoved(object):", "case !found:"},
	{"a record in another object passes", "pkg/pattern/scanner.go", "if s.model.Written(point) != object {", "if false {"},
	{"a removed object that is present passes", "pkg/judge/objects.go",
		"if o.isRemoved(object, ack) {\n\t\t\to.add", "if false {\n\t\t\to.add"},
	{"a write in flight is a finding", "pkg/judge/objects.go",
		"if !o.model.IsSlot(object) {", "if true {"},
	{"damage to an object passes", "pkg/judge/objects.go",
		"case o.mayBeInFlight(required, object) && other.damage.Zeros == 0:", "case true:"},
	{"zeros in flight pass", "pkg/judge/objects.go", "&& other.damage.Zeros == 0:", "&& true:"},
	{"the batch in flight is forgotten", "pkg/judge/objects.go", "known[epoch+1] += batch", "known[epoch+1] += 0 * batch"},
	{"the digest of an object is not compared", "pkg/judge/objects.go", "digest != o.Acks[i].Digest", "digest != digest"},
	{"a removal in flight is a finding", "pkg/judge/objects.go",
		"&& object.Number+o.model.Objects <= o.frontier[object.Epoch]", "&& false"},
	{"an old record under a new name is called misdirected", "pkg/pattern/pattern.go",
		"return m.PatternOf(o) == Recycle && record.Epoch", "return false && record.Epoch"},
	{"any record under a new name is called old", "pkg/pattern/pattern.go",
		"(o.Number-record.Seq)%m.Objects == 0", "true"},
	{"a rename in flight is a finding", "pkg/judge/objects.go",
		"known[object.Epoch] = max(known[object.Epoch], object.Number)", "known[object.Epoch] += 0 * object.Number"},
	{"an old name in flight is called misdirected", "pkg/judge/objects.go",
		"return any && renamed == object &&", "return any && false && renamed == object &&"},
	{"any file name shows that an operation was started", "pkg/judge/objects.go",
		"object.Number <= limit[object.Epoch]+o.model.Objects", "limit != nil"},
	{"the patterns of a mix are confused", "pkg/pattern/mixed.go",
		"return m.mix(o.Number)", "return m.patternAt(o.Number + 1)"},
	{"records of another pattern are in a range", "pkg/pattern/mixed.go",
		"return r.Pattern == \"\" || string", "return true || string"},
	{"records of different patterns are in a range", "pkg/pattern/ranges.go",
		"isNext && l.model.Pattern != Mixed {", "isNext {"},
	{"a missing record of a mix is in a range", "pkg/pattern/mixed.go", "return next >= p.Seq", "return next > 0"},
	{"an object that a mix removed is missing", "pkg/judge/objects.go",
		"object.Epoch > 0 && !o.isRemoved(object, ack)", "object.Epoch > 0"},
	{"an incomplete scan of objects passes", "pkg/judge/objects.go", "report.Unlisted > 0 {", "report.Unlisted > 1<<30 {"},
	{"an epoch that was not started passes", "pkg/judge/objects.go", "if r.Epoch > o.Epochs {", "if false {"},
	{"only the last epoch of objects counts", "pkg/judge/objects.go",
		"for _, ack := range slices.Backward(o.Acks) {", "for _, ack := range o.Acks[len(o.Acks)-1:] {"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var survivors []error
	for _, m := range mutations {
		noticed, err := m.noticed(ctx, dir)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", m.name, err)
		case noticed:
			fmt.Printf("noticed   %s\n", m.name)
		default:
			fmt.Printf("SURVIVED  %s\n", m.name)
			survivors = append(survivors, fmt.Errorf("no test fails if %s (%s)", m.name, m.file))
		}
	}
	fmt.Printf("%d of %d bugs were noticed\n", len(mutations)-len(survivors), len(mutations))
	return errors.Join(survivors...)
}

// noticed reports whether a test fails with the bug.
func (m mutation) noticed(ctx context.Context, dir string) (bool, error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, err
	}
	test := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "./pkg/journal", "./pkg/ledger", "./pkg/judge",
		"./pkg/pattern")
	output, err := test.CombinedOutput()
	if bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")) {
		return false, fmt.Errorf("the bug does not compile:\n%s", output)
	}
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) || ctx.Err() != nil {
		return false, errors.Join(err, ctx.Err())
	}
	return err != nil, nil
}

// overlay writes the changed file, and the JSON file that makes the compiler read it instead of the real one.
func (m mutation) overlay(dir string) (string, error) {
	content, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(content), m.line); n != 1 {
		return "", fmt.Errorf("%s contains %q %d times, want once: update the list of mutations", m.file, m.line, n)
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(content), m.line, m.bug, 1)), 0o600); err != nil {
		return "", err
	}
	real, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {real: changed}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, list, 0o600)
}
