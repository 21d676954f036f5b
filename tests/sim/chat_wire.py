"""Talking to the simulated chat servers: whole answers, and streams whose bytes a test can look at."""
import http.client
import json
import re
import socket

from simulated import FAST, request, wait_for

ECHO = {"mode": "echo", "timing": dict(FAST), "tokenizer": {"family": "qwen3"}}
TALK = {"directives": True, "timing": dict(FAST)}


def scenario(base=None, **more):
    out = json.loads(json.dumps(base or TALK))
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key].update(value)
        else:
            out[key] = value
    return out


class Stream:
    """One streamed answer on a socket of its own."""

    def __init__(self, port, path, body, headers=None, address="127.0.0.1"):
        self.sock = socket.create_connection((address, port), 15)
        data = json.dumps(body).encode()
        lines = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
        self.sock.sendall((f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode()
                          + data)
        self.raw = b""

    def read_until(self, mark):
        """Everything that came up to and with these bytes."""
        while mark not in self.raw:
            data = self.sock.recv(1 << 16)
            assert data, f"{mark!r} never came: {self.raw[-400:]!r}"
            self.raw += data
        return self.raw

    def read_all(self):
        """To the end of the answer: of the chunks, of the promised length, or of the connection."""
        def whole():
            head, separator, rest = self.raw.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length:
                return bool(separator) and len(rest) >= int(length.group(1))
            return b"ransfer-Encoding: chunked" in head and rest.endswith(b"0\r\n\r\n")
        while not whole():
            data = self.sock.recv(1 << 16)
            if not data:
                break
            self.raw += data
        return self.raw

    @property
    def head(self):
        return self.raw.partition(b"\r\n\r\n")[0].decode()

    @property
    def body(self):
        head, _, rest = self.raw.partition(b"\r\n\r\n")
        if b"ransfer-Encoding: chunked" not in head:
            return rest
        out = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            out, rest = out + rest[:int(size, 16)], rest[int(size, 16) + 2:]
        return out

    def close(self):
        self.sock.close()


def events(body):
    """Data of the events; [DONE] as that text, comments as ":"."""
    out = []
    for block in body.decode().split("\n\n"):
        if block.startswith(":"):
            out.append(":")
        elif block.startswith("data: "):
            out.append("[DONE]" if block[6:] == "[DONE]" else json.loads(block[6:]))
        else:
            assert block == "", block
    return out


def content(found):
    return "".join(e["choices"][0]["delta"].get("content") or "" for e in found if isinstance(e, dict) and e.get("choices"))


def finish(found):
    return [e["choices"][0]["finish_reason"] for e in found
            if isinstance(e, dict) and e.get("choices") and e["choices"][0]["finish_reason"]]


def user(text):
    return [{"role": "user", "content": text}]


def ask(port, body, path="/v1/chat/completions"):
    return request(port, "POST", path, body)


def streamed(port, body, path="/v1/chat/completions", headers=None):
    stream = Stream(port, path, {**body, "stream": True}, headers)
    stream.read_all()
    stream.close()
    return stream


def runs(program):
    return program.ask(cmd="runs", since=0)["runs"]


def wait_idle(program):
    wait_for(lambda: program.state()["active"] == 0, "the model is idle")


def get(port, path):
    return request(port, "GET", path)


def status_of(address, port, path):
    connection = http.client.HTTPConnection(address, port, timeout=15)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body
