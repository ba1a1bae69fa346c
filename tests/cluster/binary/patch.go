package binary

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// patch is a change to one file of a module that does not compile with the newest
// versions of what it requires.
type patch struct {
	module, file  string
	before, after string
}

// operatorPatch follows client-go, whose dynamic.NewForConfig returns no interface since
// 0.26: what chaos-operator does with its result did not change.
var operatorPatch = patch{
	module: "github.com/litmuschaos/chaos-operator",
	file:   "pkg/client/dynamic/dynamic.go",
	before: "clientSet, err := dynamic.NewForConfig(restConfig)",
	after:  "var clientSet dynamic.Interface\n\tclientSet, err = dynamic.NewForConfig(restConfig)",
}

// patched writes patched copies of modules into a folder, and a go.mod that replaces the
// modules by them. It returns that file.
func patched(ctx context.Context, module, mod string, patches []patch, dir string) (string, error) {
	content, err := os.ReadFile(mod)
	if err != nil {
		return "", err
	}
	for _, p := range patches {
		to := filepath.Join(dir, "patched", filepath.Base(p.module))
		if err := p.apply(ctx, module, to); err != nil {
			return "", fmt.Errorf("patching %s: %w", p.module, err)
		}
		content = fmt.Appendf(content, "\nreplace %s => %s\n", p.module, to)
	}
	sums, err := os.ReadFile(sumFile(mod))
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "patched.mod")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return "", err
	}
	return file, os.WriteFile(sumFile(file), sums, 0o600)
}

func sumFile(mod string) string { return strings.TrimSuffix(mod, ".mod") + ".sum" }

// apply copies the patched module into a folder.
func (p patch) apply(ctx context.Context, requiring, to string) error {
	from, err := ModuleDir(ctx, requiring, p.module)
	if err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	file := filepath.Join(to, p.file)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if strings.Count(string(content), p.before) != 1 {
		return fmt.Errorf("%s does not have %q once: the patch is of another version", p.file, p.before)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(content), p.before, p.after, 1)), 0o600)
}
