package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const rsaBits = 2048

// errRefused marks a choice that go-libp2p does not have.
var errRefused = errors.New("go-libp2p does not have this")

// choices are the flags.
type choices struct {
	listen, key, muxer, security string
}

func parseChoices() choices {
	var c choices
	flag.StringVar(&c.listen, "listen", "/ip4/127.0.0.1/tcp/0", "multiaddr to listen on")
	flag.StringVar(&c.key, "key", "ed25519", "ed25519, secp256k1, ecdsa or rsa")
	flag.StringVar(&c.muxer, "muxer", "early", "early or plain")
	flag.StringVar(&c.security, "security", "noise", "default or noise")
	flag.Parse()
	return c
}

func exitCode(err error) int {
	if errors.Is(err, errRefused) {
		return 3
	}
	return 1
}

func newHost(c choices) (host.Host, error) {
	key, err := newKey(c.key)
	if err != nil {
		return nil, err
	}
	security, err := c.securityOption()
	if err != nil {
		return nil, err
	}
	return libp2p.New(
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(c.listen),
		libp2p.UserAgent(agentVersion()),
		libp2p.ProtocolVersion(protocolVersion),
		libp2p.Transport(tcp.NewTCPTransport),
		security,
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		// Hundreds of streams at once are what the tests are after, not what a node on the open network should bear.
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
	)
}

var keyMakers = map[string]func() (crypto.PrivKey, crypto.PubKey, error){
	"ed25519":   func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateEd25519Key(rand.Reader) },
	"secp256k1": func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateSecp256k1Key(rand.Reader) },
	"ecdsa":     func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateECDSAKeyPair(rand.Reader) },
	"rsa":       func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateRSAKeyPair(rsaBits, rand.Reader) },
}

func keyKinds() []string {
	return slices.Sorted(maps.Keys(keyMakers))
}

func newKey(kind string) (crypto.PrivKey, error) {
	maker, ok := keyMakers[kind]
	if !ok {
		return nil, fmt.Errorf("%w: --key %s", errRefused, kind)
	}
	key, _, err := maker()
	return key, err
}

func (c choices) securityOption() (libp2p.Option, error) {
	switch c.security + " " + c.muxer {
	case "default early":
		return libp2p.DefaultSecurity, nil
	case "default plain":
		return libp2p.ChainOptions(libp2p.Security(tls.ID, plainTLS), libp2p.Security(noise.ID, plainNoise)), nil
	case "noise early":
		return libp2p.Security(noise.ID, noise.New), nil
	case "noise plain":
		return libp2p.Security(noise.ID, plainNoise), nil
	}
	return nil, fmt.Errorf("%w: --security %s --muxer %s", errRefused, c.security, c.muxer)
}

// plainNoise knows of no muxers, so that they are negotiated after the handshake.
func plainNoise(id protocol.ID, key crypto.PrivKey) (*noise.Transport, error) {
	return noise.New(id, key, nil)
}

// plainTLS is to TLS what plainNoise is to Noise.
func plainTLS(id protocol.ID, key crypto.PrivKey) (*tls.Transport, error) {
	return tls.New(id, key, nil)
}
