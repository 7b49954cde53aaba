"""The bytes that are sent, and the digest of those that came."""

import hashlib
import struct
from collections.abc import Iterator

BLOCK = 65_536
DIGEST_MESSAGE = struct.Struct(">Q32s")
COUNT = struct.Struct(">Q")


def pattern(count: int) -> Iterator[bytes]:
    """The first `count` bytes of the pattern: block k is k, over and over."""
    for k, start in enumerate(range(0, count, BLOCK)):
        block = struct.pack(">I", k) * (BLOCK // 4)
        yield block[: count - start]


class Digest:
    """How many bytes came, and their SHA-256."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        self.count += len(chunk)
        self._hash.update(chunk)

    def answer(self) -> dict[str, object]:
        return {"bytes": self.count, "sha256": self._hash.hexdigest()}

    def message(self) -> bytes:
        return DIGEST_MESSAGE.pack(self.count, self._hash.digest())


def read_message(message: bytes) -> dict[str, object]:
    """What a digest message says, in the form of `Digest.answer`."""
    if len(message) != DIGEST_MESSAGE.size:
        raise ValueError(f"a digest message has {DIGEST_MESSAGE.size} bytes, this one {len(message)}")
    count, sha256 = DIGEST_MESSAGE.unpack(message)
    return {"bytes": count, "sha256": sha256.hex()}
