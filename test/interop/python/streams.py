"""What every protocol here does with a stream of the library."""

from collections.abc import AsyncIterator

from libp2p.abc import INetStream
from libp2p.io.utils import read_exactly
from libp2p.network.stream.exceptions import StreamEOF

from pattern import BLOCK, COUNT, Digest, pattern


async def chunks(stream: INetStream) -> AsyncIterator[bytes]:
    """What comes, until the other side has ended."""
    while True:
        try:
            yield await stream.read(BLOCK)
        except StreamEOF:
            return


async def end(stream: INetStream) -> None:
    """Ends our side; theirs stays open."""
    # INetStream does not name it, though every stream of the swarm has it.
    await stream.close_write()  # type: ignore[attr-defined]


async def read_count(stream: INetStream) -> int:
    [count] = COUNT.unpack(await read_exactly(stream, COUNT.size))
    return int(count)


async def read_all(stream: INetStream) -> bytes:
    """For short messages: all that comes, to the end."""
    return b"".join([chunk async for chunk in chunks(stream)])


async def digest(stream: INetStream) -> Digest:
    """The digest of all that comes, to the end."""
    seen = Digest()
    async for chunk in chunks(stream):
        seen.add(chunk)
    return seen


async def write_pattern(stream: INetStream, count: int) -> None:
    for block in pattern(count):
        await stream.write(block)
