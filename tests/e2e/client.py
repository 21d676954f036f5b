"""A client of the daemon: plain HTTP with or without TLS and a key, and Ollama's chat in the forms the tests use."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time

from running import wait_until

MODEL = "sim:latest"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Stream:
    """A streamed answer: iterate for the decoded lines; `times` holds when each came."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response
        self.status = response.status
        self.times = []

    def __iter__(self):
        while True:
            line = self.response.readline()
            if not line:
                return
            self.times.append(time.monotonic())
            yield json.loads(line)

    def close(self):
        """Hangs up, as a client that has seen enough."""
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()


class LaterStream:
    """A request that is sent now and whose answer is read later, or never."""

    def __init__(self, connection):
        self.connection = connection

    def open(self):
        return Stream(self.connection, self.connection.getresponse())

    def close(self):
        self.connection.close()


class Client:
    """Asks the daemon at `port`, whose owner sets it."""

    port = None
    source = None  # an address and port that it asks from
    tls = None  # an ssl.SSLContext where the configuration has [tls]
    headers = {}  # of every request, such as a key

    def wait_ready(self, timeout=30.0):
        wait_until(lambda: self.get("/readyz").status == 200, timeout, "/readyz says 200\n" + self.log()[-3000:])

    def connect(self, timeout=60):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls,
                                               source_address=self.source)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=self.source)

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = self.connect(timeout)
        try:
            data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
            connection.request(method, path, data, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def chat(self, messages, options=None, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.post("/api/chat", {"model": MODEL, "messages": messages, "stream": False, "options": options or {}, **more})

    def say(self, messages, **more):
        """The answer's text; the request must succeed."""
        reply = self.chat(messages, **more)
        assert reply.status == 200, reply.body
        assert reply.json["done"] is True
        return reply.json["message"]["content"]

    def stream(self, messages, options=None, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        connection = self.connect()
        connection.request("POST", "/api/chat", json.dumps({"model": MODEL, "messages": messages, "options": options or {}, **more}),
                           self.headers)
        return Stream(connection, connection.getresponse())

    def stream_later(self, text):
        connection = self.connect()
        connection.request("POST", "/api/chat",
                           json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}]}), self.headers)
        return LaterStream(connection)
