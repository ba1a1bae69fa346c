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
	s.WriteString("\n| software | finding | events | in its documentation | public report |\n|---|---|---|---|---|\n")
	for _, f := range findings(rows) {
		documented, issue := "no", "none found"
		if f.backend.Documented != "" {
			documented = fmt.Sprintf("[yes](%s): a property", f.backend.Source)
		}
		if f.backend.Issue != "" {
			issue = fmt.Sprintf("[yes](%s)", f.backend.Issue)
		}
		fmt.Fprintf(&s, "| %s (%s) | %s | %s | %s | %s |\n",
			f.software, f.version, strings.Join(f.classes, ", "), strings.Join(f.events, ", "), documented, issue)
	}
	return s.String() + "\n"
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

// add adds an outcome, if acknowledged data was lost or could not be read. The disk of writes-dropped is made to lose
// data, so its losses are no finding.
func (f *finding) add(o Outcome) {
	if o.Event == writesDroppedEvent || o.Verdict != Lost && o.Verdict != Unavailable {
		return
	}
	f.events = appendNew(f.events, "`"+o.Event+"`")
	if o.Verdict == Unavailable {
		f.classes = appendNew(f.classes, "`unavailable`")
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
