package main

import (
	"context"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

var commands = map[string]func(*program, parameters) (any, error){
	"self":        (*program).self,
	"dial":        (*program).dial,
	"connections": (*program).connections,
	"ping":        (*program).ping,
	"own-ping":    (*program).ownPing,
	"identify":    (*program).identify,
	"handle":      (*program).handleMore,
	"select":      (*program).selectOne,
	"echo":        (*program).echo,
	"upload":      (*program).upload,
	"download":    (*program).download,
	"mute":        (*program).beMuted,
	"be-reset":    (*program).beReset,
	"reset":       (*program).reset,
	"release":     (*program).release,
	"streams":     (*program).streams,
	"chat":        (*program).chat,
	"say":         (*program).say,
	"perf":        (*program).perf,
	"close":       (*program).close,
	"stop":        (*program).stop,
}

// connected is the context of whatever needs a connection that stands: a lost one must show, not be dialled again.
func connected() context.Context {
	return network.WithNoDial(context.Background(), "commands dial when they are told to")
}

func (p *program) open(id peer.ID, protocols ...protocol.ID) (network.Stream, error) {
	return p.host.NewStream(connected(), id, protocols...)
}

// with opens a stream and has a talk on it.
func (p *program) with(id peer.ID, protocol protocol.ID, t talk) error {
	s, err := p.open(id, protocol)
	if err != nil {
		return err
	}
	return closing(t)(s)
}

func (p *program) dial(a parameters) (any, error) {
	info, err := peer.AddrInfoFromString(a.Address)
	if err != nil {
		return nil, err
	}
	// This address is meant and no other, even if it failed a moment ago.
	p.host.Peerstore().ClearAddrs(info.ID)
	if dialer, ok := p.host.Network().(*swarm.Swarm); ok {
		dialer.Backoff().Clear(info.ID)
	}
	return fields{"peer": info.ID}, p.host.Connect(context.Background(), *info)
}

func (p *program) connections(a parameters) (any, error) {
	return fields{"count": len(p.host.Network().ConnsToPeer(a.Peer))}, nil
}

func (p *program) handleMore(a parameters) (any, error) {
	p.handle(a.Protocol, closing(echo))
	return fields{}, nil
}

func (p *program) release(parameters) (any, error) {
	p.hold.open()
	return fields{}, nil
}

func (p *program) close(a parameters) (any, error) {
	return fields{}, p.host.Network().ClosePeer(a.Peer)
}

func (p *program) stop(parameters) (any, error) {
	return fields{}, p.host.Close()
}
