"""Many boxes at protocol level, for the edge and the watch alone: health, agent and lists, each box by an address of its own, all of them
in one process. usage: stand_ins.py MODELS_FILE, whose JSON {"10.78.0.1": ["a:latest"]} is read again when it changes."""

from __future__ import annotations

import asyncio
import json
import os
import sys

PORT, AGENT = 11434, 9110


class Models:
    def __init__(self, file):
        self.file, self.stamp, self.of = file, None, {}

    def at(self, address):
        stamp = os.stat(self.file).st_mtime_ns
        if stamp != self.stamp:
            with open(self.file) as file:
                self.stamp, self.of = stamp, json.load(file)
        return self.of.get(address, [])


MODELS = Models(sys.argv[1] if len(sys.argv) > 1 else "")


class Here(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
        self.address = transport.get_extra_info("sockname")[0]


class Api(Here):
    def data_received(self, data):
        self.data += data
        if b"\r\n\r\n" not in self.data:
            return
        path = self.data.split(b" ", 2)[1].decode().partition("?")[0]
        names = MODELS.at(self.address)
        body = {"/api/tags": {"models": [{"name": name, "model": name} for name in names]},
                "/v1/models": {"object": "list", "data": [{"id": name, "object": "model"} for name in names]},
                "/api/ps": {"models": []}}.get(path, {"status": "ready"})
        text = json.dumps(body).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text)
                             + text)
        self.transport.close()


class Agent(Here):
    def data_received(self, data):
        self.data += data
        if b"\n" in self.data:
            self.transport.write(b"ready up 100%\n")
            self.transport.close()


async def main():
    loop = asyncio.get_running_loop()
    await loop.create_server(Api, "0.0.0.0", PORT, backlog=4096)
    await loop.create_server(Agent, "0.0.0.0", AGENT, backlog=4096)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
