// The program writes the samples' pages, and their results in JSON beside them, for
// a browser to be driven through.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/pkg/report/page"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func main() {
	folder := flag.String("folder", "build/page", "where to write them")
	flag.Parse()
	if err := write(*folder); err != nil {
		logrus.Fatal(err)
	}
}

func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", folder, err)
	}
	for _, s := range samples.All() {
		html, err := page.Render(s.Result)
		if err != nil {
			return fmt.Errorf("sample %s: %w", s.Name, err)
		}
		result, err := json.Marshal(s.Result)
		if err != nil {
			return fmt.Errorf("encoding sample %s: %w", s.Name, err)
		}
		for name, content := range map[string][]byte{s.Name + ".html": html, s.Name + ".json": result} {
			if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
				return fmt.Errorf("writing sample %s: %w", s.Name, err)
			}
		}
	}
	return nil
}
