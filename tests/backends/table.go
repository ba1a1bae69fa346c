package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// print prints the tables.
func print(rows []Row) error {
	_, err := fmt.Print(table(rows) + machineTable(rows))
	return err
}

// table returns the table of docs/backends.md with the backends on one computer.
func table(rows []Row) string {
	var s strings.Builder
	s.WriteString("\n| backend | version, kernel, date |")
	for _, e := range events() {
		fmt.Fprintf(&s, " %s, %s |", e.name, e.pattern)
	}
	s.WriteString(" syncs that reach the disk |\n|---|---|" + strings.Repeat("---|", len(events())) + "---|\n")
	for _, r := range rows {
		if onMachines(r) {
			continue
		}
		s.WriteString(firstCells(r))
		for _, e := range events() {
			fmt.Fprintf(&s, " %s |", cell(r.outcome(e.name, e.pattern)))
		}
		fmt.Fprintf(&s, " %s |\n", reached(r))
	}
	s.WriteString("\n")
	return s.String()
}

// machineTable returns the tables of docs/backends.md with the backends on machines of their own: the events of all
// backends, and those of NFS.
func machineTable(rows []Row) string {
	return strings.TrimSuffix(eventTable(rows, sharedEvents()), "\n") + eventTable(rows, nfsEvents())
}

// eventTable returns a table with the backends on machines of their own that had one of the events.
func eventTable(rows []Row, events []machineEvent) string {
	var s strings.Builder
	s.WriteString("\n| backend | version, kernel, date |")
	for _, e := range events {
		fmt.Fprintf(&s, " %s |", e.name)
	}
	s.WriteString("\n|---|---|" + strings.Repeat("---|", len(events)) + "\n")
	for _, r := range rows {
		had := func(e machineEvent) bool { return r.outcome(e.name, e.pattern()) != nil }
		if !onMachines(r) || !slices.ContainsFunc(events, had) {
			continue
		}
		s.WriteString(firstCells(r))
		for _, e := range events {
			fmt.Fprintf(&s, " %s |", cell(r.outcome(e.name, e.pattern())))
		}
		s.WriteString("\n")
	}
	s.WriteString("\n")
	return s.String()
}

// onMachines reports whether a backend was measured on machines of their own.
func onMachines(r Row) bool {
	return slices.ContainsFunc(all(), func(b Backend) bool { return b.Name == r.Backend && b.Machines != nil })
}

// firstCells returns the cells that identify a row.
func firstCells(r Row) string {
	return fmt.Sprintf("| %s | %s %s, Linux %s, %s |", describe(r), r.Package, r.Version, r.Kernel, r.Date)
}

func describe(r Row) string {
	if r.Options == "" || strings.Contains(r.Backend, r.Options) {
		return r.Backend
	}
	return r.Backend + " (`" + r.Options + "`)"
}

func cell(o *Outcome) string {
	if o == nil {
		return "–"
	}
	text := o.String()
	if o.Verdict != Kept {
		text = strings.Replace(text, string(o.Verdict), "**"+string(o.Verdict)+"**", 1)
	}
	for _, v := range o.Others {
		text += "; in another run " + string(v)
	}
	return text
}

// String returns the verdict, what was lost, and the error of the writer.
func (o Outcome) String() string {
	text := string(o.Verdict)
	if o.Verdict == Lost {
		var classes []string
		for _, c := range o.Classes {
			classes = append(classes, "`"+string(c)+"`")
		}
		text += fmt.Sprintf(" %s of %s: %s", judge.FormatCount(o.Lost), judge.FormatCount(o.Acknowledged),
			strings.Join(classes, ", "))
	}
	switch {
	case o.Blocked:
		return text + "; the writer is blocked"
	case o.WriterError == "":
		return text
	case o.Verdict == Failed:
		return text + ": `" + o.WriterError + "`"
	}
	return text + "; then `" + o.WriterError + "`"
}

// reached describes how many syncs of a writer reached the disk.
func reached(r Row) string {
	if r.Syncs == nil {
		return "–"
	}
	return r.Syncs.String()
}

// advice returns the list of what to set, and of what the backends' documentation and public reports say.
func advice(rows []Row) string {
	var lines []string
	for _, b := range all() {
		measured := slices.ContainsFunc(rows, func(r Row) bool { return r.Backend == b.Name })
		if !measured || b.Advice == "" {
			continue
		}
		software, _, _ := strings.Cut(b.Name, ",")
		line := fmt.Sprintf("- **%s**: %s.%s\n", software, b.Advice, b.references())
		if !slices.Contains(lines, line) { // it may be the same with other options
			lines = append(lines, line)
		}
	}
	return "\n" + strings.Join(lines, "") + "\n"
}

// references returns the sentences with the documentation and the report.
func (b Backend) references() string {
	var text string
	if b.Documented != "" {
		text += fmt.Sprintf(" Its [documentation](%s) says: %s.", b.Source, b.Documented)
	}
	if b.Issue != "" {
		text += fmt.Sprintf(" There is a public report: [%s](%s).", issueName(b.Issue), b.Issue)
	}
	return text
}

// issueName returns the short name of an issue on GitHub, such as gocryptfs#1033.
func issueName(address string) string {
	repository, issue, found := strings.Cut(address, "/issues/")
	if !found {
		return address
	}
	number, _, _ := strings.Cut(issue, "/")
	return path.Base(repository) + "#" + number
}
