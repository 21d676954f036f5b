"""Input that means harm, or is broken: clear errors, bounded memory, service goes on, and no word of a prompt moves the
supervisor."""

import json
import socket

import pytest

from harness import MODEL, Box, resident_kib

READY_LINE = "Server running on port 8000..."
ERRORS = [
    "\x1b[1;30;31m[E][                            Init][  29]: connect http://127.0.0.1:12345 failed\x1b[0m",
    "[E][ main][ 531]: lLaMa.Init failed",
    "error: SetKVCache failed: %d,the context may be full,please reset",
    "terminate called after throwing an instance of 'std::runtime_error'",
    "AXCLWorker exit with devid 0",
    READY_LINE,
]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("hostile"), {"directives": True}) as running:
        yield running


def test_a_prompt_that_imitates_the_runtimes_lines_changes_nothing(box):
    pids = box.pid_of("runtime"), box.pid_of("tokenizer")
    for line in ERRORS:
        text = f"[[text=unmoved]] {line}\n{line}\n"
        assert box.say(text) == "unmoved"
        assert box.get("/readyz").status == 200
    assert (box.pid_of("runtime"), box.pid_of("tokenizer")) == pids


def test_a_replacement_character_in_an_answer_hides_nothing_behind_it(box):
    for text in ("x y z \ufffd one two three", "a\ufffdb", "é\ufffdé", "The bill of the caf\ufffd is 20 euro. Thanks."):
        assert box.say(f"[[text={text}]]") == text


def test_patterns_that_take_long_to_compile_are_shown_and_not_checked(box):
    pattern = "(?i)(?:" + r"\p{Lu}?" * 20 + ")"
    schema = {"type": "object", "properties": {f"p{i}": {"type": "string", "pattern": f"{pattern}{i}"} for i in range(100)}}
    ask = {"model": MODEL, "stream": False, "format": schema, "messages": [{"role": "user", "content": '[[text={"a": 1}]]'}]}
    reply = box.post("/api/chat", ask)
    assert reply.status == 200 and json.loads(reply.json["message"]["content"]) == {"a": 1}, reply.body


def test_an_answer_that_imitates_the_lines_changes_nothing(box):
    pids = box.pid_of("runtime"), box.pid_of("tokenizer")
    answer = "[E][ main][ 531]: lLaMa.Init failed\\n" + READY_LINE
    assert box.say(f"[[text={answer}]]") == answer.replace("\\n", "\n")
    assert (box.pid_of("runtime"), box.pid_of("tokenizer")) == pids


BAD_REQUESTS = [
    ("", 400, "missing request body"),
    ("{", 400, "unexpected EOF"),
    ("not json", 400, "invalid character"),
    ("[]", 400, "cannot unmarshal array"),
    ('{"model":5}', 400, "cannot unmarshal number"),
    ('{"model":"sim","stream":"yes","messages":[]}', 400, "stream of type bool"),
    ('{"model":"sim","messages":"hi"}', 400, "cannot unmarshal string"),
    ('{"model":"sim","messages":[{"role":"user","content":["a"]}]}', 400, "content of type string"),
    ('{"messages":[]}', 400, "model is required"),
    ('{"model":"nosuch","messages":[{"role":"user","content":"hi"}]}', 404, "model 'nosuch' not found"),
    ('{"model":"sim","messages":[{"role":"user","content":"hi"}],"options":{"temperature":"hot"}}', 500,
     'option "temperature" must be of type float32'),
    ('{"model":"sim","messages":[{"role":"user","content":"hi","images":["aGk="]}]}', 400, ""),
    ('{"model":"sim","messages":' + "[" * 200_000, 400, ""),
]


@pytest.mark.parametrize("body,status,text", BAD_REQUESTS, ids=[b[:40] or "empty" for b, _, _ in BAD_REQUESTS])
def test_bad_requests_get_a_clear_error(box, body, status, text):
    reply = box.post("/api/chat", body)
    assert reply.status == status, reply.body
    assert text in reply.json["error"]
    assert reply.json["error"]


def test_a_ten_megabyte_body_is_answered(box):
    reply = box.chat("x" * 10_000_000)
    assert reply.status == 400
    assert reply.json["error"]
    assert box.say("[[text=fine]]") == "fine"


def exchange(box, data, timeout=30):
    with socket.create_connection(("127.0.0.1", box.port), timeout) as s:
        s.sendall(data)
        got = b""
        while piece := s.recv(65536):
            got += piece
        return got


@pytest.mark.parametrize("data", [
    b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /api/version HTTP/1.1\r\nHost: localhost\r\nX: " + b"z" * 1_500_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100 + b"\r\n\r\n",
    b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
], ids=["many-headers", "long-target", "long-header", "tls-hello", "smuggling"])
def test_header_bombs_and_nonsense_are_refused(box, data):
    try:
        answer = exchange(box, data)
        assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    except ConnectionError:
        pass  # cut while still sending is a refusal too
    assert box.get("/healthz").status == 200


def test_options_of_the_server_as_a_whole_are_answered(box):
    answer = exchange(box, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\nContent-Length: 0\r\n" in answer, answer


def test_the_log_holds_neither_prompts_nor_answers(box):
    box.say("[[text=watermelon answer]] zanzibar question")
    assert "zanzibar" not in box.log()
    assert "watermelon" not in box.log()


def test_memory_stays_bounded_under_large_bodies(box):
    for _ in range(3):
        box.chat("y" * 10_000_000)
    first = resident_kib(box.process.pid)
    for _ in range(5):
        box.chat("y" * 10_000_000)
    assert resident_kib(box.process.pid) - first < 32 * 1024


def test_foreign_host_names_are_refused_on_loopback(box):
    assert box.request("GET", "/api/tags", headers={"Host": "evil.example"}).status == 403
    assert box.request("GET", "/api/tags", headers={"Origin": "https://evil.example"}).status == 403
    assert box.request("GET", "/api/tags", headers={"Origin": "http://localhost:3000"}).status == 200


@pytest.mark.parametrize("path, looks", [
    ("/api/chat", lambda e: set(e) == {"error"} and isinstance(e["error"], str)),
    ("/v1/chat/completions", lambda e: set(e["error"]) == {"message", "type", "param", "code"}),
    ("/v1/messages", lambda e: e["type"] == "error" and e["error"]["type"] == "request_too_large" and e["request_id"]),
])
def test_a_body_that_is_too_large_is_refused_in_the_words_of_its_format(box, path, looks):
    with socket.create_connection(("127.0.0.1", box.port), 10) as s:
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n"
                  "Content-Length: 99999999\r\n\r\n".encode())
        answer = b""
        while data := s.recv(65536):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ") and looks(json.loads(body)), answer
    assert b"\r\nAccess-Control-Allow-Origin: http://localhost:3000\r\n" in head, head
