// The peer program on go-libp2p; its contract is in ../README.md.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	implementation = "go-libp2p"
	library        = "github.com/libp2p/go-libp2p"
	// protocolVersion is empty unless one is chosen.
	protocolVersion = "parley-interop/1.0.0"
)

func main() {
	node, err := newHost(parseChoices())
	if err != nil {
		fmt.Fprintln(os.Stderr, oneLine(err))
		os.Exit(exitCode(err))
	}
	if err := run(node); err != nil {
		fmt.Fprintln(os.Stderr, oneLine(err))
		os.Exit(1)
	}
}

// program is one node and what it remembers between commands.
type program struct {
	host       host.Host
	out        *printer
	identities *identities
	chats      *chats
	hold       *gate
}

// run serves commands until stdin ends.
func run(node host.Host) error {
	p := &program{host: node, out: newPrinter(os.Stdout), identities: newIdentities(), chats: newChats(), hold: newGate()}
	p.serve()
	addresses, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(node))
	if err != nil {
		return err
	}
	// Before the first line nobody knows where to connect to, and nothing may come before it.
	subscription, err := p.subscribe()
	if err != nil {
		return err
	}
	p.out.event("ready", fields{
		"implementation": implementation,
		"version":        libraryVersion(),
		"peer":           node.ID(),
		"addresses":      addresses,
		"keys":           keyKinds(),
	})
	go p.follow(subscription)
	return p.obey(bufio.NewReader(os.Stdin))
}

// agentVersion is what identify tells others; by itself the library would name this module.
func agentVersion() string {
	return implementation + "/" + libraryVersion()
}

// libraryVersion asks the build which version was linked.
func libraryVersion() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range build.Deps {
		if module.Path == library {
			return module.Version
		}
	}
	return ""
}
