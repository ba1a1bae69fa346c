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

// matchRun returns the ID that an argument means: the ID itself, or the only one that begins with it. It returns an
// empty string if there is none, and an error if there are several.
func matchRun(arg string, ids []string) (string, error) {
	var matches []string
	for _, id := range ids {
		if id == arg {
			return id, nil
		}
		if strings.HasPrefix(id, arg) && !slices.Contains(matches, id) {
			matches = append(matches, id)
		}
	}
	switch len(matches) {
	case 0:
		return "", nil
	case 1:
		return matches[0], nil
	}
	slices.Sort(matches)
	return "", fmt.Errorf("%s is the beginning of the IDs of several runs: %s", arg, strings.Join(matches, ", "))
}
