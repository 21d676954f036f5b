"""The clients of a run: those that want an answer, and those that misbehave. Each returns what became of its requests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import socket
import struct
import time

import plan
import wire

PATIENCE = 100.0  # seconds; an answer that takes longer is a lost request


@dataclasses.dataclass
class Outcome:
    label: str
    kind: str
    form: str
    answer: wire.Answer
    expected: str | None = None
    shape: str = ""
    over: float = 0.0  # when its end was there, by the monotonic clock


CUT = re.compile(r"\n\[\.\.\. \d+ bytes of this text were left out \.\.\.\]\n")


def without_middle(text, expected):
    """Whether `text` is `expected` with the middle of its longest text left out, or the beginning of that: a prompt that fills the
    context leaves little room for its echo."""
    head, *rest = CUT.split(text, maxsplit=1)
    return expected.startswith(head.split("\n[...")[0]) and all(part in expected for part in rest)


def has_gap(text, whole):
    """Whether `text` is `whole` without one piece of it."""
    return any(text == whole[:at] + whole[at + len(whole) - len(text):] for at in range(len(text) + 1))


def strange(outcome, spoilt):
    """What is wrong with an outcome's text, or "". `spoilt`: a fault may have damaged the answer itself."""
    text = outcome.answer.text
    foreign = {found for found in re.findall(r"mark-([0-9x]+)-", text)
               if found != outcome.label and not (spoilt and has_gap(found, outcome.label))}
    if foreign:
        return f"foreign text: {sorted(foreign)} in {text[:400]!r}"
    if spoilt or outcome.answer.end not in ("done", "error"):
        return ""
    whole = outcome.answer.end == "done"
    if outcome.shape == "long":
        same = (plan.FILLER * plan.FILLERS).strip().startswith(text.strip())
    elif outcome.expected is None:
        same = True
    elif outcome.kind == "big" and outcome.shape == "echo":
        same = without_middle(text, outcome.expected)
    else:
        same = text == outcome.expected if whole else outcome.expected.startswith(text)
    return "" if same else f"expected {outcome.expected!r}, got {text!r}"


class Client:
    def __init__(self, spec, port, profile):
        self.spec, self.port, self.profile = spec, port, profile
        self.outcomes = []
        self.abandoned = 0

    def run(self):
        getattr(self, self.spec["kind"].replace("-", "_"))()

    # -- parts ----------------------------------------------------------------------------------------------------

    def asked(self, stream, part=None):
        system, prompt, expected, label = plan.conversation(self.spec, self.profile, part)
        body = wire.body_of(self.spec["form"], system, prompt, stream, self.spec.get("options"),
                            self.spec.get("model", "sim"))
        return wire.request_bytes(self.spec["form"], body), expected, label

    def read(self, connection, stream, on_piece=None):
        """The next answer on the connection, whatever it is."""
        data = b""
        try:
            status, fields = connection.head()
            for piece in connection.pieces(fields):
                data += piece
                if on_piece:
                    on_piece()
        except wire.Cut as cut:
            return wire.Answer("cut", "", 0, f"{cut}; so far {data[-200:]!r}")
        except TimeoutError:
            return wire.Answer("lost", "", 0, f"no end within {PATIENCE} s; so far {data[-200:]!r}")
        except ConnectionError as error:
            return wire.Answer("cut", "", 0, f"{error!r}; so far {data[-200:]!r}")
        return wire.judge(self.spec["form"], stream, status, data)

    def note(self, answer, expected, label):
        self.outcomes.append(Outcome(label, self.spec["kind"], self.spec["form"], answer, expected, self.spec["shape"],
                                     time.monotonic()))

    def connect(self, **more):
        return contextlib.closing(wire.Connection(self.port, PATIENCE, **more))

    def one(self, stream, on_piece=None, **more):
        data, expected, label = self.asked(stream)
        try:
            with self.connect(**more) as connection:
                connection.send(data)
                self.note(self.read(connection, stream, on_piece), expected, label)
        except OSError as error:
            self.note(wire.Answer("refused", detail=repr(error)), expected, label)

    # -- kinds ----------------------------------------------------------------------------------------------------

    def whole(self):
        self.one(stream=False)

    def stream(self):
        self.one(stream=True)

    def wild(self):
        self.one(stream=True)

    def big(self):
        self.one(stream=True)

    def slow(self):
        self.one(stream=True, on_piece=lambda: time.sleep(self.spec["pause"]), receive_buffer=2048)

    def keep(self):
        """Several requests on one connection, each after the answer to the one before."""
        try:
            with self.connect() as connection:
                for part in range(self.spec["count"]):
                    stream = part % 2 == 0
                    data, expected, label = self.asked(stream, part)
                    connection.send(data)
                    answer = self.read(connection, stream)
                    self.note(answer, expected, label)
                    if answer.end != "done":
                        return  # after an error the server may close
        except OSError as error:
            self.note(wire.Answer("refused", detail=repr(error)), None, self.spec["label"])

    def pipeline(self):
        """All requests in one send; answers come in order."""
        wanted = [(part % 2 == 1, *self.asked(part % 2 == 1, part)) for part in range(self.spec["count"])]
        try:
            with self.connect() as connection:
                connection.send(b"".join(data for _, data, _, _ in wanted))
                for stream, _, expected, label in wanted:
                    answer = self.read(connection, stream)
                    if answer.end == "cut" and self.outcomes and self.outcomes[-1].answer.end == "error":
                        self.abandoned += 1  # an error closes the connection, which a pipelining client must expect
                        return
                    self.note(answer, expected, label)
        except OSError as error:
            self.note(wire.Answer("refused", detail=repr(error)), None, self.spec["label"])

    def cancel(self):
        """Reads some pieces, then hangs up."""
        left = [self.spec["pieces"]]

        class Enough(Exception):
            pass

        def count():
            left[0] -= 1
            if left[0] <= 0:
                raise Enough

        data, expected, label = self.asked(True)
        try:
            with self.connect() as connection:
                connection.send(data)
                self.note(self.read(connection, True, count), expected, label)
        except Enough:
            self.abandoned += 1
        except OSError as error:
            self.note(wire.Answer("refused", detail=repr(error)), expected, label)

    def gone(self, data, after, how):
        self.abandoned += 1
        with contextlib.suppress(OSError), self.connect() as connection:
            connection.send(data)
            time.sleep(after)
            if how == "half-close":
                connection.socket.shutdown(socket.SHUT_WR)
                time.sleep(0.05)
            elif how == "reset":
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def leave(self):
        self.gone(self.asked(True)[0], self.spec["after"], self.spec["how"])

    def never(self):
        """Takes not a byte of its answer."""
        self.gone(self.asked(True)[0], 1 + self.spec["after"], "close")

    def half(self):
        data = self.asked(True)[0]
        cut = {"head": 20, "body": len(data) - 10, "half-close": len(data)}[self.spec["part"]]
        self.gone(data[:cut], self.spec["after"], self.spec["part"])

    def burst(self):
        for part in range(self.spec["count"]):
            self.gone(self.asked(True, part)[0], 0, "reset" if part % 2 else "close")

    def bad(self):
        """Nonsense is refused at once, whatever goes on behind."""
        data = self.spec["body"].encode()
        request = (f"POST {wire.PATHS['chat']} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data
        try:
            with self.connect() as connection:
                connection.send(request)
                status, fields = connection.head()
                body = b"".join(connection.pieces(fields))
            good = status in (400, 404) and json.loads(body)["error"]
            answer = wire.Answer("refusal" if good else "not refused", "", status, repr(body[:200]))
        except (OSError, wire.Cut, ValueError, KeyError) as error:
            answer = wire.Answer("cut", detail=repr(error))
        self.note(answer, None, self.spec["label"])

    def look(self):
        """What needs no model answers, whatever goes on behind."""
        for path in ("/api/version", "/api/tags", "/api/ps", "/healthz", "/readyz"):
            try:
                with self.connect() as connection:
                    connection.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    status, fields = connection.head()
                    json.loads(b"".join(connection.pieces(fields)))
                good = status == 200 or (path == "/readyz" and status == 503)
                answer = wire.Answer("look" if good else "not answered", "", status, path)
            except (OSError, wire.Cut, ValueError) as error:
                answer = wire.Answer("cut", detail=f"{path}: {error!r}")
            self.note(answer, None, self.spec["label"])
