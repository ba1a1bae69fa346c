// Package localcmd is the command local: a run without a cluster, and its three steps
// apart. It has no Kubernetes client, so that it builds quickly.
package localcmd
