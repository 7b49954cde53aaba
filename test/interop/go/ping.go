package main

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

func (p *program) ping(a parameters) (any, error) {
	rtts := []float64{}
	err := p.with(a.Peer, ping.ID, func(s network.Stream) error {
		for range a.Count {
			start := time.Now()
			if err := exchange(s, ping.PingSize); err != nil {
				return err
			}
			rtts = append(rtts, milliseconds(time.Since(start)))
		}
		return nil
	})
	return fields{"rtts": rtts}, err
}

func (p *program) ownPing(a parameters) (any, error) {
	ctx, cancel := context.WithTimeout(connected(), identifyTimeout)
	defer cancel()
	result, ok := <-ping.Ping(ctx, p.host, a.Peer)
	if !ok {
		return nil, ctx.Err()
	}
	return fields{"rtt": milliseconds(result.RTT)}, result.Error
}

func milliseconds(d time.Duration) float64 {
	return d.Seconds() * 1000
}
