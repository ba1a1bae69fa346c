package command

import (
	"fmt"
	"slices"
	"strings"
)

// shortID is the number of characters of a run's ID in a table. They are enough to name the run.
const shortID = 8

// shortRun returns the beginning of a run's ID.
func shortRun(id string) string { return id[:min(len(id), shortID)] }

// namedRun is a run that a user can name.
type namedRun struct {
	id string
	// name is that of the folder, the file or the ConfigMap with its evidence bundle; empty if there is none.
	name string
}

// matchRun returns the index of the run that an argument means: the one with that name or ID, or the only one whose
// name or ID begins with it or is shortened to it in a table. It returns -1 if there is none, and an error if there are
// several.
func matchRun(arg string, runs []namedRun) (int, error) {
	if i := slices.IndexFunc(runs, func(r namedRun) bool { return r.name == arg || r.id == arg }); i >= 0 && arg != "" {
		return i, nil
	}
	first, ids := -1, []string{}
	for i, r := range runs {
		if !r.isMeantBy(arg) || slices.Contains(ids, r.id) {
			continue
		}
		if first < 0 {
			first = i
		}
		ids = append(ids, r.id)
	}
	if len(ids) > 1 {
		slices.Sort(ids)
		return -1, fmt.Errorf("%s is the beginning of the IDs of several runs: %s", arg, strings.Join(ids, ", "))
	}
	return first, nil
}

func (r namedRun) isMeantBy(arg string) bool {
	return isShortFor(r.id, idOf(arg)) || r.name != "" && isShortFor(r.name, arg)
}

// isShortFor reports whether a text is the beginning of a name, or the name as a table shortens it in the middle.
func isShortFor(name, text string) bool {
	head, tail, _ := strings.Cut(text, "…")
	return len(name) >= len(head)+len(tail) && strings.HasPrefix(name, head) && strings.HasSuffix(name, tail)
}

// idOf returns the run's ID, or its beginning, in the name of a folder or of a ConfigMap with an evidence bundle.
func idOf(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, folderPrefix), "bundle-")
}
