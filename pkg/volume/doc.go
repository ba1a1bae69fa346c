// Package volume is the place on a volume where a journal lives: it opens the
// file, or the raw block device that is in its place, makes writes durable and
// says which mount the path is on. It knows neither records nor Kubernetes.
package volume

// FolderPrefix begins the name of every folder that we make on somebody's volume. A
// folder of another name is never removed.
const FolderPrefix = "volume-durability-"
