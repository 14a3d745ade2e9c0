// A real Vault for the tests: HashiCorp's own core, with its file storage, on an address of the loopback interface.
//
//	vault -data DIRECTORY -address 127.0.0.1:PORT
//
// The first start on a directory initializes it and leaves the unseal key and the root token in credentials.json
// there; each start unseals with it. So a Vault that was killed comes back with its data, as a supervisor's would.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/vault"
)

type credentials struct {
	UnsealKey string `json:"unseal_key"`
	RootToken string `json:"root_token"`
}

// Without a registry the core panics when it looks for a plugin that is not one of its factories.
type noPlugins struct{}

func (noPlugins) Contains(string, consts.PluginType) bool { return false }

func (noPlugins) Get(string, consts.PluginType) (func() (interface{}, error), bool) {
	return nil, false
}

func (noPlugins) Keys(consts.PluginType) []string { return nil }

func (noPlugins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Unknown, false
}

func main() {
	data := flag.String("data", "", "the directory that holds everything this Vault knows")
	address := flag.String("address", "127.0.0.1:8200", "where to listen")
	flag.Parse()
	if err := serve(*data, *address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(data, address string) error {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr})
	storage, err := file.NewFileBackend(map[string]string{"path": filepath.Join(data, "storage")}, logger)
	if err != nil {
		return err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		Logger:             logger,
		DisableMlock:       true,
		BuiltinRegistry:    noPlugins{},
		LogicalBackends:    map[string]logical.Factory{"transit": transit.Factory, "kv": kv.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory, "kubernetes": kubeauth.Factory},
	})
	if err != nil {
		return err
	}
	if err := unseal(core, filepath.Join(data, "credentials.json")); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core})
	return (&http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}).Serve(listener)
}

func unseal(core *vault.Core, path string) error {
	known, err := load(path)
	if errors.Is(err, os.ErrNotExist) {
		known, err = initialize(core, path)
	}
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(known.UnsealKey)
	if err != nil {
		return err
	}
	unsealed, err := core.Unseal(key)
	if err == nil && !unsealed {
		err = errors.New("the key does not unseal this Vault")
	}
	return err
}

func load(path string) (credentials, error) {
	var known credentials
	content, err := os.ReadFile(path)
	if err != nil {
		return known, err
	}
	return known, json.Unmarshal(content, &known)
}

func initialize(core *vault.Core, path string) (credentials, error) {
	made, err := core.Initialize(context.Background(), &vault.InitParams{
		BarrierConfig:  &vault.SealConfig{SecretShares: 1, SecretThreshold: 1},
		RecoveryConfig: &vault.SealConfig{},
	})
	if err != nil {
		return credentials{}, err
	}
	known := credentials{UnsealKey: hex.EncodeToString(made.SecretShares[0]), RootToken: made.RootToken}
	content, err := json.Marshal(known)
	if err != nil {
		return credentials{}, err
	}
	return known, os.WriteFile(path, content, 0o600)
}
