package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"

	as "github.com/aerospike/aerospike-client-go/v8"
	lib "github.com/aerospike/backup-go"
)

// target says which cluster, what in it, and how to get in.
type target struct {
	host      string
	port      int
	namespace string
	user      string
	password  string
	auth      string
	alternate bool
	tls       tlsFiles
}

// tlsFiles is what TLS needs.
type tlsFiles struct {
	name string
	ca   string
	cert string
	key  string
}

// modes of authentication by name.
var modes = map[string]as.AuthMode{
	"internal": as.AuthModeInternal,
	"external": as.AuthModeExternal,
	"pki":      as.AuthModePKI,
}

// flags begins a flag set with what all commands have.
func flags(name string) (*flag.FlagSet, *target) {
	set := flag.NewFlagSet(name, flag.ExitOnError)
	to := new(target)
	set.StringVar(&to.host, "host", "127.0.0.1", "seed node")
	set.IntVar(&to.port, "port", 3000, "its port")
	set.StringVar(&to.namespace, "namespace", "test", "namespace")
	set.StringVar(&to.user, "user", "", "user")
	set.StringVar(&to.password, "password", "", "the user's password")
	set.StringVar(&to.auth, "auth", "internal", "internal, external or pki")
	set.BoolVar(&to.alternate, "alternate", false, "use alternate addresses")
	set.StringVar(&to.tls.name, "tls-name", "", "name in the server's certificate")
	set.StringVar(&to.tls.ca, "tls-ca", "", "certificate of the server's authority; turns TLS on")
	set.StringVar(&to.tls.cert, "tls-cert", "", "certificate to show")
	set.StringVar(&to.tls.key, "tls-key", "", "its key")
	return set, to
}

// library connects the backup library; what it returns beside it disconnects it.
func (t *target) library() (*lib.Client, func(), error) {
	client, err := t.connect()
	if err != nil {
		return nil, nil, err
	}
	tool, err := lib.NewClient(client)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return tool, client.Close, nil
}

func (t *target) connect() (*as.Client, error) {
	policy := as.NewClientPolicy()
	mode, known := modes[t.auth]
	if !known {
		return nil, fmt.Errorf("unknown mode of authentication %q", t.auth)
	}
	policy.AuthMode, policy.User, policy.Password = mode, t.user, t.password
	policy.UseServicesAlternate = t.alternate
	var err error
	if policy.TlsConfig, err = t.tls.config(); err != nil {
		return nil, err
	}
	host := as.NewHost(t.host, t.port)
	host.TLSName = t.tls.name
	client, failure := as.NewClientWithPolicyAndHost(policy, host)
	if failure != nil {
		return nil, failure // an interface of its own type: nil must not be wrapped
	}
	return client, nil
}

// config is nil without TLS.
func (f *tlsFiles) config() (*tls.Config, error) {
	if f.ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", f.ca)
	}
	config := &tls.Config{RootCAs: roots}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
