package main

import (
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/network"
)

const (
	// beResetLimit bounds what be-reset writes, resetSize is what reset asks for.
	beResetLimit = 256 << 20
	resetSize    = 64 << 20
)

func (p *program) echo(a parameters) (any, error) {
	var received digest
	err := p.with(a.Peer, echoID, func(s network.Stream) error {
		sent := make(chan error, 1)
		go func() { sent <- sendPattern(s, a.Bytes) }()
		var err error
		if received, err = readDigest(s); err != nil {
			return err
		}
		return <-sent
	})
	return received, err
}

func (p *program) upload(a parameters) (any, error) {
	to := a.Protocol
	if to == "" {
		to = sinkID
	}
	var received digest
	err := p.with(a.Peer, to, func(s network.Stream) error {
		if err := sendPattern(s, a.Bytes); err != nil {
			return err
		}
		var err error
		received, err = readDigestMessage(s)
		return err
	})
	return received, err
}

func (p *program) download(a parameters) (any, error) {
	var received digest
	err := p.with(a.Peer, sourceID, func(s network.Stream) error {
		if err := writeUint64(s, a.Bytes); err != nil {
			return err
		}
		if err := s.CloseWrite(); err != nil {
			return err
		}
		var err error
		received, err = readDigest(s)
		return err
	})
	return received, err
}

// beMuted writes only when the other side has ended.
func (p *program) beMuted(a parameters) (any, error) {
	return fields{}, p.with(a.Peer, muteID, func(s network.Stream) error {
		if err := expectAll(s, nil); err != nil {
			return err
		}
		return sendPattern(s, a.Bytes)
	})
}

// sendPattern writes the pattern and ends our side.
func sendPattern(s network.Stream, count uint64) error {
	if _, err := writePattern(s, count); err != nil {
		return err
	}
	return s.CloseWrite()
}

func (p *program) beReset(a parameters) (any, error) {
	s, err := p.open(a.Peer, resetID)
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	written, err := writePattern(s, beResetLimit)
	if err == nil {
		return nil, fmt.Errorf("%d bytes were written and no reset came", written)
	}
	if !errors.Is(err, network.ErrReset) {
		return nil, err
	}
	return fields{"written": written}, nil
}

func (p *program) reset(a parameters) (any, error) {
	s, err := p.open(a.Peer, sourceID)
	if err != nil {
		return nil, err
	}
	if err := writeUint64(s, resetSize); err != nil {
		s.Reset()
		return nil, err
	}
	return fields{}, resetSoon(s)
}
