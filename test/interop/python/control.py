"""The line of JSON on which the runner says what to do, and on which it is answered."""

import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import trio
from libp2p.peer.id import ID

from lines import lines

Answer = Mapping[str, object]


class Request:
    """A command with its parameters."""

    def __init__(self, line: bytes) -> None:
        self._fields: dict[str, Any] = json.loads(line)
        self.id = self._fields["id"]
        self.name: str = self._fields["do"]

    def __getitem__(self, parameter: str) -> Any:
        if parameter not in self._fields:
            raise ValueError(f"the command {self.name} wants the parameter {parameter}")
        return self._fields[parameter]

    def get(self, parameter: str, default: Any) -> Any:
        return self._fields.get(parameter, default)

    @property
    def peer(self) -> ID:
        return ID.from_string(self["peer"])


def event(name: str, **fields: object) -> None:
    """Tells the runner what has happened."""
    _print({"event": name, **fields})


async def obey(perform: Callable[[Request], Awaitable[Answer]]) -> None:
    """Performs every command that comes, side by side, until stdin ends or `stop` has been answered."""

    async def answer(request: Request) -> None:
        try:
            _print({"id": request.id, "ok": await perform(request)})
        except Exception as error:
            _print({"id": request.id, "error": describe(error)})
        if request.name == "stop":
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        async for line in lines(_stdin()):
            nursery.start_soon(answer, Request(line))
        nursery.cancel_scope.cancel()


async def _stdin() -> AsyncIterator[bytes]:
    # A thread reads it, since not everything that can be a stdin can be polled.
    while chunk := await trio.to_thread.run_sync(os.read, 0, 65_536, abandon_on_cancel=True):
        yield chunk


def _print(message: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def describe(error: BaseException) -> str:
    """An error and what caused it, in one line; of a group, its members."""
    members = getattr(error, "exceptions", None) or getattr(error, "errors", None)
    if members:
        return "; ".join(map(describe, members))
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return f"{text}, from {describe(error.__cause__)}" if error.__cause__ else text
