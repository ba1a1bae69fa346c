package main

import (
	"context"
	"fmt"
)

// groups is how many group commits are measured: enough to outlast a device's first burst.
const groups = 256

func (p plan) reading(journals []string) []*row {
	const section, unit = "reading, cached", "GB/s"
	rows := []*row{
		{section: section, name: "cat >/dev/null", unit: unit, measure: p.command("cat", journals[0])},
		{section: section, name: "read(2) alone, 256 KiB at once", unit: unit, measure: readAlone(journals[0])},
	}
	for i, size := range recordSizes {
		rows = append(rows,
			&row{section: section, name: fmt.Sprintf("our scan, records of %d B", size), unit: unit, measure: scanCached(journals[i], size)},
			&row{section: section, name: fmt.Sprintf("CRC-32C alone, in memory, %d B at once", size), unit: unit, measure: checksumAlone(p.bytes, size)})
	}
	return append(rows,
		&row{section: section, name: "wc -l", unit: unit, measure: p.command("wc", "-l", journals[0])},
		&row{section: section, name: "md5sum", unit: unit, measure: p.command("md5sum", journals[0])},
		&row{section: section, name: "sha256sum", unit: unit, measure: p.command("sha256sum", journals[0])},
		&row{section: section, name: "fio --verify=crc32c --bs=4k", unit: unit, measure: p.fioVerify()})
}

func (p plan) readingDirectly(journals []string) []*row {
	const section, unit = "reading, past the page cache", "GB/s"
	rows := []*row{{section: section, name: "dd iflag=direct bs=1M", unit: unit, measure: p.command("dd", "if="+journals[0], "of=/dev/null", "bs=1M", "iflag=direct")}}
	for i, size := range recordSizes {
		rows = append(rows, &row{section: section, name: fmt.Sprintf("our scan and the SHA-256, records of %d B", size), unit: unit, measure: scanDirectly(journals[i], size)})
	}
	return rows
}

func (p plan) committing() []*row {
	const section, unit = "one record a commit", "commits/s"
	var rows []*row
	for _, size := range recordSizes {
		rows = append(rows,
			&row{section: section, name: fmt.Sprintf("fio --fdatasync=1 --bs=%d --rw=write", size), unit: unit, measure: p.fioCommits(p.commits, size)},
			&row{section: section, name: fmt.Sprintf("our writer, records of %d B", size), unit: unit, measure: p.commitsToDisk(p.commits, 1, size)})
	}
	return rows
}

func (p plan) committingGroups() []*row {
	const section, unit = "1 MiB a commit", "MiB/s" // that is, commits a second
	rows := []*row{{section: section, name: "fio --fdatasync=1 --bs=1M --rw=write", unit: unit, measure: p.fioCommits(groups, groupBytes)}}
	for _, size := range recordSizes {
		rows = append(rows,
			&row{section: section, name: fmt.Sprintf("our writer, records of %d B", size), unit: unit, measure: p.commitsToDisk(groups, groupBytes/size, size)},
			&row{section: section, name: fmt.Sprintf("our writer, records of %d B, to nowhere", size), unit: unit, measure: func(ctx context.Context) (sample, error) {
				return commit(ctx, nowhere{}, groups, groupBytes/size, size)
			}})
	}
	return rows
}
