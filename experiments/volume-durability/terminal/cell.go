package terminal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// FindCell returns the index of the cell that --cell names. A cell has a name in the run, and one by which users see
// it; both are accepted, and the second one also as a narrow table shortens it.
func FindCell(typed string, cells []options.CellSpec) (int, error) {
	var names []string
	for _, c := range cells {
		if name := c.DisplayName(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if i := slices.IndexFunc(cells, func(c options.CellSpec) bool { return isNameOf(typed, c) }); i >= 0 {
		return i, nil
	}
	switch matches := shortenedFrom(typed, names); len(matches) {
	case 0:
		return 0, fmt.Errorf("--cell %s: want one of %s%s", typed, strings.Join(names, ", "), Suggestion(typed, names))
	case 1:
		return slices.IndexFunc(cells, func(c options.CellSpec) bool { return c.DisplayName() == matches[0] }), nil
	default:
		return 0, fmt.Errorf("--cell %s stands for %s: %s", typed, judge.Count(len(matches), "cell"),
			strings.Join(matches, ", "))
	}
}

func isNameOf(typed string, c options.CellSpec) bool {
	return typed == c.Name || typed == c.DisplayName()
}

// ellipsis replaces the part of a name that a narrow table leaves out.
const ellipsis = "…"

// shortenedFrom returns the names of which a shortened name may be the rest.
func shortenedFrom(shortened string, names []string) []string {
	if !strings.Contains(shortened, ellipsis) {
		return nil
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(shortened), ellipsis, ".*")
	matcher := regexp.MustCompile("^" + pattern + "$")
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !matcher.MatchString(name) })
}
