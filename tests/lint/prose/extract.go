package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longLiteral is the length from which a string literal exempts its line.
const longLiteral = 80

// extractGo returns the comments, string literals and declared names of Go source.
func extractGo(source string) (text, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return text{}, err
	}
	if ast.IsGenerated(file) {
		return text{}, nil
	}
	g := goText{set: set, exempt: map[int]bool{}}
	for _, group := range file.Comments {
		g.add(group.Pos(), commentText(group))
	}
	ast.Walk(&g, file)
	for i, content := range strings.Split(source, "\n") {
		if !g.exempt[i+1] && !strings.Contains(content, "://") {
			g.text.lines = append(g.text.lines, line{i + 1, content})
		}
	}
	return g.text, nil
}

// goText collects the text of a Go file. It is an ast.Visitor.
type goText struct {
	set  *token.FileSet
	text text
	// exempt are the lines whose length is not limited.
	exempt map[int]bool
}

func (g *goText) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.ImportSpec:
		return nil
	case *ast.Field:
		g.addNames(n.Names...)
		if n.Type != nil {
			ast.Walk(g, n.Type)
		}
		return nil // without the tag
	case *ast.FuncDecl:
		g.addNames(n.Name)
	case *ast.TypeSpec:
		g.addNames(n.Name)
	case *ast.ValueSpec:
		g.addNames(n.Names...)
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			for _, e := range n.Lhs {
				if name, ok := e.(*ast.Ident); ok {
					g.addNames(name)
				}
			}
		}
	case *ast.BasicLit:
		g.addLiteral(n)
	}
	return g
}

func (g *goText) add(pos token.Pos, content string) {
	g.text.passages = append(g.text.passages, passage{g.set.Position(pos).Line, content})
}

// addNames adds the words of declared names.
func (g *goText) addNames(names ...*ast.Ident) {
	for _, name := range names {
		g.add(name.Pos(), splitName(name.Name))
	}
}

func (g *goText) addLiteral(literal *ast.BasicLit) {
	if literal.Kind != token.STRING {
		return
	}
	content, err := strconv.Unquote(literal.Value)
	if err != nil {
		return
	}
	g.add(literal.Pos(), content)
	if utf8.RuneCountInString(literal.Value) >= longLiteral {
		first, last := g.set.Position(literal.Pos()).Line, g.set.Position(literal.End()).Line
		for n := first; n <= last; n++ {
			g.exempt[n] = true
		}
	}
}

// commentText is the text of a comment, with as many lines as the comment.
func commentText(group *ast.CommentGroup) string {
	var lines []string
	for _, comment := range group.List {
		for _, content := range strings.Split(comment.Text, "\n") {
			lines = append(lines, strings.TrimPrefix(strings.TrimSpace(content), "//"))
		}
	}
	return strings.Join(lines, "\n")
}

var lowerThenUpper = regexp.MustCompile(`(\p{Ll}|\d)(\p{Lu})`)

// splitName splits a name in camel case or with underscores into its words.
func splitName(name string) string {
	return strings.ReplaceAll(lowerThenUpper.ReplaceAllString(name, "$1 $2"), "_", " ")
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]*`")
	link     = regexp.MustCompile(`\]\([^)\s]*\)`)
)

// extractMarkdown returns the paragraphs and tables of Markdown, without code and the
// targets of links.
func extractMarkdown(source string) (text, error) {
	var t text
	lines := strings.Split(source, "\n")
	code := codeLines(lines)
	for i, content := range lines {
		if code[i] {
			lines[i] = ""
			continue
		}
		if !strings.HasPrefix(strings.TrimSpace(content), "|") && !strings.Contains(content, "://") {
			t.lines = append(t.lines, line{i + 1, content})
		}
	}
	prose := strings.Join(lines, "\n")
	prose = codeSpan.ReplaceAllString(prose, "``")
	prose = link.ReplaceAllString(prose, "]()")
	t.passages = []passage{{1, prose}}
	return t, nil
}

// codeLines reports which lines belong to code: between fences, or indented after an
// empty line.
func codeLines(lines []string) []bool {
	code := make([]bool, len(lines))
	fenced, indented, afterEmpty := false, false, true
	for i, content := range lines {
		empty := strings.TrimSpace(content) == ""
		if strings.HasPrefix(strings.TrimSpace(content), "```") {
			code[i], fenced, indented = true, !fenced, false
			continue
		}
		if !empty {
			indented = strings.HasPrefix(content, "    ") && (indented || afterEmpty)
		}
		code[i] = fenced || indented && !empty
		afterEmpty = empty
	}
	return code
}

// extractPlain returns the text of a file whose comments are not separated from its
// code. The length of its lines is not limited.
func extractPlain(source string) (text, error) {
	if strings.Contains(source, "\x00") {
		return text{}, fmt.Errorf("this is not a text file")
	}
	return text{passages: []passage{{1, source}}}, nil
}
