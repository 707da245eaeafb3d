package main

import (
	"flag"

	lib "github.com/aerospike/backup-go"
)

// level of compression, the reference tool's own.
const level = 3

// envelope says what is around the text of a backup's files.
type envelope struct {
	compress string
	encrypt  string
	keyFile  string
}

// envelopeFlags adds to a flag set what backup and restore have.
func envelopeFlags(set *flag.FlagSet) *envelope {
	e := new(envelope)
	set.StringVar(&e.compress, "compress", lib.CompressNone, "NONE or ZSTD")
	set.StringVar(&e.encrypt, "encrypt", lib.EncryptNone, "NONE, AES128 or AES256")
	set.StringVar(&e.keyFile, "encryption-key-file", "", "PEM file with the key")
	return e
}

// policies for the library, which checks the words. It takes nil for nothing of the kind.
func (e *envelope) policies() (*lib.CompressionPolicy, *lib.EncryptionPolicy) {
	var compression *lib.CompressionPolicy
	if e.compress != lib.CompressNone {
		compression = lib.NewCompressionPolicy(e.compress, level)
	}
	var encryption *lib.EncryptionPolicy
	if e.encrypt != lib.EncryptNone {
		encryption = &lib.EncryptionPolicy{Mode: e.encrypt}
		if e.keyFile != "" {
			encryption.KeyFile = &e.keyFile
		}
	}
	return compression, encryption
}
