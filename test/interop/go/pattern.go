package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

const blockSize = 64 * 1024

// writePattern writes the first count bytes of the pattern, and says how many were written when it fails.
func writePattern(w io.Writer, count uint64) (uint64, error) {
	block := make([]byte, blockSize)
	var written uint64
	for k := uint32(0); written < count; k++ {
		fillBlock(block, k)
		n, err := w.Write(block[:min(blockSize, count-written)])
		written += uint64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func fillBlock(block []byte, k uint32) {
	for i := 0; i < len(block); i += 4 {
		binary.BigEndian.PutUint32(block[i:], k)
	}
}

// digest is what is told of bytes that were received.
type digest struct {
	bytes uint64
	sum   [sha256.Size]byte
}

// readDigest reads to the end.
func readDigest(r io.Reader) (digest, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	return digest{uint64(n), [sha256.Size]byte(hash.Sum(nil))}, err
}

// message is the digest as it travels on a stream.
func (d digest) message() []byte {
	return append(binary.BigEndian.AppendUint64(nil, d.bytes), d.sum[:]...)
}

// readDigestMessage reads to the end, and wants a digest message and nothing else.
func readDigestMessage(r io.Reader) (digest, error) {
	const size = 8 + sha256.Size
	message, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return digest{}, err
	}
	if len(message) != size {
		return digest{}, fmt.Errorf("a digest message of %d bytes instead of %d", len(message), size)
	}
	return digest{binary.BigEndian.Uint64(message), [sha256.Size]byte(message[8:])}, nil
}

func (d digest) fields() fields {
	return fields{"bytes": d.bytes, "sha256": hex.EncodeToString(d.sum[:])}
}

// MarshalJSON gives the digest as answers have it.
func (d digest) MarshalJSON() ([]byte, error) {
	return json.Marshal(d.fields())
}

func writeUint64(w io.Writer, value uint64) error {
	_, err := w.Write(binary.BigEndian.AppendUint64(nil, value))
	return err
}

func readUint64(r io.Reader) (uint64, error) {
	var value [8]byte
	_, err := io.ReadFull(r, value[:])
	return binary.BigEndian.Uint64(value[:]), err
}
