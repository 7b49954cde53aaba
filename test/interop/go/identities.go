package main

import (
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

// identifyTimeout is longer than the library gives to an identify exchange.
const identifyTimeout = 10 * time.Second

// identities are the newest identify messages, first answers and pushes alike, by connection. The peerstore would not do:
// it has neither where a peer sees us nor the signed record.
type identities struct {
	lock sync.Mutex
	of   map[network.Conn]*identity
}

// identity is filled in when known is closed.
type identity struct {
	known   chan struct{}
	message event.EvtPeerIdentificationCompleted
}

func newIdentities() *identities {
	return &identities{of: make(map[network.Conn]*identity)}
}

func (i *identities) learn(message event.EvtPeerIdentificationCompleted) {
	i.lock.Lock()
	defer i.lock.Unlock()
	entry := i.entry(message.Conn)
	first := entry.message.Conn == nil
	entry.message = message
	if first {
		close(entry.known)
	}
}

// ask waits for the first message on a connection, and returns the newest.
func (i *identities) ask(conn network.Conn) (event.EvtPeerIdentificationCompleted, error) {
	i.lock.Lock()
	entry := i.entry(conn)
	i.lock.Unlock()
	select {
	case <-entry.known:
	case <-time.After(identifyTimeout):
		return event.EvtPeerIdentificationCompleted{}, fmt.Errorf("%s has not said who it is", conn.RemotePeer())
	}
	i.lock.Lock()
	defer i.lock.Unlock()
	return entry.message, nil
}

func (i *identities) entry(conn network.Conn) *identity {
	if i.of[conn] == nil {
		i.of[conn] = &identity{known: make(chan struct{})}
	}
	return i.of[conn]
}

// forget drops what closed connections told.
func (i *identities) forget() {
	i.lock.Lock()
	defer i.lock.Unlock()
	for conn := range i.of {
		if conn.IsClosed() {
			delete(i.of, conn)
		}
	}
}

// subscribe collects the library's events from now on.
func (p *program) subscribe() (event.Subscription, error) {
	wanted := []any{new(event.EvtPeerConnectednessChanged), new(event.EvtPeerIdentificationCompleted)}
	return p.host.EventBus().Subscribe(wanted, eventbus.BufSize(1024))
}

func (p *program) follow(subscription event.Subscription) {
	for happened := range subscription.Out() {
		p.note(happened)
	}
}

func (p *program) note(happened any) {
	switch e := happened.(type) {
	case event.EvtPeerIdentificationCompleted:
		p.identities.learn(e)
	case event.EvtPeerConnectednessChanged:
		switch e.Connectedness {
		case network.Connected:
			p.out.event("connected", fields{"peer": e.Peer})
		case network.NotConnected:
			p.identities.forget()
			p.out.event("disconnected", fields{"peer": e.Peer})
		}
	}
}

func (p *program) self(parameters) (any, error) {
	key, err := p.publicKey(p.host.ID())
	return fields{
		"agentVersion":    agentVersion(),
		"protocolVersion": protocolVersion,
		"protocols":       p.host.Mux().Protocols(),
		"listenAddrs":     p.host.Addrs(),
		"publicKey":       key,
	}, err
}

func (p *program) identify(a parameters) (any, error) {
	conns := p.host.Network().ConnsToPeer(a.Peer)
	if len(conns) == 0 {
		return nil, network.ErrNoConn
	}
	message, err := p.identities.ask(conns[0])
	if err != nil {
		return nil, err
	}
	key, err := p.publicKey(a.Peer)
	return fields{
		"agentVersion":     message.AgentVersion,
		"protocolVersion":  message.ProtocolVersion,
		"protocols":        message.Protocols,
		"listenAddrs":      message.ListenAddrs,
		"publicKey":        key,
		"observedAddr":     message.ObservedAddr,
		"signedPeerRecord": message.SignedPeerRecord != nil,
	}, err
}

func (p *program) publicKey(id peer.ID) (string, error) {
	key := p.host.Peerstore().PubKey(id)
	if key == nil {
		return "", fmt.Errorf("the key of %s is not known", id)
	}
	bytes, err := crypto.MarshalPublicKey(key)
	return hex.EncodeToString(bytes), err
}
