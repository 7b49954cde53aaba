"""The host of the library, made as the command line asks, and what its services share."""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio
from libp2p import new_host
from libp2p.abc import IHost, INetConn, INetStream, INetwork, INotifee
from libp2p.crypto.ed25519 import create_new_key_pair as new_ed25519
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.rsa import create_new_key_pair as new_rsa
from libp2p.crypto.secp256k1 import create_new_key_pair as new_secp256k1
from libp2p.crypto.x25519 import create_new_key_pair as new_x25519
from libp2p.custom_types import TProtocol
from libp2p.perf import PerfService
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from multiaddr import Multiaddr

from chat import Chats
from control import event

KEYS: dict[str, Callable[[], KeyPair]] = {
    "ed25519": new_ed25519,
    "secp256k1": new_secp256k1,
    "rsa": new_rsa,
}


class Gate:
    """Holds up whoever waits, until it is opened for all of them at once."""

    def __init__(self) -> None:
        self._opened = trio.Event()

    async def wait(self) -> None:
        await self._opened.wait()

    def open(self) -> None:
        self._opened.set()
        self._opened = trio.Event()


@dataclass
class Node:
    host: IHost
    perf: PerfService
    background: trio.Nursery
    chats: Chats = field(default_factory=Chats)
    hold: Gate = field(default_factory=Gate)


def create_node(key: str, security: str, background: trio.Nursery) -> Node:
    """A node that does not listen yet; `security` is `noise` or the library's `default`."""
    key_pair = KEYS[key]()
    host = new_host(key_pair) if security == "default" else _noise_and_yamux(key_pair)
    host.get_network().register_notifee(Connections())
    return Node(host, PerfService(host), background)


def _noise_and_yamux(key_pair: KeyPair) -> IHost:
    noise = NoiseTransport(key_pair, noise_privkey=new_x25519().private_key)
    return new_host(key_pair, sec_opt={NOISE: noise}, muxer_opt={TProtocol(YAMUX): Yamux})


class Connections(INotifee):
    """Tells the runner of connections; the rest of what the library reports is of no interest."""

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        event("connected", peer=str(conn.muxed_conn.peer_id))

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        event("disconnected", peer=str(conn.muxed_conn.peer_id))

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None: ...
