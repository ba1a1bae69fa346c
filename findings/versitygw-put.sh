#!/bin/sh
# The S3 server versitygw 1.8.0 acknowledges an object before the object is on the disk. If the power fails then, the
# object is missing.
#
# With the posix backend, versitygw stores an object in a file. S3 has no request for a sync, so one would expect an
# object to be durable when the server answers. But versitygw does not sync the file. A filesystem on S3, such as s3fs,
# uploads a file at an fsync. With versitygw, the data of this file is not durable when fsync returns.
#
# The script builds a program that calls the posix backend as the server of versitygw does. The server itself takes
# minutes to compile.
#
# Seen with github.com/versity/versitygw v1.8.0 on ext4, kernel 6.18. Needs root, loop devices, and Go with
# access to modules. The power failure is a copy of the disk.
set -eu
dir=$(mktemp -d)
cleanup() {
    ! mountpoint -q "$dir/store" || umount "$dir/store"
    rm -rf "$dir"
}
trap cleanup EXIT
mkdir "$dir/packages" "$dir/program" "$dir/store"
(cd "$dir/packages" && apt-get download -qq strace=6.1-0.1 >/dev/null)
dpkg-deb -x "$dir"/packages/*.deb "$dir/packages"
cat >"$dir/program/main.go" <<'GO'
package main

import (
	"context"
	"io"
	"log"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	gateway, err := posix.New(os.Args[1], meta.XattrMeta{}, posix.PosixOpts{})
	check(err)
	ctx, bucket, object, length := context.Background(), "bucket", "object", int64(len("record"))
	create := s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{}}
	check(gateway.CreateBucket(ctx, &create, []byte("{}")))
	put := s3response.PutObjectInput{Bucket: &bucket, Key: &object, ContentLength: &length}
	put.Body = strings.NewReader("record")
	_, err = gateway.PutObject(ctx, put)
	check(err)
	got, err := gateway.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &object})
	check(err)
	content, err := io.ReadAll(got.Body)
	check(err)
	os.Stdout.Write(content)
}
GO
export GOFLAGS=-mod=mod CGO_ENABLED=0 GOGC=400 # they and the flags below make the build faster
(cd "$dir/program" && go mod init program && go get github.com/versity/versitygw@v1.8.0 &&
    go build -gcflags='all=-N -l -dwarf=false' -ldflags='-s -w' -o ../gateway .) >"$dir/log" 2>&1 || {
    cat "$dir/log"
    exit 1
}
truncate -s 64M "$dir/disk"
mkfs.ext4 -q "$dir/disk"
mount -o loop "$dir/disk" "$dir/store"
mkdir "$dir/store/objects"
sync -f "$dir/store"
read=$("$dir/packages/usr/bin/strace" -f -o "$dir/trace" -e trace=fsync,fdatasync,sync,syncfs,sync_file_range,openat \
    "$dir/gateway" "$dir/store/objects")
cp "$dir/disk" "$dir/copy"
umount "$dir/store"
mount -o loop "$dir/copy" "$dir/store"
syncs=$(grep -c -i -E 'sync\(|O_D?SYNC' "$dir/trace" || true)
kept=$(find "$dir/store/objects" -name object | wc -l)
echo "versitygw: an object was stored, and a read returned \"$read\"; the server made $syncs syncs;" \
    "after the power failure there are $kept objects"
[ "$read $syncs $kept" = "record 0 0" ] || { echo "CHANGED: expected record, 0 syncs and 0 objects"; exit 1; }
