package options

import (
	"regexp"
	"strings"
	"sync"
)

// NamespaceOption is the name of the option for Namespace. Its flag is that of kubectl.
const NamespaceOption = "WORKLOAD_NAMESPACE"

// FlagName returns the name of an option's flag, without the dashes: the flag of STORAGE_CLASS is storage-class.
func FlagName(option string) string {
	if option == NamespaceOption {
		return "namespace"
	}
	return strings.ReplaceAll(strings.ToLower(option), "_", "-")
}

// UseFlags replaces the names of options in a text by their flags. Texts have the names of options, which are the
// environment variables of an engine; a user at a terminal sets flags.
func UseFlags(text string) string {
	return upperCase.ReplaceAllStringFunc(text, func(word string) string {
		if optionNames()[word] {
			return "--" + FlagName(word)
		}
		return word
	})
}

// upperCase matches every name of an option, and other words in upper case.
var upperCase = regexp.MustCompile(`\b[A-Z][A-Z0-9_]+\b`)

var optionNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, option := range Table() {
		names[option.Name] = true
	}
	return names
})
