package main

import (
	"fmt"
	"slices"
	"strings"
)

// finding is what acknowledged data suffered on one software.
type finding struct {
	software, version string
	classes, events   []string
	backend           Backend
}

// kernelPackage is the package with the kernel of the machines.
const kernelPackage = "user-mode-linux"

// record returns the table of what was found in real storage.
func record(rows []Row) string {
	var s strings.Builder
	s.WriteString("\n| software | finding | events | in its documentation | public report | script |\n" +
		"|---|---|---|---|---|---|\n")
	for _, f := range findings(rows) {
		documented, issue := "no", "none found"
		if f.backend.Documented != "" {
			documented = fmt.Sprintf("[yes](%s): a property", f.backend.Source)
		}
		if f.backend.Issue != "" {
			issue = fmt.Sprintf("[yes](%s)", f.backend.Issue)
		}
		fmt.Fprintf(&s, "| %s (%s) | %s | %s | %s | %s | %s |\n", f.software, f.version,
			strings.Join(f.classes, ", "), strings.Join(f.events, ", "), documented, issue, linksTo(f.backend.Scripts))
	}
	return s.String() + "\n"
}

// linksTo returns links to scripts in findings.
func linksTo(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	var links []string
	for _, name := range names {
		links = append(links, fmt.Sprintf("[%s](../findings/%[1]s.sh)", name))
	}
	return strings.Join(links, ", ")
}

// findings returns what was found, in the order of the backends. The options of one software are one finding.
func findings(rows []Row) []*finding {
	var found []*finding
	for _, r := range rows {
		b := backendNamed(r.Backend)
		software, _, _ := strings.Cut(r.Backend, ",")
		i := slices.IndexFunc(found, func(f *finding) bool { return f.software == software })
		f := &finding{software: software, version: r.Package + " " + r.Version, backend: b}
		if b.Kernel || r.Package == kernelPackage { // the version of the row is that of a package with tools or modules
			f.version = "Linux " + r.Kernel
		}
		if i >= 0 {
			f = found[i]
		}
		for _, o := range r.Events {
			f.add(o)
		}
		if i < 0 && len(f.events) > 0 {
			found = append(found, f)
		}
	}
	return found
}

// isIntended reports whether an event itself makes data unreadable: the disk of writes-dropped is made to lose data,
// the export gets another ID, and no record of two writers is expected to be kept.
func isIntended(event string) bool {
	return slices.Contains([]string{writesDroppedEvent, fsidChangedEvent, twoWritersEvent}, event)
}

// add adds an outcome, if acknowledged data was lost or could not be read in any run.
func (f *finding) add(o Outcome) {
	isLoss := func(v Verdict) bool { return v == Lost || v == Unavailable }
	verdicts := append([]Verdict{o.Verdict}, o.Others...)
	if isIntended(o.Event) || !slices.ContainsFunc(verdicts, isLoss) {
		return
	}
	f.events = appendNew(f.events, "`"+o.Event+"`")
	if slices.Contains(verdicts, Unavailable) {
		f.classes = appendNew(f.classes, "`unavailable`")
	}
	if slices.Contains(o.Others, Lost) { // its classes are not recorded
		f.classes = appendNew(f.classes, "lost in another run")
	}
	if o.Verdict != Lost {
		return
	}
	for _, c := range o.Classes {
		f.classes = appendNew(f.classes, "`"+string(c)+"`")
	}
}

func appendNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// backendNamed returns a backend, and an empty one if there is none of that name.
func backendNamed(name string) Backend {
	for _, b := range all() {
		if b.Name == name {
			return b
		}
	}
	return Backend{}
}
