package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	echoID   protocol.ID = "/interop/echo/1.0.0"
	sinkID   protocol.ID = "/interop/sink/1.0.0"
	sourceID protocol.ID = "/interop/source/1.0.0"
	muteID   protocol.ID = "/interop/mute/1.0.0"
	resetID  protocol.ID = "/interop/reset/1.0.0"
	holdID   protocol.ID = "/interop/hold/1.0.0"
)

func (p *program) serve() {
	p.handle(echoID, closing(echo))
	p.handle(sinkID, closing(sink))
	p.handle(sourceID, closing(p.source))
	p.handle(muteID, closing(p.mute))
	p.handle(resetID, resetSoon)
	p.handle(holdID, closing(p.onHold))
	p.handle(perfID, closing(servePerf))
	p.host.SetStreamHandler(chatID, p.serveChat)
}

func (p *program) handle(id protocol.ID, t talk) {
	p.host.SetStreamHandler(id, func(s network.Stream) {
		if err := t(s); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s\n", id, oneLine(err))
		}
	})
}

func echo(s network.Stream) error {
	_, err := io.Copy(s, s)
	return err
}

func sink(s network.Stream) error {
	received, err := readDigest(s)
	if err != nil {
		return err
	}
	_, err = s.Write(received.message())
	return err
}

func (p *program) source(s network.Stream) error {
	count, err := readUint64(s)
	if err == nil {
		_, err = writePattern(s, count)
	}
	if err != nil {
		p.out.event("reset", fields{"protocol": s.Protocol()})
	}
	return err
}

func (p *program) mute(s network.Stream) error {
	if err := s.CloseWrite(); err != nil {
		return err
	}
	received, err := readDigest(s)
	if err != nil {
		return err
	}
	about := received.fields()
	about["protocol"] = s.Protocol()
	p.out.event("received", about)
	return nil
}

// resetSoon reads a block before it resets.
func resetSoon(s network.Stream) error {
	defer s.Reset()
	_, err := io.CopyN(io.Discard, s, blockSize)
	return err
}

func (p *program) onHold(s network.Stream) error {
	<-p.hold.opened()
	return sink(s)
}

// gate holds up whoever comes until it is opened, and then again who comes later.
type gate struct {
	lock  sync.Mutex
	ahead chan struct{}
}

func newGate() *gate {
	return &gate{ahead: make(chan struct{})}
}

func (g *gate) opened() <-chan struct{} {
	g.lock.Lock()
	defer g.lock.Unlock()
	return g.ahead
}

func (g *gate) open() {
	g.lock.Lock()
	defer g.lock.Unlock()
	close(g.ahead)
	g.ahead = make(chan struct{})
}
