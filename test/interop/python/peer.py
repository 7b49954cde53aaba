"""The peer program on py-libp2p; see ../README.md for its contract."""

import argparse
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version

import trio
from multiaddr import Multiaddr

from commands import COMMANDS
from control import Answer, Request, event, obey
from node import KEYS, Node, create_node
from serve import serve

REFUSED = 3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="/ip4/127.0.0.1/tcp/0", type=Multiaddr)
    parser.add_argument("--key", default="ed25519", choices=("ed25519", "secp256k1", "ecdsa", "rsa"))
    parser.add_argument("--muxer", default="plain", choices=("early", "plain"))
    parser.add_argument("--security", default="noise", choices=("default", "noise"))
    return parser.parse_args()


def refuse_what_is_missing(wanted: argparse.Namespace) -> None:
    if wanted.key not in KEYS:
        refuse(f"py-libp2p {version('libp2p')} has no keys of the kind {wanted.key}.")
    if wanted.muxer == "early":
        refuse(f"py-libp2p {version('libp2p')} does not negotiate muxers early.")


def refuse(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(REFUSED)


def ready(node: Node) -> Mapping[str, object]:
    return {
        "implementation": "py-libp2p",
        "version": version("libp2p"),
        "peer": str(node.host.get_id()),
        "addresses": [str(address) for address in node.host.get_addrs()],
        "keys": list(KEYS),
    }


async def main(wanted: argparse.Namespace) -> None:
    async with trio.open_nursery() as background:
        node = create_node(wanted.key, wanted.security, background)
        await serve(node)
        async with node.host.run([wanted.listen]):
            # The library keeps silent about an address on which it cannot listen.
            if not node.host.get_addrs():
                raise OSError(f"cannot listen on {wanted.listen}")
            event("ready", **ready(node))
            await obey(lambda request: perform(node, request))
            # The library takes its time to unwind, up to seconds when it is busy.
            os._exit(0)


async def perform(node: Node, request: Request) -> Answer:
    if request.name not in COMMANDS:
        raise ValueError(f"there is no command {request.name}")
    return await COMMANDS[request.name](node, request)


if __name__ == "__main__":
    options = arguments()
    refuse_what_is_missing(options)
    trio.run(main, options)
