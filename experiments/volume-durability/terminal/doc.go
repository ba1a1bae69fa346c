// Package terminal is what all commands share: exit codes, groups of flags, output formats,
// the summary of a result, and the folder of the evidence bundle. It knows neither clusters nor how a run works.
package terminal
