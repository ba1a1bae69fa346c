package main

// s3fses returns s3fs over versitygw, which keeps its objects in files of the disk.
func s3fses() []Backend {
	return []Backend{
		s3fs("s3fs over versitygw", ""),
		s3fs("s3fs over versitygw, use_cache", ",use_cache=$STORE/cache-"),
	}
}

func s3fs(name, cache string) Backend {
	mount := func(at, client string) string {
		options := "url=http://127.0.0.1:7070,use_path_request_style,passwd_file=$WORK/passwd"
		if cache != "" {
			options += cache + client
		}
		return "s3fs bucket " + at + " -f -o " + options
	}
	return Backend{
		Name: name, Package: "s3fs", Packages: []string{"curl"}, Options: "versitygw 1.8.0",
		Module: "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
		Setup:  "mkdir $STORE/objects; echo user:secret-key >$WORK/passwd; chmod 600 $WORK/passwd",
		Serve:  "exec versitygw --access user --secret secret-key --port 127.0.0.1:7070 posix $STORE/objects",
		Ready: "curl -sS -X PUT -H x-amz-content-sha256:UNSIGNED-PAYLOAD --aws-sigv4 aws:amz:us-east-1:s3 " +
			"--user user:secret-key http://127.0.0.1:7070/bucket; [ -d $STORE/objects/bucket ]",
		Mount: mount("$MNT", "first"), Second: mount("$OTHER", "second"),
		Scripts: []string{"versitygw-put"},
		Advice:  "use an S3 server that syncs an object before it answers: versitygw 1.8.0 does not",
	}
}
