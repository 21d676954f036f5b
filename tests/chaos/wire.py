"""What goes over the wire, byte for byte: requests of each format, and what their answers are worth. No library between the
test and the socket hides a missing end or a second one."""

from __future__ import annotations

import dataclasses
import json
import socket
import time

MOST_TOKENS = 300  # of any answer; an answer without end gets fewer
ENDLESS_TOKENS = 90

FORMATS = ("chat", "generate", "openai", "responses", "anthropic")
PATHS = {"chat": "/api/chat", "generate": "/api/generate", "openai": "/v1/chat/completions", "responses": "/v1/responses",
         "anthropic": "/v1/messages"}


class Cut(Exception):
    """The connection ended before the answer did."""


def body_of(form, system, prompt, stream, options, model):
    """One conversation, a system prompt and a question, in the words of a wire format."""
    most = ENDLESS_TOKENS if "[[never_end]]" in prompt else MOST_TOKENS
    user = {"role": "user", "content": prompt}
    both = [{"role": "system", "content": system}, user]
    tunables = {"num_predict": most, **(options or {})}
    if form == "chat":
        return {"model": f"{model}:latest", "messages": both, "stream": stream, "options": tunables}
    if form == "generate":
        return {"model": f"{model}:latest", "system": system, "prompt": prompt, "stream": stream, "options": tunables}
    if form == "openai":
        return {"model": f"{model}:latest", "messages": both, "stream": stream, "max_tokens": most}
    if form == "responses":
        return {"model": f"{model}:latest", "instructions": system, "input": prompt, "stream": stream, "max_output_tokens": most}
    return {"model": f"{model}:latest", "system": system, "messages": [user], "stream": stream, "max_tokens": most}


def request_bytes(form, body):
    data = json.dumps(body).encode()
    head = (f"POST {PATHS[form]} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n")
    return head.encode() + data


class Connection:
    """A client's socket; whole answers are read from it, one after another, in pieces as they come."""

    def __init__(self, port, patience, receive_buffer=None):
        self.end = time.monotonic() + patience
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.buffer = b""
        try:
            self._limit()
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise

    def _limit(self):
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self.socket.settimeout(left)

    def send(self, data):
        self._limit()
        self.socket.sendall(data)

    def _more(self):
        self._limit()
        piece = self.socket.recv(65536)
        if not piece:
            raise Cut("the connection was closed in the middle of an answer")
        self.buffer += piece

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def head(self):
        """(status, header fields in lower case)"""
        while True:
            status = int(self._line().split()[1])
            fields = {}
            while line := self._line():
                name, _, value = line.partition(b":")
                fields[name.strip().lower().decode()] = value.strip().decode()
            if status != 100:
                return status, fields

    def pieces(self, fields):
        """The body, chunk by chunk; Cut where its end is missing."""
        if fields.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self._line().split(b";")[0], 16):
                yield self._exactly(size)
                if self._exactly(2) != b"\r\n":
                    raise Cut("a chunk without its end")
            while self._line():
                pass
        else:
            yield self._exactly(int(fields["content-length"]))

    def close(self):
        self.socket.close()


@dataclasses.dataclass
class Answer:
    """What a client got for one request. `end`: "done", "error", or what is wrong."""

    end: str
    text: str = ""
    status: int = 0
    detail: str = ""


def objects_of_lines(data):
    return [json.loads(line) for line in data.split(b"\n") if line.strip()]


def events_of_sse(data):
    """(event name or "", data text) of each event; comments are signs of life."""
    found = []
    for block in data.split(b"\n\n"):
        name, text = "", []
        for line in block.split(b"\n"):
            if line.startswith(b"event:"):
                name = line[6:].strip().decode()
            elif line.startswith(b"data:"):
                text.append(line[5:].strip().decode())
        if text or name:
            found.append((name, "\n".join(text)))
    return found


def one_end(ends, count, text, detail=""):
    """`ends`: (place, kind) of everything that ends a stream of `count` parts: one, and in the last place."""
    if len(ends) != 1:
        return Answer(f"{len(ends)} ends", text, 200, str(ends))
    place, kind = ends[0]
    if place != count - 1:
        return Answer("goes on after its end", text, 200, f"end at {place} of {count}")
    return Answer(kind, text, 200, detail)


def judge_ndjson(form, data):
    lines = objects_of_lines(data)
    text, ends, detail = "", [], ""
    for place, line in enumerate(lines):
        if "error" in line:
            ends.append((place, "error"))
            detail = line["error"]
            continue
        text += line["message"]["content"] if form == "chat" else line["response"]
        if line["done"]:
            ends.append((place, "done"))
    return one_end(ends, len(lines), text, detail)


def judge_openai(data):
    parts = [text for _, text in events_of_sse(data)]
    text, ends, detail, finished = "", [], "", 0
    for place, part in enumerate(parts):
        if part == "[DONE]":
            ends.append((place, "done"))
            continue
        event = json.loads(part)
        if "error" in event:
            ends.append((place, "error"))
            detail = event["error"]["message"]
            continue
        for choice in event["choices"]:
            text += choice["delta"].get("content") or ""
            finished += choice.get("finish_reason") is not None
    answer = one_end(ends, len(parts), text, detail)
    if answer.end == "done" and finished != 1:
        return Answer(f"{finished} finish reasons", text, 200)
    return answer


def judge_responses(data):
    events = [json.loads(text) for _, text in events_of_sse(data)]
    text, ends, detail = "", [], ""
    for place, event in enumerate(events):
        kind = event["type"]
        if kind == "response.output_text.delta":
            text += event["delta"]
        elif kind in ("response.completed", "response.incomplete"):
            ends.append((place, "done"))
        elif kind in ("response.failed", "error"):
            if kind == "error" and events[place - 1]["type"] == "response.failed":
                ends.pop()  # the same end once more, for clients that throw at it
            ends.append((place, "error"))
            detail = json.dumps(event)[:300]
    return one_end(ends, len(events), text, detail)


def judge_anthropic(data):
    events = [(name, json.loads(text)) for name, text in events_of_sse(data) if name != "ping"]
    text, ends, detail = "", [], ""
    for place, (name, event) in enumerate(events):
        if name == "content_block_delta":
            text += event["delta"].get("text", "")
        elif name == "message_stop":
            ends.append((place, "done"))
        elif name == "error":
            ends.append((place, "error"))
            detail = event["error"]["message"]
    return one_end(ends, len(events), text, detail)


def whole_text(form, answer):
    """The text of an answer that was not streamed."""
    if form == "chat":
        return answer["message"]["content"] if answer["done"] is True else None
    if form == "generate":
        return answer["response"] if answer["done"] is True else None
    if form == "openai":
        return answer["choices"][0]["message"]["content"]
    parts = answer["content"] if form == "anthropic" else [
        part for item in answer["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


def error_text(form, body):
    error = json.loads(body)["error"]
    return error if form in ("chat", "generate") else error["message"]


def judge(form, stream, status, data):
    """What a whole HTTP answer is worth to the client that asked for it."""
    try:
        if status != 200:
            return Answer("error", "", status, error_text(form, data))
        if not stream:
            text = whole_text(form, json.loads(data))
            return Answer("done" if text is not None else "not done", text or "", 200)
        if form in ("chat", "generate"):
            return judge_ndjson(form, data)
        return {"openai": judge_openai, "responses": judge_responses, "anthropic": judge_anthropic}[form](data)
    except (ValueError, KeyError, TypeError, IndexError) as wrong:
        return Answer("not understood", "", status, f"{wrong!r} in {data[:300]!r} ... {data[-200:]!r}")
