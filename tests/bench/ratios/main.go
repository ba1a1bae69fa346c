// Command ratios prints the machine, and the table of all ratios that the other programs of make bench have measured.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"

	"github.com/volume-durability/volume-durability/tests/bench/machine"
	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

func run() error {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: ratios FILE... # a file that does not exist is left out") }
	flag.Parse()
	var rows []ratio.Row
	for _, file := range flag.Args() {
		more, err := ratio.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "no ratios: %v\n", err)
			continue
		}
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	fmt.Printf("Measured on: %s\n\n", machine.Describe())
	return ratio.Print(os.Stdout, rows)
}
