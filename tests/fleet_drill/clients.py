"""Clients of a fleet: each asks again and again, in all formats, and judges what it gets byte for byte."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import threading
import time

import wire

PATIENCE = 180.0  # seconds
WORDS = "river stone lamp garden winter paper silver road bread window clock forest letter island morning bridge".split()
FORMS = ("chat", "chat", "generate", "openai", "openai", "responses", "anthropic")


@dataclasses.dataclass
class Outcome:
    mark: str
    model: str
    form: str
    stream: bool
    begun: float
    end: str = ""  # "done", "left" (by itself), "error" or "cut" behind a beginning; what else is wrong
    status: int = 0
    first: float = 0.0  # seconds until the first byte of its text; 0: none
    lasted: float = 0.0
    again: int = 0  # requests on a connection that had ended meanwhile, sent once more
    detail: str = ""


GOOD = ("done", "left")
BEGUN = ("error", "cut")  # what a fault may do to an answer of which something was sent


def text_so_far(form, data):
    """Of a stream without its end."""
    cut = data[: data.rfind(b"\n\n") + 2] if form not in ("chat", "generate") else data[: data.rfind(b"\n") + 1]
    if form == "chat":
        return "".join(line["message"]["content"] for line in wire.objects_of_lines(cut))
    if form == "generate":
        return "".join(line["response"] for line in wire.objects_of_lines(cut))
    text = ""
    for _, part in wire.events_of_sse(cut):
        event = {} if part == "[DONE]" else json.loads(part)
        if form == "openai":
            text += "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))
        elif event.get("type") == "response.output_text.delta":
            text += event["delta"]
        elif event.get("type") == "content_block_delta":
            text += event["delta"].get("text", "")
    return text


def ends_so_far(form, data):
    marks = {"chat": rb'"done": ?true', "generate": rb'"done": ?true', "openai": rb"data: \[DONE\]",
             "responses": rb'"type": ?"response\.(?:completed|failed)"', "anthropic": rb'"type": ?"message_stop"'}
    return len(re.findall(marks[form], data))


class Client(threading.Thread):
    def __init__(self, number, port, key, models, over, words=(8, 50), leaves=0.05, pause=0.0):
        super().__init__(daemon=True)
        self.number, self.port, self.key, self.models, self.over = number, port, key, models, over
        self.words, self.leaves, self.wait = words, leaves, pause
        self.dice = random.Random(number)
        self.connection, self.fresh = None, True
        self.outcomes = []
        self.now = None  # when the request under way began

    def run(self):
        turn = 0
        while not self.over.is_set():
            turn += 1
            self.outcomes.append(self.one(f"m-{self.number}-{turn}-"))
            self.now = None
            if self.wait:
                self.over.wait(self.dice.uniform(0, 2 * self.wait))
        self.hang_up()

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def request(self, form, model, text, stream):
        body = wire.body_of(form, "You are a clerk.", f"[[model={text}]]", stream)
        body["model"] = model
        return wire.request_bytes(form, body).replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {self.key}\r\n\r\n".encode(), 1)

    def one(self, mark):
        form, model, stream = self.dice.choice(FORMS), self.dice.choice(self.models), self.dice.random() < 0.75
        words = [self.dice.choice(WORDS) for _ in range(self.dice.randint(*self.words))]
        text = f"{mark} {' '.join(words)} {mark}"
        out = Outcome(mark, model, form, stream, time.monotonic())
        self.now = out.begun
        leave = self.dice.randint(1, 6) if stream and self.dice.random() < self.leaves else 0
        data = self.request(form, model, text, stream)
        for again in range(2):
            state = self.ask(data, out, leave)
            # A connection that the server had closed while nothing was under way: every client asks once more.
            if state is not None or self.fresh or again:
                break
            self.hang_up()
            out.again += 1
        out.lasted = time.monotonic() - out.begun
        self.judge(out, state, f"{model} {text}", mark)
        if out.end != "done" or self.dice.random() < 0.5:
            self.hang_up()
        return out

    def ask(self, data, out, leave):
        """(status, body, how it ended); None where the connection ended before the first byte of an answer."""
        body, status = b"", 0
        try:
            self.fresh = self.connection is None
            if self.fresh:
                self.connection = wire.Connection(self.port, PATIENCE)
            self.connection.end = time.monotonic() + PATIENCE
            self.connection.send(data)
            status, fields = self.connection.head()
            pieces = 0
            for piece in self.connection.pieces(fields):
                out.first = out.first or time.monotonic() - out.begun
                body += piece
                pieces += 1
                if leave and pieces >= leave:
                    return status, body, "left"
            return status, body, "whole"
        except TimeoutError:
            return status, body, "lost"
        except (wire.Cut, ConnectionError) as error:
            out.detail = repr(error)
            return (status, body, "cut") if status else None

    def judge(self, out, state, expected, mark):
        if state is None:
            out.end = "no answer"
            return
        out.status, body, how = state
        if how == "lost":
            out.end, out.detail = "lost", repr(body[-200:])
        elif how == "whole":
            answer = wire.judge(out.form, out.stream, out.status, body)
            out.end, out.detail = answer.end, answer.detail
            text = answer.text
            if out.end == "error" and out.status != 200:
                out.end = "refused"
                return
            if out.end == "done" and text != expected or out.end == "error" and not expected.startswith(text):
                out.end, out.detail = "foreign text", f"expected {expected!r}, got {text!r}"
        elif not out.stream:
            out.end = "cut"
        else:
            text = text_so_far(out.form, body)
            out.end = how
            if not expected.startswith(text):
                out.end, out.detail = "foreign text", f"expected {expected!r}, got {text!r}"
            elif ends_so_far(out.form, body):
                out.end, out.detail = "end without the connection's", repr(body[-300:])
        strangers = {found for found in re.findall(r"m-\d+-\d+-", body.decode(errors="replace")) if found != mark}
        if strangers:
            out.end, out.detail = "foreign text", str(strangers)


class Crowd:
    def __init__(self, count, port, key, models, **more):
        self.over = threading.Event()
        self.clients = [Client(number, port, key, models, self.over, **more) for number in range(count)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for client in self.clients:
            client.join(PATIENCE + 10)

    def outcomes(self):
        return [one for client in self.clients for one in client.outcomes]

    def stuck(self):
        return [client.number for client in self.clients if client.is_alive()]


class Probe(threading.Thread):
    """Asks for a model's facts all the time, which any of its boxes tells at once: how long nobody could be reached."""

    def __init__(self, port, key, model, over, every=0.05):
        super().__init__(daemon=True)
        self.port, self.key, self.model, self.over, self.every = port, key, model, over, every
        self.seen = []  # (begun, ended, status or 0)

    def run(self):
        data = json.dumps({"model": self.model}).encode()
        request = (f"POST /api/show HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\nContent-Length: {len(data)}\r\n"
                   "Connection: close\r\n\r\n").encode() + data
        while not self.over.wait(self.every):
            begun, status = time.monotonic(), 0
            try:
                connection = wire.Connection(self.port, 30)
                try:
                    connection.send(request)
                    status, fields = connection.head()
                    for _ in connection.pieces(fields):
                        pass
                finally:
                    connection.close()
            except (OSError, wire.Cut):
                status = 0
            self.seen.append((begun, time.monotonic(), status))

    def refused(self, since, until):
        """The longest time, in seconds, of a span in which no probe was answered with 200."""
        longest, bad = 0.0, None
        for begun, ended, status in list(self.seen):
            if begun < since or (begun > until and bad is None):
                continue
            if status != 200:
                bad = begun if bad is None else bad
            elif bad is not None:
                longest, bad = max(longest, ended - bad), None
        return longest
