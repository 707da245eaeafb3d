package main

import (
	"context"
	"time"

	lib "github.com/aerospike/backup-go"
	"github.com/aerospike/backup-go/io/storage/local"
	"github.com/aerospike/backup-go/io/storage/options"
)

// xdr backs a namespace up by letting the cluster ship it.
func xdr(args []string) (any, error) {
	set, from := flags("xdr")
	config := &lib.ConfigBackupXDR{
		EncoderType:       lib.EncoderTypeASBX,
		DC:                "interop",
		LocalAddress:      "127.0.0.1",
		Rewind:            "all",
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		ResultQueueSize:   256,
		AckQueueSize:      256,
		MaxConnections:    64,
		InfoPollingPeriod: 200 * time.Millisecond,
		StartTimeout:      30 * time.Second,
	}
	directory := set.String("dir", "", "directory to write to")
	set.IntVar(&config.ParallelWrite, "parallel", 1, "files at a time")
	set.Uint64Var(&config.FileLimit, "file-limit", 0, "bytes after which a new file begins")
	set.IntVar(&config.LocalPort, "local-port", 0, "port that the cluster connects to")
	wrapping := envelopeFlags(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	config.Namespace = from.namespace
	config.CompressionPolicy, config.EncryptionPolicy = wrapping.policies()
	tool, done, err := from.library()
	if err != nil {
		return nil, err
	}
	defer done()
	ctx := context.Background()
	writer, err := local.NewWriter(ctx, options.WithDir(*directory))
	if err != nil {
		return nil, err
	}
	handler, err := tool.BackupXDR(ctx, config, writer)
	if err != nil {
		return nil, err
	}
	if err := handler.Wait(ctx); err != nil {
		return nil, err
	}
	stats := handler.GetStats()
	return backedUp{
		Records: stats.GetReadRecords(),
		Files:   stats.GetFileCount(),
		Bytes:   stats.GetBytesWritten(),
	}, nil
}
