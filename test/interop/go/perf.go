package main

import (
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const perfID protocol.ID = "/perf/1.0.0"

func servePerf(s network.Stream) error {
	count, err := readUint64(s)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	return writeZeros(s, count)
}

func (p *program) perf(a parameters) (any, error) {
	var received int64
	start := time.Now()
	err := p.with(a.Peer, perfID, func(s network.Stream) error {
		if err := writeUint64(s, a.Download); err != nil {
			return err
		}
		if err := writeZeros(s, a.Upload); err != nil {
			return err
		}
		if err := s.CloseWrite(); err != nil {
			return err
		}
		var err error
		received, err = io.Copy(io.Discard, s)
		return err
	})
	return fields{"seconds": time.Since(start).Seconds(), "bytes": received}, err
}

func writeZeros(w io.Writer, count uint64) error {
	block := make([]byte, blockSize)
	for count > 0 {
		n, err := w.Write(block[:min(blockSize, count)])
		if err != nil {
			return err
		}
		count -= uint64(n)
	}
	return nil
}
