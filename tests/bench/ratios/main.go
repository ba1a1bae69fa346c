// Command ratios prints the table of all ratios that the other programs of make bench have measured.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

func main() {
	file := flag.String("file", "build/bench/ratios.jsonl", "file with the measured ratios")
	flag.Parse()
	rows, err := ratio.Read(*file)
	if err == nil {
		err = ratio.Print(os.Stdout, rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}
