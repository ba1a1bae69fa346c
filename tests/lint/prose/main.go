// Command prose checks the text of this repository: comments, string literals and names
// in Go, Markdown, and the text of scripts and manifests. It reports words that
// words.json replaces by others, and lines of Go and Markdown that are too long.
//
// A line may have at most 120 characters. Exempt are
//   - tables, code blocks and lines with a URL in Markdown,
//   - lines with a URL or a string literal of 80 characters or more in Go, because
//     a message that is split over lines cannot be searched for,
//   - generated files.
//
// Exceptions for words are listed in words.json, each with the reason.
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed words.json
var files embed.FS

func main() {
	root := flag.String("root", ".", "root folder of the repository")
	flag.Parse()
	problems, err := run(*root, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(2)
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	if len(problems) > 0 {
		fmt.Fprintf(os.Stderr, "prose: %d problems\n", len(problems))
		os.Exit(1)
	}
}

// run checks the files in the paths below root; without paths, in all of root.
func run(root string, paths []string) ([]problem, error) {
	rules, err := loadRules()
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var problems []problem
	for _, path := range paths {
		found, err := checkTree(rules, root, path)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	slices.SortFunc(problems, compareProblems)
	return problems, nil
}

func loadRules() (rules, error) {
	content, err := files.ReadFile("words.json")
	if err != nil {
		return rules{}, err
	}
	var list wordList
	if err := json.Unmarshal(content, &list); err != nil {
		return rules{}, fmt.Errorf("reading words.json: %w", err)
	}
	return newRules(list)
}

// checkTree checks the files in a path below root.
func checkTree(rules rules, root, path string) ([]problem, error) {
	var problems []problem
	err := filepath.WalkDir(filepath.Join(root, path), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", "build", "node_modules", "testdata"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		extract := extractorOf(file)
		if extract == nil {
			return nil
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err := extract(string(content))
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		problems = append(problems, rules.check(filepath.ToSlash(name), text)...)
		return nil
	})
	return problems, err
}

// extractorOf returns the function that reads a file of this name, or nil if files of
// its kind are not checked.
func extractorOf(file string) func(string) (text, error) {
	switch filepath.Ext(file) {
	case ".go":
		return extractGo
	case ".md":
		return extractMarkdown
	case ".sh", ".mjs", ".js", ".yaml", ".yml", ".tmpl":
		return extractPlain
	}
	if base := filepath.Base(file); base == "Makefile" || strings.HasPrefix(base, "Dockerfile") {
		return extractPlain
	}
	return nil
}
