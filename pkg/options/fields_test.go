package options

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOptionOf_KnowsEveryFieldAndEveryOption(t *testing.T) {
	missing := map[string]bool{}
	for _, option := range Table() {
		missing[option.Name] = true
	}
	delete(missing, "STORAGE_CLASS") // it sets the same field as STORAGE_CLASSES
	for name := range missing {
		assert.Contains(t, reflectedOptions(t), name, "no field")
	}
}

// reflectedOptions returns the options of all fields of Values.
func reflectedOptions(t *testing.T) []string {
	t.Helper()
	var names []string
	add := func(group reflect.Type) {
		for _, field := range reflect.VisibleFields(group) {
			if field.Type == reflect.TypeFor[Thresholds]() {
				continue
			}
			json, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			name := OptionOf(json)
			assert.NotEmpty(t, name, "field %s has no option", json)
			names = append(names, name)
		}
	}
	add(reflect.TypeFor[Values]())
	add(reflect.TypeFor[Thresholds]())
	return names
}
