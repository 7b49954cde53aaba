package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A reply holds an address at most.
const maxReply = 4096

// redis is one connection to Redis: as much of its protocol as the suites need.
type redis struct {
	connection net.Conn
	reader     *bufio.Reader
}

// connectRedis waits until Redis is up.
func connectRedis(ctx context.Context, address string) (*redis, error) {
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			deadline, _ := ctx.Deadline()
			return &redis{connection, bufio.NewReader(connection)}, connection.SetDeadline(deadline)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("redis cannot be reached: %w", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// pop waits for the head of a list.
func (r *redis) pop(key string, timeout time.Duration) (string, error) {
	reply, err := r.command("BLPOP", key, strconv.Itoa(int(timeout.Seconds())))
	if err != nil {
		return "", err
	}
	if len(reply) != 2 {
		return "", fmt.Errorf("nothing was published under %s in time", key)
	}
	return reply[1], nil
}

// command sends one command and returns the texts of its reply.
func (r *redis) command(words ...string) ([]string, error) {
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(r.connection, request.String()); err != nil {
		return nil, err
	}
	return r.reply()
}

func (r *redis) reply() ([]string, error) {
	line, err := r.reader.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case strings.HasPrefix(line, "+"), strings.HasPrefix(line, ":"):
		return []string{line[1:]}, nil
	case strings.HasPrefix(line, "$"):
		return r.bulk(line[1:])
	case strings.HasPrefix(line, "*"):
		return r.array(line[1:])
	}
	return nil, fmt.Errorf("redis answered %q", line)
}

func (r *redis) bulk(digits string) ([]string, error) {
	length, err := strconv.Atoi(digits)
	if err != nil || length > maxReply {
		return nil, fmt.Errorf("redis announced a text of %s bytes", digits)
	}
	if length < 0 {
		return nil, nil
	}
	text := make([]byte, length+len("\r\n"))
	_, err = io.ReadFull(r.reader, text)
	return []string{string(text[:length])}, err
}

func (r *redis) array(digits string) ([]string, error) {
	length, err := strconv.Atoi(digits)
	if err != nil || length > maxReply {
		return nil, fmt.Errorf("redis announced %s replies", digits)
	}
	var texts []string
	for range length {
		item, err := r.reply()
		if err != nil {
			return nil, err
		}
		texts = append(texts, item...)
	}
	return texts, nil
}
