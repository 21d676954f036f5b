"""Many clients, one runtime."""

import http.client
import json
import os
import pathlib
import re
import resource
import socket
import threading
import time

from harness import MODEL, Box, resident_kib, strain, wait_until
from keyed_box import bearer, make_box, new_key


def in_threads(count, work):
    results = [None] * count

    def call(k):
        results[k] = work(k)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(count)]
    for k, thread in enumerate(threads):
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return results


def cpu_seconds(pid):
    fields = pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waiting(box):
    return box.get("/readyz").json["queue"]["waiting"]


def test_ten_clients_at_once_are_all_answered_in_order_and_not_mixed(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 200}}) as box:
        first = box.stream("[[n=400]] holds the runtime")
        order = []
        lock = threading.Lock()

        def ask(k):
            wait_until(lambda: waiting(box) == k, what=f"{k} wait")
            answer = box.say(f"[[text=answer for client {k}]] question {k}")
            with lock:
                order.append(k)
            return answer

        next(iter(first))
        answers = in_threads(10, ask)
        assert answers == [f"answer for client {k}" for k in range(10)]
        asked = [run["kv_text"] for run in box.runs() if "question" in run["kv_text"]]
        assert [int(p.split("question ")[1].split("<")[0]) for p in asked] == list(range(10))


def test_a_stream_tells_its_place_while_it_waits(tmp_path):
    """In the formats whose streams have comments, with the figures of that moment."""
    with Box(tmp_path, {"directives": True}, config='silence = "100ms"\nfirst_byte = "100ms"\n') as box:
        holder = box.stream("[[never_end]]")
        next(iter(holder))
        waits = []
        for path in ("/v1/chat/completions", "/v1/messages"):
            body = {"model": MODEL, "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "[[text=done]]"}]}
            connection = box.connect()
            connection.request("POST", path, json.dumps(body), {**box.headers, "Content-Type": "application/json"})
            wait_until(lambda: waiting(box) == len(waits) + 1, what="it waits")
            waits.append((connection, connection.getresponse()))
        for place, (_, reply) in enumerate(waits, 1):
            assert reply.status == 200 and reply.headers["Corral-Queue-Position"] == str(place)
            lines = (line.decode() for line in reply)
            assert next(line for line in lines if line.startswith(": queue")).startswith(f": queue position={place}")
        holder.close()
        for connection, reply in waits:
            assert b"done" in reply.read()
            connection.close()


def headed(box, text, **headers):
    """A chat, not streamed, with headers; its connection, whose answer is still to come."""
    connection = box.connect()
    body = {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": text}]}
    connection.request("POST", "/api/chat", json.dumps(body), {**box.headers, "Content-Type": "application/json", **headers})
    return connection


def test_people_go_before_jobs_by_header_key_and_shape(tmp_path):
    box = make_box(tmp_path)
    nightly, anna = bearer(new_key(box, "nightly")), box.headers
    box.config_file.write_text(box.config_file.read_text() + '\n[batch]\nkeys = ["nightly"]\n')
    with box:
        holder = box.stream("[[never_end]]")
        next(iter(holder))
        came = []
        for text, headers in (("job by key", nightly), ("### Task: a title", anna), ("job by header", {**anna, "X-Corral-Priority": "batch"}),
                              ("a key stays a job", {**nightly, "X-Corral-Priority": "interactive"}), ("a person", anna),
                              ("### Task: of a person", {**anna, "X-Corral-Priority": "interactive"})):
            came.append(headed(box, f"{text} [[text=done]]", **headers))
            wait_until(lambda: waiting(box) == len(came), what=f"{text} waits")
        holder.close()
        for connection in came:
            assert b"done" in connection.getresponse().read()
        words = ("by key", "a title", "by header", "stays a job", "a person")
        order = [next(text for text in words if text in run["kv_text"]) for run in box.runs() if "text=done" in run["kv_text"]]
        assert len(order) == 6 and order[:2] == ["a person"] * 2 and "a person" not in order[2:], order


def test_an_answer_that_the_requests_own_limit_ends_is_not_the_servers_alone(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 20}}) as box:
        answer = headed(box, "[[never_end]]", **{"X-Request-Timeout": "1s"}).getresponse()
        assert answer.status == 504 and "longer than it may" in json.loads(answer.read())["error"]


def test_what_would_be_too_late_is_refused_at_once(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 20}}) as box:
        box.say("[[n=60]]")  # three seconds: what a lease takes here
        holder = box.stream("[[never_end]]")
        next(iter(holder))
        waits = headed(box, "[[text=done]]")
        wait_until(lambda: waiting(box) == 1, what="it waits")
        begun = time.monotonic()
        answer = headed(box, "late", **{"X-Request-Timeout": "2s"}).getresponse()
        said = json.loads(answer.read())["error"]
        assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, (answer.status, said)
        assert re.search(r"turn would come in about \d+ s", said), said
        assert time.monotonic() - begun < 2, "it was not kept waiting until its deadline"
        assert waiting(box) == 1
        unread = headed(box, "[[text=read]]", **{"X-Request-Timeout": "soon"})
        wait_until(lambda: waiting(box) == 2, what="a value without a meaning changes nothing")
        holder.close()
        for connection, text in ((waits, b"done"), (unread, b"read")):
            assert text in connection.getresponse().read()


def test_beyond_the_bound_the_answer_is_503_with_retry_after(tmp_path):
    with Box(tmp_path, {"directives": True}, config="max_queue = 2") as box:
        holder = box.stream("[[never_end]]")
        next(iter(holder))
        waiters = [box.stream_later(f"[[n=3]] {k}") for k in range(2)]
        wait_until(lambda: waiting(box) == 2, what="two wait")
        refused = box.chat("one too many")
        assert refused.status == 503
        assert refused.json == {"error": "server busy, please try again.  maximum pending requests exceeded"}
        assert int(refused.headers["Retry-After"]) >= 1
        holder.close()
        for waiter in waiters:
            assert list(waiter.open())[-1]["done"] is True


def test_a_reader_that_stalls_does_not_delay_the_next_client(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 2000}}) as box:
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.connect(("127.0.0.1", box.port))
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "[[n=1500]]"}]})
        lazy.sendall(f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        wait_until(lambda: box.runtime_state()["running"], what="the lazy reader's run")
        begun = time.monotonic()
        assert box.say("[[text=quick]]") == "quick"
        # 1,500 tokens at 2,000 a second; the 30 s after which a stalled write is given up would show.
        assert time.monotonic() - begun < min(20 * strain(), 28)
        lazy.close()


def test_waiting_clients_that_leave_free_their_places(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        holder = box.stream("[[never_end]]")
        next(iter(holder))
        waiters = [box.stream_later(f"gone {k}") for k in range(5)]
        wait_until(lambda: waiting(box) == 5, what="five wait")
        for waiter in waiters:
            waiter.close()
        wait_until(lambda: waiting(box) == 0, what="all have left")
        holder.close()
        box.say("next")
        assert not [run for run in box.runs() if "gone" in run["kv_text"]]


def test_half_closed_and_pipelining_clients_do_not_spin(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 20}}) as box:
        pipelining = socket.create_connection(("127.0.0.1", box.port))
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "[[n=30]]"}]})
        ask = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        pipelining.sendall((ask + "GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n").encode())
        pipelining.recv(10)
        before = cpu_seconds(box.process.pid)
        begun = time.monotonic()
        answer = b""
        while b'"version"' not in answer:
            piece = pipelining.recv(65536)
            assert piece, answer
            answer += piece
        assert answer.index(b'"done":true') < answer.index(b'"version"')
        spent = cpu_seconds(box.process.pid) - before
        assert spent < 0.5 * (time.monotonic() - begun)

        half = socket.create_connection(("127.0.0.1", box.port))
        half.sendall(ask.encode())
        half.recv(10)
        half.shutdown(socket.SHUT_WR)
        wait_until(lambda: not box.runtime_state()["running"], 5, "half-closed means gone")
        before = cpu_seconds(box.process.pid)
        box.say("[[n=10]] after")
        assert cpu_seconds(box.process.pid) - before < 0.4
        half.close()


def test_a_client_closes_midstream_and_the_runtime_is_idle_within_bursts(tmp_path):
    """Goal: two bursts and a round trip; here ten times that."""
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 50}}) as box:
        stream = box.stream("[[never_end]]")
        lines = iter(stream)
        for _ in range(3):
            next(lines)
        stream.close()
        wait_until(lambda: not box.runtime_state()["running"], 1.2, "runtime idle again")
        assert box.say("[[text=right]]") == "right"


def test_a_thousand_idle_connections_cost_little_and_service_goes_on(tmp_path):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # a person's shell has 1,024
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Box(tmp_path) as box:
        before = resident_kib(box.process.pid)
        idle = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(1000)]
        half_sent = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(50)]
        for connection in half_sent:
            connection.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        assert box.chat("still there").status == 200
        assert resident_kib(box.process.pid) - before < 40 * 1024
        for connection in idle + half_sent:
            connection.close()


def test_fair_between_clients(tmp_path):
    """One client with many requests does not starve another: 127.0.0.1 floods, 127.0.0.2 asks once."""
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 200}}) as box:
        holder = box.stream("[[n=400]] holder")
        next(iter(holder))
        flood = [box.stream_later(f"[[n=3]] flood {k}") for k in range(6)]
        wait_until(lambda: waiting(box) == 6, what="the flood waits")
        connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=60, source_address=("127.0.0.2", 0))
        connection.request("POST", "/api/chat", json.dumps(
            {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": "[[n=3]] single"}]}))
        assert connection.getresponse().status == 200
        for one in flood:
            assert list(one.open())[-1]["done"] is True
        prompts = [run["kv_text"] for run in box.runs()]
        place = [k for k, p in enumerate(prompts) if "single" in p][0]
        after = [p for p in prompts[place:] if "flood" in p]
        assert len(after) >= 4


def test_a_full_queue_of_one_client_lets_another_in(tmp_path):
    """127.0.0.1 takes every place; 127.0.0.2 is served all the same, and the newest of the flood is told when to come again."""
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 200}}, config="max_queue = 4") as box:
        holder = box.stream("[[n=400]] holder")
        next(iter(holder))
        flood = []
        for k in range(4):
            flood.append(box.stream_later(f"[[n=3]] flood {k}"))
            wait_until(lambda: waiting(box) == k + 1, what="one more waits")
        beyond = box.chat("flood 4")
        assert beyond.status == 503 and int(beyond.headers["Retry-After"]) >= 1
        connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=60, source_address=("127.0.0.2", 0))
        connection.request("POST", "/api/chat", json.dumps(
            {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": "[[text=single]]"}]}))
        yielded = flood.pop().open()
        assert yielded.status == 503 and int(yielded.response.getheader("Retry-After")) >= 1, "the newest of the flood yields"
        assert connection.getresponse().status == 200
        for one in flood:
            assert list(one.open())[-1]["done"] is True


def test_readyz_tells_that_a_model_is_loaded_for_those_who_wait(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"load_ms": 3000}}) as box:
        assert box.post("/api/generate", {"model": MODEL, "keep_alive": 0}).json["done_reason"] == "unload"
        wait_until(lambda: box.get("/readyz").json["models"][0]["state"] == "unloaded", what="it is unloaded")
        assert "waiting" not in box.get("/readyz").json["models"][0]
        later = [box.stream_later(f"[[n=2]] number {k}") for k in range(3)]
        seen = wait_until(lambda: (lambda now: now["models"][0].get("waiting") == 3 and now)(box.get("/readyz").json), what="three wait")
        assert seen["models"][0]["state"] == "loading"
        wait_until(lambda: box.get("/readyz").json["queue"]["estimate_seconds"] in range(1, 60), what="the load counts")
        for one in later:
            assert list(one.open())[-1]["done"] is True
        assert "waiting" not in box.get("/readyz").json["models"][0]
