"""What others can ask of this peer."""

import sys
from collections.abc import Awaitable, Callable

from libp2p.abc import INetStream
from libp2p.custom_types import StreamHandlerFn, TProtocol
from libp2p.io.utils import read_exactly

from chat import CHAT
from control import describe, event
from node import Node
from pattern import BLOCK
from streams import chunks, digest, end, read_count, write_pattern

ECHO = TProtocol("/interop/echo/1.0.0")
SINK = TProtocol("/interop/sink/1.0.0")
SOURCE = TProtocol("/interop/source/1.0.0")
MUTE = TProtocol("/interop/mute/1.0.0")
RESET = TProtocol("/interop/reset/1.0.0")
HOLD = TProtocol("/interop/hold/1.0.0")

Handler = Callable[[Node, INetStream], Awaitable[None]]


async def serve(node: Node) -> None:
    """Takes up all services; ping and identify are the library's own, and so is perf."""
    await node.perf.start()
    for protocol, handler in HANDLERS.items():
        handle(node, protocol, handler)


def handle(node: Node, protocol: TProtocol, handler: Handler) -> None:
    node.host.set_stream_handler(protocol, _guard(node, handler))


def _guard(node: Node, handler: Handler) -> StreamHandlerFn:
    # An error that left a handler would end the library's whole network service.
    async def guarded(stream: INetStream) -> None:
        try:
            await handler(node, stream)
        except Exception as error:
            print(f"{stream.get_protocol()}: {describe(error)}", file=sys.stderr)
            await stream.reset()

    return guarded


async def echo(_node: Node, stream: INetStream) -> None:
    async for chunk in chunks(stream):
        await stream.write(chunk)
    await stream.close()


async def sink(_node: Node, stream: INetStream) -> None:
    await stream.write((await digest(stream)).message())
    await stream.close()


async def source(_node: Node, stream: INetStream) -> None:
    try:
        await write_pattern(stream, await read_count(stream))
        await stream.close()
    except Exception:
        event("reset", protocol=SOURCE)
        raise


async def mute(_node: Node, stream: INetStream) -> None:
    await end(stream)
    event("received", protocol=MUTE, **(await digest(stream)).answer())
    await stream.close()


async def reset(_node: Node, stream: INetStream) -> None:
    await read_exactly(stream, BLOCK)
    await stream.reset()


async def hold(node: Node, stream: INetStream) -> None:
    await node.hold.wait()
    await sink(node, stream)


async def chat(node: Node, stream: INetStream) -> None:
    node.chats.keep(stream)
    await node.chats.listen(stream)


HANDLERS: dict[TProtocol, Handler] = {
    ECHO: echo,
    SINK: sink,
    SOURCE: source,
    MUTE: mute,
    RESET: reset,
    HOLD: hold,
    CHAT: chat,
}
