package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// fields are the members of a JSON object.
type fields map[string]any

// printer writes JSON objects, one a line, from any goroutine.
type printer struct {
	lock    sync.Mutex
	encoder *json.Encoder
}

func newPrinter(w io.Writer) *printer {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &printer{encoder: encoder}
}

func (p *printer) print(object fields) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if err := p.encoder.Encode(object); err != nil {
		// Nobody listens any more.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (p *printer) event(name string, about fields) {
	about["event"] = name
	p.print(about)
}

// request is the part of a command line that every command has.
type request struct {
	ID json.RawMessage
	Do string
}

// parameters are those of all commands.
type parameters struct {
	Peer      peer.ID
	Address   string
	Text      string
	Protocol  protocol.ID
	Protocols []protocol.ID
	Count     int
	AtOnce    bool
	Bytes     uint64
	Upload    uint64
	Download  uint64
}

// obey carries out the commands that come, side by side, until there are no more.
func (p *program) obey(lines *bufio.Reader) error {
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		go p.answer(line)
	}
}

func (p *program) answer(line []byte) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		p.out.print(fields{"id": nil, "error": oneLine(err)})
		return
	}
	result, err := p.execute(r.Do, line)
	if err != nil {
		p.out.print(fields{"id": r.ID, "error": oneLine(err)})
		return
	}
	p.out.print(fields{"id": r.ID, "ok": result})
	if r.Do == "stop" {
		os.Exit(0)
	}
}

func (p *program) execute(name string, line []byte) (any, error) {
	command, ok := commands[name]
	if !ok {
		return nil, fmt.Errorf("there is no command %q", name)
	}
	var a parameters
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, err
	}
	return command(p, a)
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
