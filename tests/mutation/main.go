// Command mutation puts deliberate one-line bugs into the judge and what it rests
// on, one at a time, and expects the tests to notice each. The sources are never
// touched: the compiler is given the changed file in place of the real one.
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

// mutation is one bug: a line, and what it is turned into.
type mutation struct {
	name, file, line, bug string
}

var mutations = []mutation{
	{"the checksum is not looked at", "pkg/journal/format.go", "crc32.Checksum(covered, castagnoli) != sum {", "false {"},
	{"the link to the record before is not looked at", "pkg/journal/scanner.go", "r.Seq == seg.Last+1 && r.Prev == seg.lastSum && !s.cut", "r.Seq == seg.Last+1 && !s.cut"},
	{"a predicted record's checksum is not looked at", "pkg/journal/prediction.go", "binary.BigEndian.Uint64(tail) == sumWord(crc32.Checksum(covered, castagnoli))", "sumWord(crc32.Checksum(covered, castagnoli)) > 0"},
	{"a predicted record's head is not looked at", "pkg/journal/prediction.go", "bytes.Equal(line[headAt:payloadAt], p.head[:]) &&", "bytes.Equal(line[:0], p.head[:0]) &&"},
	{"a prediction passes a point asked for by", "pkg/journal/prediction.go", "for n < p.most && len(b)", "for p.most > 0 && len(b)"},
	{"a prediction goes on in a segment that has ended", "pkg/journal/scanner.go", "if listed && !s.cut[r.Epoch] {", "if listed {"},
	{"another run's records pass as ours", "pkg/journal/format.go", "if string(line[idAt:idAt+idLen]) != f.ID {", "if false {"},
	{"a failed sync is forgotten", "pkg/journal/writer.go", "if w.failed != nil {", "if false {"},
	{"a torn line is written on", "pkg/journal/writer.go", "if unterminated {", "if false {"},
	{"the lowest acknowledgement counts", "pkg/ledger/ledger.go", "if known && held.Seq >= a.Seq {", "if known && held.Seq <= a.Seq {"},
	{"a contradiction is accepted", "pkg/ledger/ledger.go", "held.Digest != a.Digest {", "false {"},
	{"a ledger's own sum is not looked at", "pkg/ledger/token.go", "if t.String() != text {", "if false {"},
	{"the epoch is ignored", "pkg/judge/judge.go", "if s.Epoch == epoch {\n\t\t\tsegments = append", "if true {\n\t\t\tsegments = append"},
	{"the last acknowledged record is not asked for", "pkg/judge/judge.go", "if from <= p.Seq {", "if from < p.Seq {"},
	{"the last record's number is trusted", "pkg/judge/judge.go", "if part.first > from {", "if false {"},
	{"the digest is not compared", "pkg/judge/integrity.go", "found && sum != p.Digest {", "found && sum != sum {"},
	{"an older version of a page passes", "pkg/judge/integrity.go", "genuine = !genuine", "genuine = true"},
	{"records out of order pass", "pkg/judge/order.go", "if len(late) == 0 {", "if true {"},
	{"those that came late are named, not those that moved", "pkg/judge/order.go", "if len(moved) == 0 {", "if true {"},
	{"the first copy counts, wherever it is", "pkg/judge/order.go", "cmp.Compare(min(a.Displaced, 1), min(b.Displaced, 1))", "0"},
	{"what stands in a record's place is not looked at", "pkg/judge/loss.go", "g.occupied = max(damaged, g.to-g.from-others-blank)", "g.occupied, _, _ = damaged, others, blank"},
	{"what cannot be read is called corrupt", "pkg/judge/loss.go", "if g.unreadable > 0 {", "if false {"},
	{"an older state is called a lost tail", "pkg/judge/loss.go", "if j.shrunk() {", "if false {"},
	{"only the last look counts", "pkg/judge/merge.go", "for _, look := range looks {", "for _, look := range looks[len(looks)-1:] {"},
	{"what became of damage is a second finding", "pkg/judge/merge.go", "return g.covers(f) })", "return false })"},
	{"records that are there twice pass", "pkg/judge/order.go", "for _, a := range again {", "for _, a := range again[:0] {"},
	{"bytes that nobody wrote pass", "pkg/judge/integrity.go", "case before >= p.Seq:", "case true:"},
	{"another run's records beside ours pass", "pkg/judge/integrity.go", "for _, f := range j.Report.Foreign {\n\t\tj.find(", "for _, f := range j.Report.Foreign[:0] {\n\t\tj.find("},
	{"an earlier read-back is forgotten", "pkg/judge/loss.go", "highest = max(highest, s.Last)\n\t\t\t}\n\t\t}\n\t}\n\treturn highest", "highest = 0\n\t\t\t}\n\t\t}\n\t}\n\treturn highest"},
	{"a report that lists not everything passes", "pkg/judge/judge.go", "if c.Report.Unlisted > 0 {", "if false {"},
	{"a volume that is gone is nobody's fault", "pkg/judge/errno.go", "return Unavailable", "return \"\""},
	{"an empty ledger is a Pass", "pkg/judge/verdict.go", "case j.Acknowledged == 0:\n\t\treturn Error", "case j.Acknowledged == 0:\n\t\treturn Pass"},
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
			survivors = append(survivors, fmt.Errorf("no test notices that %s (%s)", m.name, m.file))
		}
	}
	fmt.Printf("%d of %d bugs were noticed\n", len(mutations)-len(survivors), len(mutations))
	return errors.Join(survivors...)
}

// noticed says whether a test fails with the bug in place.
func (m mutation) noticed(ctx context.Context, dir string) (bool, error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, err
	}
	output, err := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "./pkg/journal", "./pkg/ledger", "./pkg/judge").CombinedOutput()
	if bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")) {
		return false, fmt.Errorf("the bug does not compile:\n%s", output)
	}
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) || ctx.Err() != nil {
		return false, errors.Join(err, ctx.Err())
	}
	return err != nil, nil
}

// overlay writes the changed file, and the list that puts it in place of the real one.
func (m mutation) overlay(dir string) (string, error) {
	content, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(content), m.line); n != 1 {
		return "", fmt.Errorf("%s holds %q %d times: the list of mutations is out of date", m.file, m.line, n)
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
