// Package localcmd is the command local: a run without a cluster, and its steps write
// and read as separate commands. It has no Kubernetes client, so that it builds quickly.
package localcmd
