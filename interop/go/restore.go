package main

import (
	"context"

	as "github.com/aerospike/aerospike-client-go/v8"
	lib "github.com/aerospike/backup-go"
	"github.com/aerospike/backup-go/io/encoding/asb"
	"github.com/aerospike/backup-go/io/encoding/asbx"
	"github.com/aerospike/backup-go/io/storage/local"
	"github.com/aerospike/backup-go/io/storage/options"
)

// restored is what a restore prints.
type restored struct {
	Records  uint64 `json:"records"`
	Inserted uint64 `json:"inserted"`
	Fresher  uint64 `json:"fresher"`
	Existed  uint64 `json:"existed"`
	Expired  uint64 `json:"expired"`
	Skipped  uint64 `json:"skipped"`
	Ignored  uint64 `json:"ignored"`
	Indexes  uint32 `json:"indexes"`
	UDFs     uint32 `json:"udfs"`
}

func restore(args []string) (any, error) {
	set, to := flags("restore")
	config := lib.NewDefaultRestoreConfig()
	directory := set.String("dir", "", "directory to read from")
	wrapping := envelopeFlags(set)
	shipped := set.Bool("asbx", false, "files of an XDR backup")
	set.BoolVar(&config.DisableBatchWrites, "single", false, "a write for each record")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	config.Namespace = &lib.RestoreNamespaceConfig{
		Source: &to.namespace, Destination: &to.namespace,
	}
	config.CompressionPolicy, config.EncryptionPolicy = wrapping.policies()
	config.WritePolicy = as.NewWritePolicy(0, 0)
	// As the reference tool does it: keys are stored, and only older records are overwritten.
	config.WritePolicy.SendKey = true
	config.WritePolicy.GenerationPolicy = as.EXPECT_GEN_GT
	reading := []options.Opt{options.WithDir(*directory)}
	if *shipped {
		config.EncoderType = lib.EncoderTypeASBX
		reading = append(reading, options.WithValidator(asbx.NewValidator()), options.WithSorting())
	} else {
		reading = append(reading, options.WithValidator(asb.NewValidator()))
	}
	return readBackup(context.Background(), to, config, reading)
}

func readBackup(
	ctx context.Context, to *target, config *lib.ConfigRestore, reading []options.Opt,
) (any, error) {
	tool, done, err := to.library()
	if err != nil {
		return nil, err
	}
	defer done()
	reader, err := local.NewReader(ctx, reading...)
	if err != nil {
		return nil, err
	}
	handler, err := tool.Restore(ctx, config, reader)
	if err != nil {
		return nil, err
	}
	if err := handler.Wait(ctx); err != nil {
		return nil, err
	}
	stats := handler.GetStats()
	return restored{
		Records:  stats.GetReadRecords(),
		Inserted: stats.GetRecordsInserted(),
		Fresher:  stats.GetRecordsFresher(),
		Existed:  stats.GetRecordsExisted(),
		Expired:  stats.GetRecordsExpired(),
		Skipped:  stats.GetRecordsSkipped(),
		Ignored:  stats.GetRecordsIgnored(),
		Indexes:  stats.GetSIndexes(),
		UDFs:     stats.GetUDFs(),
	}, nil
}
