package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/libp2p/go-libp2p/core/network"
)

// talk is what is said on one stream.
type talk func(network.Stream) error

// closing adds to a talk that its stream is closed in the end, or reset when the talk fails.
func closing(t talk) talk {
	return func(s network.Stream) error {
		if err := t(s); err != nil {
			s.Reset()
			return err
		}
		return s.Close()
	}
}

// exchange sends random bytes and wants them back.
func exchange(s network.Stream, size int) error {
	sent := make([]byte, size)
	rand.Read(sent)
	if _, err := s.Write(sent); err != nil {
		return err
	}
	received := make([]byte, size)
	if _, err := io.ReadFull(s, received); err != nil {
		return err
	}
	if !bytes.Equal(sent, received) {
		return errors.New("other bytes came back than were sent")
	}
	return nil
}

// endBoth ends our side, and wants the other to end its own without another word.
func endBoth(s network.Stream) error {
	if err := s.CloseWrite(); err != nil {
		return err
	}
	return expectAll(s, nil)
}

// expectAll wants exactly this up to the end.
func expectAll(r io.Reader, expected []byte) error {
	received, err := io.ReadAll(io.LimitReader(r, int64(len(expected))+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(received, expected) {
		return fmt.Errorf("%d bytes came instead of the %d that were expected, or others", len(received), len(expected))
	}
	return nil
}
