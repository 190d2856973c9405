"""The floor: a protocol on uvloop that gives the same bytes for every request: `python floor.py
PORT lines|http FILE`.

What it costs is the least that a server in Python pays for bytes in and bytes out: uvloop, a call
for what has come, finding the requests in it (of HTTP, by httptools), and one write.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httptools
import uvloop


class Lines(asyncio.Protocol):
    answer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(self.answer * data.count(b"\n"))  # the load sends whole lines


class Http(asyncio.Protocol):
    answer = b""

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.complete = 0

    def on_message_complete(self):
        self.complete += 1

    def data_received(self, data):
        self.parser.feed_data(data)
        self.transport.write(self.answer * self.complete)
        self.complete = 0


async def main(port, kind, file):
    kind.answer = Path(file).read_bytes()
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), {"lines": Lines, "http": Http}[sys.argv[2]], sys.argv[3]))
