// Command ratios prints the machine, and the table of all ratios that the other programs of make bench have measured.
package main

import (
	"flag"
	"fmt"
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
	file := flag.String("file", "build/bench/ratios.jsonl", "file with the measured ratios")
	flag.Parse()
	rows, err := ratio.Read(*file)
	if err != nil {
		return err
	}
	description, err := machine.Describe()
	if err != nil {
		return err
	}
	fmt.Printf("Measured on: %s\n\n", description)
	return ratio.Print(os.Stdout, rows)
}
