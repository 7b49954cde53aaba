"""What the runner can ask this peer to do with others."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.host.ping import ID as PING
from libp2p.host.ping import PING_LENGTH, PingService
from libp2p.identity.identify.identify import AGENT_VERSION, PROTOCOL_VERSION
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.identity.identify_push.identify_push import push_identify_to_peers
from libp2p.io.utils import read_exactly
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.utils.varint import read_length_prefixed_protobuf
from multiaddr import Multiaddr

from chat import CHAT
from control import Answer, Request
from node import Node
from pattern import BLOCK, COUNT, pattern, read_message
from serve import ECHO, MUTE, RESET, SINK, SOURCE, handle
from serve import echo as serve_echo
from streams import chunks, digest, end, read_all, write_pattern

MEBIBYTE = 1_048_576


@asynccontextmanager
async def opened(node: Node, peer: ID, *protocols: str) -> AsyncIterator[INetStream]:
    """A stream for one exchange: closed after it, reset when it fails."""
    stream = await node.host.new_stream(peer, [TProtocol(protocol) for protocol in protocols])
    try:
        yield stream
        await stream.close()
    except BaseException:
        with trio.CancelScope(shield=True):
            await stream.reset()
        raise


async def tell_self(node: Node, _request: Request) -> Answer:
    host = node.host
    return {
        "agentVersion": AGENT_VERSION,
        "protocolVersion": PROTOCOL_VERSION,
        "protocols": list(host.get_mux().get_protocols()),
        "listenAddrs": [str(address) for address in host.get_transport_addrs()],
        "publicKey": host.get_public_key().serialize().hex(),
    }


async def dial(node: Node, request: Request) -> Answer:
    info = info_from_p2p_addr(Multiaddr(request["address"]))
    await node.host.connect(info)
    return {"peer": str(info.peer_id)}


async def connections(node: Node, request: Request) -> Answer:
    return {"count": len(node.host.get_network().get_connections(request.peer))}


async def ping(node: Node, request: Request) -> Answer:
    async with opened(node, request.peer, PING) as stream:
        return {"rtts": [await _round_trip(stream) for _ in range(request["count"])]}


async def _round_trip(stream: INetStream) -> float:
    sent = secrets.token_bytes(PING_LENGTH)
    start = time.perf_counter()
    await stream.write(sent)
    if await read_exactly(stream, PING_LENGTH) != sent:
        raise ValueError("the answer to a ping differs from what was sent")
    return (time.perf_counter() - start) * 1000


async def own_ping(node: Node, request: Request) -> Answer:
    [rtt] = await PingService(node.host).ping(request.peer)
    return {"rtt": rtt}


async def identify(node: Node, request: Request) -> Answer:
    await _until_identified(node, request.peer)
    # The address book keeps the rest, pushes included; it drops these three, so they are asked for anew.
    message = await _ask_identify(node, request.peer)
    book = node.host.get_peerstore()
    return {
        "agentVersion": message.agent_version,
        "protocolVersion": message.protocol_version,
        "observedAddr": str(Multiaddr(message.observed_addr)) if message.observed_addr else None,
        "protocols": book.get_protocols(request.peer),
        "listenAddrs": [str(address) for address in book.addrs(request.peer)],
        "publicKey": book.pubkey(request.peer).serialize().hex(),
        "signedPeerRecord": book.get_peer_record(request.peer) is not None,
    }


async def _until_identified(node: Node, peer: ID) -> None:
    # The library asks as soon as a connection stands, and tells nobody when it knows.
    book = node.host.get_peerstore()
    with trio.fail_after(10):
        while not (book.has_peer(peer) and book.get_protocols(peer)):
            await trio.sleep(0.01)


async def _ask_identify(node: Node, peer: ID) -> Identify:
    async with opened(node, peer, IDENTIFY) as stream:
        return Identify.FromString(await read_length_prefixed_protobuf(stream))


async def serve_one_more(node: Node, request: Request) -> Answer:
    handle(node, TProtocol(request["protocol"]), serve_echo)
    # The library leaves it to the program to push.
    await push_identify_to_peers(node.host)
    return {}


async def select(node: Node, request: Request) -> Answer:
    async with opened(node, request.peer, *request["protocols"]) as stream:
        await stream.write(b"hello")
        await end(stream)
        if (back := await read_all(stream)) != b"hello":
            raise ValueError(f"hello came back as {back!r}")
        return {"protocol": stream.get_protocol()}


async def echo(node: Node, request: Request) -> Answer:
    async def send() -> None:
        await write_pattern(stream, request["bytes"])
        await end(stream)

    async with opened(node, request.peer, ECHO) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(send)
        return (await digest(stream)).answer()


async def upload(node: Node, request: Request) -> Answer:
    async with opened(node, request.peer, request.get("protocol", SINK)) as stream:
        await write_pattern(stream, request["bytes"])
        await end(stream)
        return read_message(await read_all(stream))


async def download(node: Node, request: Request) -> Answer:
    async with opened(node, request.peer, SOURCE) as stream:
        await stream.write(COUNT.pack(request["bytes"]))
        await end(stream)
        return (await digest(stream)).answer()


async def mute(node: Node, request: Request) -> Answer:
    async with opened(node, request.peer, MUTE) as stream:
        async for _chunk in chunks(stream):
            raise ValueError("a mute peer has spoken")
        await write_pattern(stream, request["bytes"])
    return {}


async def be_reset(node: Node, request: Request) -> Answer:
    written = 0
    async with opened(node, request.peer, RESET) as stream:
        for block in pattern(256 * MEBIBYTE):
            try:
                await stream.write(block)
            except StreamError:
                return {"written": written}
            written += len(block)
        raise ValueError("256 MiB went out, and no reset came")


async def reset(node: Node, request: Request) -> Answer:
    stream = await node.host.new_stream(request.peer, [SOURCE])
    await stream.write(COUNT.pack(64 * MEBIBYTE))
    await read_exactly(stream, BLOCK)
    await stream.reset()
    return {}


async def release(node: Node, _request: Request) -> Answer:
    node.hold.open()
    return {}


async def streams(node: Node, request: Request) -> Answer:
    count: int = request["count"]
    if request["atOnce"]:
        await _echo_at_once(node, request.peer, count)
    else:
        for _ in range(count):
            async with opened(node, request.peer, ECHO) as stream:
                await _echo_shortly(stream)
    return {"count": count}


async def _echo_at_once(node: Node, peer: ID, count: int) -> None:
    open_now = 0
    all_open = trio.Event()

    async def one() -> None:
        nonlocal open_now
        async with opened(node, peer, ECHO) as stream:
            open_now += 1
            if open_now == count:
                all_open.set()
            await all_open.wait()
            await _echo_shortly(stream)

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(one)


async def _echo_shortly(stream: INetStream) -> None:
    sent = secrets.token_bytes(100)
    await stream.write(sent)
    if await read_exactly(stream, len(sent)) != sent:
        raise ValueError("an echo differs from what was sent")
    await end(stream)
    if rest := await read_all(stream):
        raise ValueError(f"{len(rest)} bytes came after the echo")


async def chat(node: Node, request: Request) -> Answer:
    stream = await node.host.new_stream(request.peer, [CHAT])
    node.chats.keep(stream)
    node.background.start_soon(node.chats.listen, stream)
    return {}


async def say(node: Node, request: Request) -> Answer:
    await node.chats.say(request.peer, request["text"])
    return {}


async def perf(node: Node, request: Request) -> Answer:
    # The service wants an address, and the address book keeps it: it must be a true one, though the connection stands.
    known = node.host.get_peerstore().addrs(request.peer)[0]
    address = known.encapsulate(Multiaddr(f"/p2p/{request.peer}"))
    reports = node.perf.measure_performance(address, request["upload"], request["download"])
    [total] = [report async for report in reports if report["type"] == "final"]
    return {"seconds": total["time_seconds"], "bytes": total["download_bytes"]}


async def close(node: Node, request: Request) -> Answer:
    await node.host.disconnect(request.peer)
    return {}


async def stop(node: Node, _request: Request) -> Answer:
    await node.host.close()
    return {}


COMMANDS: dict[str, Callable[[Node, Request], Awaitable[Answer]]] = {
    "self": tell_self,
    "dial": dial,
    "connections": connections,
    "ping": ping,
    "own-ping": own_ping,
    "identify": identify,
    "handle": serve_one_more,
    "select": select,
    "echo": echo,
    "upload": upload,
    "download": download,
    "mute": mute,
    "be-reset": be_reset,
    "reset": reset,
    "release": release,
    "streams": streams,
    "chat": chat,
    "say": say,
    "perf": perf,
    "close": close,
    "stop": stop,
}
