"""A server of OpenAI's API that means harm, each way by its name in the prompt ("@garbage"), and what Corral makes of it:
`python3 tests/e2e/hostile_runtime.py [seconds]` prints the longest time that one turn held the loop, for each way.

That is processor time of the loop's thread, as CORRAL_LOOP_WATCH tells it; only an optimised build tells anything."""

import asyncio
import contextlib
import json
import pathlib
import re
import socket
import sys
import tempfile
import time

from harness import MODEL, ROOT, Box

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
MUCH = 65536


def event(delta, **more):
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None, **more}]}).encode() + b"\n\n"


def text(words, **more):
    return event({"content": words}, **more)


def tool(index, arguments):
    return {"index": index, "id": f"c{index}", "type": "function", "function": {"name": f"f{index}", "arguments": arguments}}


def chunk(data, extension=b""):
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


def logprobs(tokens):
    one = {"token": "t", "logprob": -0.1, "bytes": [1, 2, 3], "top_logprobs": [{"token": "u", "logprob": -1.0, "bytes": [1]}] * 20}
    return text("x", logprobs={"content": [one] * tokens})


def filled(before, filling, after, size=191 * 1024):
    """As large as one event may be."""
    return before + filling * ((size - len(before) - len(after)) // len(filling)) + after + b"\n\n"


FIRST = text("hi")
# What is sent first, and what then again and again, as fast as it is taken.
RAW = {
    "extension": (HEAD + b"5;", b"x" * MUCH),
    "extensions": (HEAD, chunk(b"\n", b";" + b"e" * 8000)),
    "tiny_chunks": (HEAD, chunk(b"\n") * 8000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 4000),
    "long_header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * MUCH),
    "continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "split_bytes": (HEAD, b"".join(chunk(bytes([one])) for one in FIRST) * 20),
}
BODIES = {
    "returns": (b"", b"\r" * MUCH),
    "returns_later": (FIRST, b"\r" * MUCH),
    "line_ends": (FIRST, b"\r\n" * (MUCH // 2)),
    "comments": (FIRST, b": p\n\n" * (MUCH // 5)),
    "fields": (FIRST, b"a:\n" * (MUCH // 3)),
    "line": (b"data: ", b"x" * MUCH),
    "open_text": (FIRST + b'data: {"choices":[{"delta":{"content":"', b"x" * MUCH),
    "zeros": (FIRST, b"\0" * MUCH),
    "zeros_in_text": (b"", text("\0" * 2000) * 8),
    "logprobs": (b"", logprobs(3000)),
    "logprobs_of_one": (b"", logprobs(1) * 40),
    "deep": (FIRST, b"data: " + b"[" * 100_000 + b"]" * 100_000 + b"\n\n"),
    "keys": (FIRST, b"data: {" + b",".join(b'"k%d":1' % i for i in range(19_000)) + b',"choices":[]}\n\n'),
    "numbers": (FIRST, filled(b'data: {"a":[1', b",1", b'],"choices":[]}')),
    "long_text": (b"", filled(b'data: {"choices":[{"index":0,"delta":{"content":"', b"y", b'"}}]}')),
    "escapes": (b"", filled(b'data: {"choices":[{"index":0,"delta":{"content":"', b"\\u0001", b'"}}]}')),
    "whole": (b"", b'{"a":[' + b"1," * (190 * 1024) + b"1]}"),
    "empty_events": (FIRST, text("") * 300),
    "tokens": (b"", text("word ") * 300),
    "thoughts": (b"", text("<think>") * 300),
    "call_pieces": (b"", event({"tool_calls": [tool(0, '{"a":1')]}) * 200),
    "many_calls": (b"", event({"tool_calls": [tool(i, "{}") for i in range(2000)]})),
    "reasoning": (b"", event({"reasoning_content": "r " * 2000}) * 8),
    "garbage": (b"", bytes(range(256)) * 256),
    "half_characters": (b"", b'data: {"choices":[{"index":0,"delta":{"content":"' + b"\xe2\x82" * 20_000 + b'"}}]}\n\n'),
    "half_marks": (b"", text("<|im_en" * 9000)),
    "calls_in_text": (b"", text("<tool_call>{" * 9000)),
}
KINDS = [*RAW, *BODIES, "drip", "pings", "silence"]


async def attack(kind, out):
    first, more = RAW.get(kind, (HEAD, b""))
    pause = 0.0
    if kind in BODIES:
        begin, again = BODIES[kind]
        first, more = HEAD + (chunk(begin) if begin else b""), chunk(again)
    if kind == "drip":
        more, pause = chunk(b"d"), 0.05
    if kind == "pings":
        more, pause = chunk(b": ping\n\n"), 0.01
    out.write(first)
    while True:
        out.write(more)
        await out.drain()
        await asyncio.sleep(pause if kind != "silence" else 3600)


async def answer(reader, out):
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        kind = re.search(rb"@([a-z_]+)", body)
        if kind:
            return await attack(kind[1].decode(), out)
        if head.startswith(b"POST"):
            out.write(HEAD + chunk(text("good") + event({}, finish_reason="stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            idle = b"[]" if head.startswith(b"GET /slots") else b"{}"
            out.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n" + idle)
        await out.drain()


async def serve(port):
    async def one(reader, out):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(out):
            await answer(reader, out)
    async with await asyncio.start_server(one, "127.0.0.1", port, limit=1 << 24) as server:
        await server.serve_forever()


class HostileBox(Box):
    def config_text(self, extra, model, *_):
        command = json.dumps([sys.executable, "-B", __file__, "serve", "{port}"])
        environment = f'{{ CORRAL_BIN_DIR = "{ROOT}" }}'  # what its modules ask for, and nothing uses
        return (f'profiles = ["{ROOT / "vendor"}"]\n[[models]]\nname = "sim"\nprofile = "llama-server"\npackage = "{self.package}"\n'
                f'family = "qwen2.5"\npreflight = false\n[models.variables]\nmodel_file = "m.gguf"\n[models.services.runtime]\nport = 0\n'
                f"command = {command}\nenvironment = {environment}\n")

    def meet(self, kind, seconds):
        """Bytes of the answer that came in that time, and the longest time that the loop was held, in ms, where it was more than 2."""
        before = len(self.log())
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": f"@{kind}"}], "logprobs": "logprobs" in kind,
                           "top_logprobs": 20}).encode()
        got = 0
        end = time.monotonic() + seconds
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            client.settimeout(0.1)
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    piece = client.recv(1 << 20)
                    got += len(piece)
                    if not piece:
                        break
        held = [float(ms) for ms in re.findall(r"Corral stood still for ([0-9.]+) ms", self.log()[before:])]
        return got, max(held, default=0.0)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        box = HostileBox(pathlib.Path(folder))
        box.start(environment={"CORRAL_LOOP_WATCH": "2"})
        try:
            print("| runtime sends | bytes to the client | loop held, ms |\n|---|---|---|")
            for kind in KINDS:
                got, held = box.meet(kind, seconds)
                print(f"| {kind.replace('_', ' ')} | {got} | {held:.0f} |", flush=True)
        finally:
            box.__exit__()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    else:
        main()
