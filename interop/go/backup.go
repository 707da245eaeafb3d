package main

import (
	"context"

	lib "github.com/aerospike/backup-go"
	"github.com/aerospike/backup-go/io/storage/local"
	"github.com/aerospike/backup-go/io/storage/options"
)

// backedUp is what a backup prints.
type backedUp struct {
	Records uint64 `json:"records"`
	Indexes uint32 `json:"indexes"`
	UDFs    uint32 `json:"udfs"`
	Files   uint64 `json:"files"`
	Bytes   uint64 `json:"bytes"`
}

func backup(args []string) (any, error) {
	set, from := flags("backup")
	config := lib.NewDefaultBackupConfig()
	directory := set.String("dir", "", "directory to write to")
	parallel := set.Int("parallel", 1, "scans at a time, and files at a time")
	set.Uint64Var(&config.FileLimit, "file-limit", 0, "bytes after which a new file begins")
	wrapping := envelopeFlags(set)
	set.BoolVar(&config.Compact, "compact", false, "raw bytes instead of base64")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	config.Namespace = from.namespace
	config.CompressionPolicy, config.EncryptionPolicy = wrapping.policies()
	config.ParallelRead, config.ParallelWrite = *parallel, *parallel
	return writeBackup(context.Background(), from, config, *directory)
}

func writeBackup(
	ctx context.Context, from *target, config *lib.ConfigBackup, directory string,
) (any, error) {
	tool, done, err := from.library()
	if err != nil {
		return nil, err
	}
	defer done()
	writer, err := local.NewWriter(ctx, options.WithDir(directory))
	if err != nil {
		return nil, err
	}
	handler, err := tool.Backup(ctx, config, writer, nil)
	if err != nil {
		return nil, err
	}
	if err := handler.Wait(ctx); err != nil {
		return nil, err
	}
	stats := handler.GetStats()
	return backedUp{
		Records: stats.GetReadRecords(),
		Indexes: stats.GetSIndexes(),
		UDFs:    stats.GetUDFs(),
		Files:   stats.GetFileCount(),
		Bytes:   stats.GetBytesWritten(),
	}, nil
}
