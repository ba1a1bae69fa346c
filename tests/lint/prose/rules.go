package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxLength is the number of characters that a line may have.
const maxLength = 120

// wordList is the content of words.json.
type wordList struct {
	Words []struct {
		// Word is a regular expression. A space in it matches any white space.
		Word string `json:"word"`
		Use  string `json:"use"`
	} `json:"words"`
	Allowed []allowance `json:"allowed"`
}

// allowance permits a word in a file, or in all files of a folder.
type allowance struct {
	Path    string `json:"path"`
	Word    string `json:"word"`
	Because string `json:"because"`
}

type word struct {
	pattern *regexp.Regexp
	use     string
}

type rules struct {
	words   []word
	allowed []allowance
}

func newRules(list wordList) (rules, error) {
	r := rules{allowed: list.Allowed}
	for _, a := range list.Allowed {
		if a.Because == "" {
			return rules{}, fmt.Errorf("the exception for %q in %s has no reason", a.Word, a.Path)
		}
	}
	for _, w := range list.Words {
		pattern, err := regexp.Compile(`(?i)\b(?:` + strings.ReplaceAll(w.Word, " ", `\s+`) + `)\b`)
		if err != nil {
			return rules{}, fmt.Errorf("word %q: %w", w.Word, err)
		}
		r.words = append(r.words, word{pattern, w.Use})
	}
	return r, nil
}

// problem is a word or a line that breaks a rule.
type problem struct {
	file    string
	line    int
	message string
}

func (p problem) String() string { return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.message) }

func compareProblems(a, b problem) int {
	return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.message, b.message))
}

// text is what a file has to check.
type text struct {
	passages []passage
	lines    []line
}

// passage is a continuous text, such as a comment or a paragraph.
type passage struct {
	// line is the number of its first line.
	line    int
	content string
}

// line is a line with a limited length.
type line struct {
	number  int
	content string
}

func (r rules) check(file string, t text) []problem {
	var problems []problem
	for _, p := range t.passages {
		problems = append(problems, r.checkPassage(file, p)...)
	}
	for _, l := range t.lines {
		if length := utf8.RuneCountInString(l.content); length > maxLength {
			message := fmt.Sprintf("the line has %d characters, %d are allowed", length, maxLength)
			problems = append(problems, problem{file, l.number, message})
		}
	}
	return problems
}

func (r rules) checkPassage(file string, p passage) []problem {
	var problems []problem
	for _, w := range r.words {
		for _, at := range w.pattern.FindAllStringIndex(p.content, -1) {
			found := strings.Join(strings.Fields(p.content[at[0]:at[1]]), " ")
			if r.allows(file, found) {
				continue
			}
			number := p.line + strings.Count(p.content[:at[0]], "\n")
			problems = append(problems, problem{file, number, fmt.Sprintf("%q: use %s", found, w.use)})
		}
	}
	return problems
}

func (r rules) allows(file, found string) bool {
	for _, a := range r.allowed {
		inPath := file == a.Path || strings.HasPrefix(file, a.Path+"/")
		if inPath && strings.EqualFold(found, a.Word) {
			return true
		}
	}
	return false
}
