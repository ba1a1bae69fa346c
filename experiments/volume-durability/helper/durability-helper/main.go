// Command durability-helper is the program in the writer's and the reader's pod; see
// package helper.
package main

import (
	"os"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/helper"
)

func main() { os.Exit(helper.Main(os.Args[1:], os.Stdout, os.Stderr)) }
