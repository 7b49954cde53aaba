// Command participant is go-libp2p as one side of a test of libp2p/test-plans or libp2p/unified-testing, for TCP, Noise and
// yamux. The listener publishes its address in Redis and stays; the dialer takes it, dials, pings once and prints what that
// took. Logs go to stderr.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const jsonReport = "{\"handshakePlusOneRTTMillis\": %.3f, \"pingRTTMilllis\": %.3f}\n"
const yamlReport = "latency:\n  handshake_plus_one_rtt: %.3f\n  ping_rtt: %.3f\n  unit: ms\n"

type settings struct {
	isDialer bool
	ip       string
	redis    string
	key      string
	timeout  time.Duration
	report   string
}

func main() {
	settings, err := readEnvironment()
	if err != nil {
		log.Print(err)
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), settings.timeout)
	defer cancel()
	if settings.isDialer {
		err = dial(ctx, settings)
	} else {
		err = listen(ctx, settings)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func readEnvironment() (settings, error) {
	if os.Getenv("IS_DIALER") != "" {
		key := os.Getenv("TEST_KEY") + "_listener_multiaddr"
		return readVariables("IS_DIALER", "TRANSPORT", "SECURE_CHANNEL", "MUXER", "LISTENER_IP", "REDIS_ADDR", "TEST_TIMEOUT_SECS", key, yamlReport)
	}
	return readVariables("is_dialer", "transport", "security", "muxer", "ip", "redis_addr", "test_timeout_seconds", "listenerAddr", jsonReport)
}

func readVariables(role, transport, security, muxer, ip, redis, timeout, key, report string) (settings, error) {
	spoken := strings.Join([]string{os.Getenv(transport), os.Getenv(security), os.Getenv(muxer)}, ", ")
	if spoken != "tcp, noise, yamux" {
		return settings{}, fmt.Errorf("this program speaks tcp, noise, yamux, not %s", spoken)
	}
	seconds, err := strconv.Atoi(variable(timeout, "180"))
	return settings{
		isDialer: os.Getenv(role) == "true",
		ip:       variable(ip, "0.0.0.0"),
		redis:    variable(redis, "redis:6379"),
		key:      key,
		timeout:  time.Duration(seconds) * time.Second,
		report:   report,
	}, err
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func newHost(listen libp2p.Option) (host.Host, error) {
	return libp2p.New(
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		listen,
	)
}

func listen(ctx context.Context, settings settings) error {
	node, err := newHost(libp2p.ListenAddrStrings("/ip4/" + settings.ip + "/tcp/0"))
	if err != nil {
		return err
	}
	address, err := publicAddress(node)
	if err != nil {
		return err
	}
	redis, err := connectRedis(ctx, settings.redis)
	if err != nil {
		return err
	}
	if _, err := redis.command("RPUSH", settings.key, address); err != nil {
		return err
	}
	log.Print("published ", address)
	<-ctx.Done()
	return errors.New("nobody stopped the listener")
}

func publicAddress(node host.Host) (string, error) {
	for _, address := range node.Addrs() {
		if text := address.String(); !strings.HasPrefix(text, "/ip4/127.") {
			return text + "/p2p/" + node.ID().String(), nil
		}
	}
	return "", errors.New("this machine has no address but loopback")
}

func dial(ctx context.Context, settings settings) error {
	node, err := newHost(libp2p.NoListenAddrs)
	if err != nil {
		return err
	}
	redis, err := connectRedis(ctx, settings.redis)
	if err != nil {
		return err
	}
	address, err := redis.pop(settings.key, settings.timeout)
	if err != nil {
		return err
	}
	listener, err := peer.AddrInfoFromString(address)
	if err != nil {
		return err
	}
	log.Print("dials ", address)
	begin := time.Now()
	if err := node.Connect(ctx, *listener); err != nil {
		return err
	}
	result := <-ping.Ping(ctx, node, listener.ID)
	if result.Error != nil {
		return result.Error
	}
	fmt.Printf(settings.report, milliseconds(time.Since(begin)), milliseconds(result.RTT))
	return node.Close()
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration.Microseconds()) / 1000
}
