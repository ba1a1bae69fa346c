// Package reread reads a journal again while the client of a network filesystem may still show an older state of it.
//
// An NFS client keeps names, the lists of folders and attributes for some time without asking its server. After another
// client has written, a name may lead to nothing or to an earlier file, and a list may be an earlier one, although the
// server has everything that was acknowledged.
package reread

import (
	"strconv"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Cache is how long a mount may show an older state of what another client has changed.
type Cache struct {
	// Names is how long a name may lead to nothing, or to an earlier file.
	Names time.Duration
	// Contents is how long a folder or a file that is opened again may have an earlier list or length.
	Contents time.Duration
}

// defaultSeconds are the defaults of nfs(5). The kernel lists these options only if they differ.
func defaultSeconds() map[string]uint64 {
	return map[string]uint64{"acregmin": 3, "acregmax": 60, "acdirmin": 30, "acdirmax": 60}
}

// CacheOf returns how long a mount may show an older state. It is zero for all filesystems except NFS.
//
// A file or folder that is opened again is compared with the server, unless the mount has the option nocto. The names
// that lead to it are not, unless it has lookupcache=none.
func CacheOf(m protocol.Mount) Cache {
	if m.FSType != "nfs" && m.FSType != "nfs4" {
		return Cache{}
	}
	seconds := defaultSeconds()
	keepsNames, comparesOnOpen := true, true
	for option := range strings.SplitSeq(m.SuperOptions, ",") {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "acregmin", "acregmax", "acdirmin", "acdirmax":
			if n, err := strconv.ParseUint(value, 10, 32); err == nil {
				seconds[name] = n
			}
		case "noac":
			clear(seconds)
		case "lookupcache":
			keepsNames = value != "none"
		case "nocto":
			comparesOnOpen = false
		}
	}
	// The client begins with the minimum, also if it is above the maximum.
	file := time.Duration(max(seconds["acregmin"], seconds["acregmax"])) * time.Second
	folder := time.Duration(max(seconds["acdirmin"], seconds["acdirmax"])) * time.Second
	var c Cache
	if keepsNames {
		c.Names = folder
	}
	if !comparesOnOpen {
		c.Contents = max(file, folder)
	}
	return c
}
