"""The bytes of the HTTP answers, against what the original was seen to send (data/wire_cases.json)."""
import base64
import json
import os
import threading

from simulated import exchange, request, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CORS = ("Access-Control-Allow-Origin", "*")
KEEP = ("Keep-Alive", "timeout=5, max=5")
# What a newer release of the simulator's HTTP library refuses before any route sees it: 'abc' or a negative number for a length and
# more than 100 headers. Corral sends none of these.
STRICTER = ("POST content-length abc", "200 headers")


def refused_by_library(answer):
    return (answer.status, answer.body) == (400, b"")


def cases():
    with open(os.path.join(HERE, "data", "wire_cases.json")) as f:
        return json.load(f)


def raw_request(case):
    body = base64.b64decode(case["body_base64"]) if "body_base64" in case else case["body"].encode()
    return f"{case['method']} {case['path']} HTTP/1.1\r\n{case['head']}\r\n\r\n".encode() + body


def differences(case, answer):
    out = []
    if case["name"].endswith(STRICTER) and refused_by_library(answer):
        return out
    if answer.status != case["status"]:
        out.append(f"status {answer.status}, expected {case['status']}")
    if answer.header_list != [tuple(h) for h in case["headers"]]:
        out.append(f"headers {answer.header_list}, expected {case['headers']}")
    if answer.body.decode() != case["answer"]:
        out.append(f"body {answer.body!r}, expected {case['answer']!r}")
    return [f"{case['name']}: {d}" for d in out]


def test_every_recorded_request_is_answered_as_recorded(pair):
    p = pair({"timing": {"tokens_per_second": 100000}})
    p.reset()
    problems = []
    count = 0
    for case in cases():
        if case["busy"]:
            continue
        p.idle()
        p.poll()
        if case["path"] == "/api/generate" and case["status"] == 200:
            p.reset()
        problems += differences(case, exchange(p.port, raw_request(case), case["method"] == "HEAD"))
        count += 1
    assert count > 100
    assert not problems, "\n".join(problems)


def test_recorded_requests_while_a_generation_runs(pair):
    p = pair({"directives": True, "timing": {"tokens_per_second": 20}})
    p.reset()
    p.generate("[[never_end]]")
    wait_for(lambda: p.state()["phase"] == "decode", "decoding")
    problems = []
    for case in cases():
        if case["busy"]:
            problems += differences(case, exchange(p.port, raw_request(case), case["method"] == "HEAD"))
    assert not problems, "\n".join(problems)


def test_odd_request_lines(pair):
    p = pair()
    ok = b'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 16\r\nContent-Type: application/json\r\n' \
         b'Keep-Alive: timeout=5, max=5\r\n\r\n{"status": "ok"}'
    bad = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nKeep-Alive: timeout=5, max=5\r\n\r\n"
    stop = b"GET /api/stop HTTP/1.1\r\nHost: a\r\n\r\n"
    assert exchange(p.port, b"GET /api/stop HTTP/1.0\r\n\r\n").raw == ok
    assert exchange(p.port, b"GET /api/stop HTTP/1.1\r\n\r\n").raw == ok
    assert exchange(p.port, stop).raw == ok
    for raw in (b"GET /api/stop HTTP/2.0\r\nHost: a\r\n\r\n", b"GET /api/stop HTTP/1.1\n\n", b"\r\n" + stop,
                b"FOO /api/stop HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\r\n",
                b"GET /api/stop HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n"):
        answer = exchange(p.port, raw).raw
        # A newer library takes no bare line feed for the end of a line, and waits for that end.
        assert answer == bad or (raw.endswith(b"\n\n") and answer == b""), raw[:60]
    not_found = exchange(p.port, b"GET /" + b"a" * 8100 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not_found.status == 404 and not_found.header_list == [CORS, ("Content-Length", "0"), KEEP]
    assert exchange(p.port, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n").status == 414
    many = b"".join(b"X: a\r\n" for _ in range(200))
    answer = exchange(p.port, b"GET /api/stop HTTP/1.1\r\nHost: a\r\n" + many + b"\r\n")
    assert answer.raw == ok or refused_by_library(answer), answer.raw


def test_bodies_that_never_come_are_given_five_seconds(pair):
    p = pair()
    head = b"POST /api/generate HTTP/1.1\r\nHost: a\r\n"
    requests = {
        "none": (head + b"\r\n", 400, b'{"error": "Invalid request format"}'),
        "negative": (head + b'Content-Length: -1\r\n\r\n{"prompt":"x"}', 400, b""),
        "short": (head + b'Content-Length: 100\r\n\r\n{"prompt":"x"}', 400, b""),
    }
    answers = {}

    def send(name):
        answers[name] = exchange(p.port, requests[name][0])

    threads = [threading.Thread(target=send, args=(n,)) for n in requests]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for name, (_, status, body) in requests.items():
        assert answers[name].status == status, name
        assert answers[name].body == body, name
        at_once = name == "negative" and answers[name].seconds < 1  # by a newer library
        assert at_once or 4.5 < answers[name].seconds < 7, (name, answers[name].seconds)


def test_expect_continue_and_chunked_bodies(pair):
    p = pair()
    continued = exchange(p.port, b"POST /api/reset HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
                         b"Connection: close\r\n\r\n{}", seconds=3)
    assert continued.raw.startswith(b"HTTP/1.1 100 Continue\r\n")
    p.idle()
    assert exchange(p.port, b"POST /api/reset HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"2\r\n{}\r\n0\r\n\r\n").body == b'{"status": "ok"}'


def test_a_form_body_above_8_kib_is_413_and_a_json_body_of_1_mib_is_taken(pair):
    p = pair()
    form = b"POST /api/generate HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    big = b'{"prompt":"' + b"a" * 9000 + b'"}'
    refused = exchange(p.port, form + b"Content-Length: %d\r\n\r\n" % len(big) + big)
    assert refused.status == 413 and refused.body == b""
    p.reset()
    assert request(p.port, "POST", "/api/generate", {"prompt": "a" * (1 << 20)}).body == b'{"status": "ok"}'
    wait_for(lambda: p.runs(), "the run ends", 60)
    assert p.runs()[0]["ended_by"] == "context_full"


def test_a_poll_answers_done_before_response_without_spaces_and_raw_utf8(pair):
    p = pair({"directives": True})
    p.reset()
    record, _ = p.run("[[text=a]]")
    assert p.get("/api/generate_provider").body == b'{"done":true,"response":""}'
    p.generate("[[text=h\u00e9llo]]")
    wait_for(lambda: len(p.runs()) == 2, "second run")
    p.idle()
    assert p.get("/api/generate_provider").body == '{"done":true,"response":"h\u00e9llo"}'.encode()
    assert record["ended_by"] == "eos"
