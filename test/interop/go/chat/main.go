// A chat with the habits of go-libp2p's examples/chat, in our own words: an RSA key for each run, the library's default
// order of security (TLS before Noise), an empty line behind every line that is sent, and streams that nobody ends.
// Unlike the example, what is typed goes to every peer.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

const chatID = "/chat/1.0.0"

func main() {
	port := flag.Int("sp", 0, "port to listen on; 0 for any")
	destination := flag.String("d", "", "multiaddr to dial, with /p2p")
	flag.Parse()

	node, err := newNode(*port)
	check(err)
	table := &table{}
	if *destination == "" {
		node.SetStreamHandler(chatID, table.join)
		for _, address := range node.Addrs() {
			fmt.Fprintf(os.Stderr, "%s/p2p/%s\n", address, node.ID())
		}
	} else {
		stream, err := dial(node, *destination)
		check(err)
		table.join(stream)
	}
	table.sayAll(bufio.NewScanner(os.Stdin))
	select {}
}

func newNode(port int) (host.Host, error) {
	key, _, err := crypto.GenerateKeyPairWithReader(crypto.RSA, 2048, rand.Reader)
	if err != nil {
		return nil, err
	}
	return libp2p.New(
		libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)),
		libp2p.Identity(key),
	)
}

func dial(node host.Host, destination string) (network.Stream, error) {
	info, err := peer.AddrInfoFromString(destination)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if err := node.Connect(ctx, *info); err != nil {
		return nil, err
	}
	return node.NewStream(ctx, info.ID, chatID)
}

// table holds the streams of all who take part.
type table struct {
	lock    sync.Mutex
	streams []network.Stream
}

func (t *table) join(s network.Stream) {
	t.lock.Lock()
	t.streams = append(t.streams, s)
	t.lock.Unlock()
	go show(s)
}

// show prints what a stream brings as the example does: in green, and no empty lines.
func show(s network.Stream) {
	lines := bufio.NewReader(s)
	for {
		line, err := lines.ReadString('\n')
		if line != "" && line != "\n" {
			fmt.Printf("\x1b[32m%s\x1b[0m> ", line)
		}
		if err != nil {
			return
		}
	}
}

func (t *table) sayAll(lines *bufio.Scanner) {
	for lines.Scan() {
		t.lock.Lock()
		for _, s := range t.streams {
			fmt.Fprintf(s, "%s\n\n", lines.Text())
		}
		t.lock.Unlock()
	}
}

func check(err error) {
	if err != nil {
		log.Fatalln(err)
	}
}
