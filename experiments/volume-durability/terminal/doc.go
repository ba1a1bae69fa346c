// Package terminal is what all commands share: exit codes, groups of flags, output formats, the summary of a
// result, and the folder of the evidence bundle. It does not depend on clusters or on how a run works.
package terminal
