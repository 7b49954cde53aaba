package main

import (
	"bufio"
	"fmt"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const chatID protocol.ID = "/chat/1.0.0"

// chats are the chat streams that are kept, the newest with each peer.
type chats struct {
	lock    sync.Mutex
	streams map[peer.ID]network.Stream
}

func newChats() *chats {
	return &chats{streams: make(map[peer.ID]network.Stream)}
}

func (c *chats) keep(s network.Stream) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.streams[s.Conn().RemotePeer()] = s
}

func (c *chats) with(id peer.ID) (network.Stream, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if s, ok := c.streams[id]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("there is no chat with %s", id)
}

// serveChat keeps a stream, and makes an event of each line.
func (p *program) serveChat(s network.Stream) {
	p.chats.keep(s)
	p.listenToChat(s)
}

// listenToChat makes an event of each line. Our own side stays open when theirs has ended.
func (p *program) listenToChat(s network.Stream) {
	lines := bufio.NewReader(s)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if text := line[:len(line)-1]; text != "" {
			p.out.event("line", fields{"peer": s.Conn().RemotePeer(), "text": text})
		}
	}
}

func (p *program) chat(a parameters) (any, error) {
	s, err := p.open(a.Peer, chatID)
	if err != nil {
		return nil, err
	}
	// Before the answer: what is said next shall go to this stream, and not to one of a connection that is gone.
	p.chats.keep(s)
	go p.listenToChat(s)
	return fields{}, nil
}

func (p *program) say(a parameters) (any, error) {
	s, err := p.chats.with(a.Peer)
	if err != nil {
		return nil, err
	}
	_, err = s.Write([]byte(a.Text + "\n"))
	return fields{}, err
}
