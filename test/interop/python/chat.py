"""The chat: its streams, of which there is one with each peer, whoever opened it."""

from contextlib import suppress

from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID

from control import event
from lines import lines
from streams import chunks

CHAT = TProtocol("/chat/1.0.0")


class Chats:
    def __init__(self) -> None:
        self._streams: dict[ID, INetStream] = {}

    def keep(self, stream: INetStream) -> None:
        self._streams[stream.muxed_conn.peer_id] = stream

    async def listen(self, stream: INetStream) -> None:
        """Tells the runner each line that comes, until the chat ends or breaks off."""
        peer = str(stream.muxed_conn.peer_id)
        with suppress(StreamError):
            async for line in lines(chunks(stream)):
                if line:
                    event("line", peer=peer, text=line.decode(errors="replace"))

    async def say(self, peer: ID, text: str) -> None:
        if peer not in self._streams:
            raise ValueError(f"there is no chat with {peer}")
        await self._streams[peer].write(f"{text}\n".encode())
