package main

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multistream"
)

// messageSize is what goes there and back on each of many streams.
const messageSize = 100

func (p *program) streams(a parameters) (any, error) {
	if a.AtOnce {
		return fields{"count": a.Count}, p.streamsAtOnce(a.Peer, a.Count)
	}
	for range a.Count {
		if err := p.with(a.Peer, echoID, exchangeOnce); err != nil {
			return nil, err
		}
	}
	return fields{"count": a.Count}, nil
}

func exchangeOnce(s network.Stream) error {
	if err := exchange(s, messageSize); err != nil {
		return err
	}
	return endBoth(s)
}

// streamsAtOnce ends no stream before all of them have carried something.
func (p *program) streamsAtOnce(id peer.ID, count int) error {
	streams := make([]network.Stream, count)
	err := parallel(count, func(i int) (err error) {
		if streams[i], err = p.open(id, echoID); err != nil {
			return err
		}
		return exchange(streams[i], messageSize)
	})
	if err != nil {
		return err
	}
	return parallel(count, func(i int) error { return closing(endBoth)(streams[i]) })
}

// parallel does so many things side by side, and returns the error of the first that failed.
func parallel(count int, do func(i int) error) error {
	var group sync.WaitGroup
	failed := make(chan error, count)
	for i := range count {
		group.Go(func() {
			if err := do(i); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

// selectOne negotiates by itself: the library would leave out what identify did not list.
func (p *program) selectOne(a parameters) (any, error) {
	s, err := p.host.Network().NewStream(connected(), a.Peer)
	if err != nil {
		return nil, err
	}
	selected, err := multistream.SelectOneOf(a.Protocols, s)
	if err != nil {
		s.Reset()
		return nil, err
	}
	return fields{"protocol": selected}, closing(hello)(s)
}

// hello greets, ends, and wants the same back and nothing else.
func hello(s network.Stream) error {
	message := []byte("hello")
	if _, err := s.Write(message); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	return expectAll(s, message)
}
