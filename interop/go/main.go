// Command interop is the other side of absctl's interoperability tests: the released library
// backup-go and the official Go client, unmodified, against a cluster.
//
//	interop backup  --host H --port P --namespace N --dir D [--file-limit B] [--parallel N] [--compact]
//	interop restore --host H --port P --namespace N --dir D [--single] [--asbx]
//	interop xdr     --host H --port P --namespace N --dir D --local-port P [--file-limit B] [--parallel N]
//	interop client  --host H --port P --namespace N --nodes N
//	interop version
//
// backup, restore and xdr also take --compress ZSTD, --encrypt AES128 or AES256, and with the latter
// --encryption-key-file F, in the words of absctl.
//
// All but the last take how to get in: --user U --password P [--auth external], --auth pki,
// --tls-name N --tls-ca F [--tls-cert F --tls-key F], --alternate.
//
// A run that succeeds prints one line of JSON with counts; any other writes its reason to standard
// error and ends with code 1. Time limits are the caller's business.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

func main() {
	counts, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(counts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(args []string) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("backup, restore, xdr, client or version?")
	}
	switch args[0] {
	case "backup":
		return backup(args[1:])
	case "restore":
		return restore(args[1:])
	case "xdr":
		return xdr(args[1:])
	case "client":
		return exercise(args[1:])
	case "version":
		return versions()
	default:
		return nil, fmt.Errorf("unknown command %q", args[0])
	}
}

// versions tells what the program was built from.
func versions() (any, error) {
	build, there := debug.ReadBuildInfo()
	if !there {
		return nil, fmt.Errorf("built without modules")
	}
	found := map[string]string{}
	for _, module := range build.Deps {
		if strings.HasPrefix(module.Path, "github.com/aerospike/") {
			found[module.Path] = module.Version
		}
	}
	return found, nil
}
