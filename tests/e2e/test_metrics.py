"""/metrics as Prometheus reads it, and the header that tells a client where the time of its request went."""

import http.client
import json
import pathlib
import re
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import MODEL, ROOT, Box, wait_until
from keyed_box import make_box

BACKEND = {"model": MODEL, "backend": MODEL}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("metrics"), {"directives": True, "timing": {"prefill_ms_per_chunk": 40}}) as running:
        yield running


class Page:
    def __init__(self, text):
        self.text = text
        self.families = list(text_string_to_metric_families(text))

    def value(self, name, **labels):
        """The one sample with these labels; 0 where there is none yet."""
        found = [s.value for f in self.families for s in f.samples if s.name == name and s.labels == labels]
        assert len(found) <= 1, found
        return found[0] if found else 0

    def labels(self, name):
        return {value for f in self.families for s in f.samples for key, value in s.labels.items() if key == name}


def scrape(box):
    reply = box.get("/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Page(reply.body.decode())


def outcomes(page, outcome):
    return page.value("corral_requests_total", **BACKEND, outcome=outcome)


def scrape_when(box, condition, what):
    """What is counted when a run has ended may come a moment after its answer."""
    def look():
        page = scrape(box)
        return page if condition(page) else None

    return wait_until(look, what=what)


def test_requests_and_tokens_are_counted(box):
    before = scrape(box)
    replies = [box.chat(f"[[text=one two three {n}]] go") for n in range(3)]
    ends = {reason: sum(r.json["done_reason"] == reason for r in replies) for reason in ("stop", "length")}
    page = scrape_when(box, lambda p: sum(outcomes(p, o) - outcomes(before, o) for o in ends) == 3, "three requests")
    for reason, number in ends.items():
        assert outcomes(page, reason) - outcomes(before, reason) == number
    for name, field in (("corral_prompt_tokens_total", "prompt_eval_count"), ("corral_generated_tokens_total", "eval_count")):
        assert page.value(name, **BACKEND) - before.value(name, **BACKEND) == sum(r.json[field] for r in replies)
    assert page.value("corral_request_tries_total", **BACKEND) - before.value("corral_request_tries_total", **BACKEND) == 3
    for stage in ("queue", "reset", "tokenise", "prefill", "decode", "detokenise"):
        name = "corral_request_stage_seconds_count"
        at = {"model": MODEL, "stage": stage}
        assert page.value(name, **at) - before.value(name, **at) == 3, stage


def test_every_family_says_what_it_is_in_the_units_of_prometheus(box):
    box.say("hello")
    page = scrape(box)
    assert page.value("corral_up") == 1
    assert [s.labels for f in page.families for s in f.samples if s.name == "corral_build_info"][0]["version"]
    for family in page.families:
        assert family.documentation and family.documentation.endswith("."), family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert re.fullmatch(r"(corral|process)_[a-z_]+", family.name), family.name
        assert not re.search(r"_(ms|milliseconds|mb|percent|kb)(_|$)", family.name), family.name
        samples = [(s.name, tuple(sorted(s.labels.items()))) for s in family.samples]
        assert samples and len(samples) == len(set(samples)), f"{family.name} has none, or one twice"
        # The parser takes the end of a counter's name off.
        assert (family.type == "counter") == (f"# TYPE {family.name}_total counter\n" in page.text), family.name
    names = [family.name for family in page.families]
    assert len(names) == len(set(names))


def test_the_documentation_lists_what_there_is(box):
    box.say("hello")
    box.chat("hello", options={"num_ctx": 100000000, "temperature": "hot"})
    stream = box.stream("[[never_end]] leaves")
    next(iter(stream))  # it has its turn: one that leaves the queue keeps no runtime busy
    stream.close()
    box.post("/api/chat", {"model": "nobody", "messages": []})
    page = scrape_when(box, lambda p: "corral_request_cancel_idle_seconds" in p.text, "a cancelled run")
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page.text, re.M))
    table = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", pathlib.Path(ROOT, "docs/metrics.md").read_text(), re.M))
    assert {n: t for n, t in types.items() if table.get(n) != t} == {}, "not in docs/metrics.md, or another type there"
    # What needs a device, a failure, a load under way or a cache that was compared is in the table and not on this page.
    rare = {n for n in table if n.startswith(("corral_device_", "corral_compute_", "corral_ahead_", "corral_backend_resource_"))} | {
        "corral_backend_load_ratio", "corral_certificate_expiry_timestamp_seconds", "corral_request_failures_total", "corral_queue_estimate_seconds",
        "corral_prompt_starts_total", "corral_prompt_mistaken_total"}
    assert set(table) - set(types) <= rare


def test_a_client_can_not_put_words_into_labels(box):
    before = scrape(box).labels("model")
    for name in ['x"} 1\nevil 2', "nobody", "a" * 3000, "café", "sim:latest\\n"]:
        box.post("/api/chat", {"model": name, "messages": [{"role": "user", "content": "hi"}], "stream": False})
        box.post("/v1/chat/completions", {"model": name, "messages": [{"role": "user", "content": "hi"}]})
    box.post("/api/create", {"model": "secret-project", "from": MODEL, "system": "be brief", "stream": False})
    assert box.say("[[text=brief]] hello", model="secret-project") == "brief"
    page = scrape(box)
    assert page.labels("model") - before <= {MODEL, ""}
    assert "secret-project" not in page.text and "evil" not in page.text


def test_a_killed_runtime_is_a_restart_and_a_second_load(tmp_path):
    with Box(tmp_path) as box:
        at = {"backend": MODEL, "service": "runtime"}
        loads = scrape(box).value("corral_service_load_seconds_count", **at)
        assert scrape(box).value("corral_service_restarts_total", **at, cause="crash") == 0
        starts = scrape(box).value("corral_service_starts_total", **at)
        box.kill("runtime")
        page = scrape_when(box, lambda p: p.value("corral_service_restarts_total", **at, cause="crash") == 1, "restart counted")
        page = scrape_when(box, lambda p: p.value("corral_service_state", **at, state="ready") == 1, "ready again")
        assert page.value("corral_service_starts_total", **at) == starts + 1
        assert page.value("corral_service_load_seconds_count", **at) == loads + 1
        assert page.value("corral_service_restarts_total", **at, cause="crash") == 1
        assert page.value("corral_service_breaker_open", **at) == 0


def test_a_client_that_leaves_is_counted_with_the_time_until_the_runtime_is_idle(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        later = box.stream_later("[[never_end]] leaves")
        wait_until(lambda: box.runtime_state()["running"], what="it runs")
        assert scrape(box).value("corral_requests_running", model=MODEL) == 1
        later.close()
        # The run is counted first, then its place is free.
        page = scrape_when(box, lambda p: outcomes(p, "cancelled") == 1 and p.value("corral_requests_running", model=MODEL) == 0,
                           "the cancel")
        assert page.value("corral_request_cancel_idle_seconds_count", model=MODEL) == 1


def test_the_page_needs_a_key_where_keys_are_asked_for(tmp_path):
    with make_box(tmp_path) as box:
        assert box.request("GET", "/metrics").status == 200
        box.headers = {}
        assert box.request("GET", "/metrics").status == 401


def stages_of(header):
    """name -> milliseconds, of a Server-Timing field."""
    return {name: float(took) for name, took in re.findall(r"(\w+);dur=([\d.]+)", header)}


def check_sum(stages):
    assert {"queue", "reset", "prefill", "decode", "total"} <= set(stages), stages
    told = sum(stages[name] for name in ("queue", "reset", "prefill", "decode", "other"))
    assert told == pytest.approx(stages["total"], abs=0.02), stages


def check_explained(ask):
    """The stages have most of the time, and what is part of them is no longer. A busy machine puts time between any two, but
    not in each answer."""
    for _ in range(10):
        stages = ask()
        check_sum(stages)
        parts = stages["tokenise"] + stages["detokenise"]
        if stages["other"] <= max(30, 0.2 * stages["total"]) and parts <= stages["prefill"] + stages["decode"] + 1:
            return
    raise AssertionError(f"most of the time is explained: {stages}")


LONG = "[[text=an answer of so many words that it takes more than one piece to tell]] how long"
ROUTES = [("/api/chat", {"stream": False}), ("/v1/chat/completions", {}), ("/v1/messages", {"max_tokens": 64})]


@pytest.mark.parametrize("path, more", ROUTES)
def test_a_whole_answer_says_where_its_time_went_when_asked(box, path, more):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": LONG}], **more}
    assert "Server-Timing" not in box.post(path, asked).headers

    def ask():
        reply = box.post(path, asked, headers={"X-Corral-Timing": "1"})
        assert reply.status == 200
        assert reply.headers["Access-Control-Expose-Headers"] == "Server-Timing"
        return stages_of(reply.headers["Server-Timing"])

    check_explained(ask)


def raw_exchange(box, path, body, version="1.1"):
    """Head, body as framed and all: http.client throws trailers away."""
    data = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", box.port), timeout=60) as s:
        s.sendall(f"POST {path} HTTP/{version}\r\nHost: localhost\r\nX-Corral-Timing: 1\r\nConnection: close\r\n"
                  f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        got = b""
        while piece := s.recv(65536):
            got += piece
    head, _, rest = got.decode().partition("\r\n\r\n")
    return head, rest


@pytest.mark.parametrize("path, more", ROUTES)
def test_a_streamed_answer_says_what_it_knows_at_once_and_the_rest_behind_it(box, path, more):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": LONG}], **more, "stream": True}

    def ask():
        head, rest = raw_exchange(box, path, asked)
        first = stages_of(re.search(r"^Server-Timing: (.*)$", head, re.M).group(1))
        assert {"queue", "reset", "prefill"} <= set(first) and "total" not in first, first
        assert "\r\nTrailer: Server-Timing" in head
        assert "\r\n0\r\n" in rest and rest.endswith("\r\n\r\n")
        trailers = rest.rpartition("\r\n0\r\n")[2]
        last = stages_of(re.search(r"^Server-Timing: (.*)$", trailers, re.M).group(1))
        assert "delivery" in last
        assert last["queue"] == first["queue"] and last["reset"] == first["reset"]
        return last

    check_explained(ask)


def test_an_old_client_gets_no_trailers_and_its_whole_answer(box):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": LONG}]}
    head, rest = raw_exchange(box, "/api/chat", asked, version="1.0")
    assert "Trailer" not in head and "Server-Timing" in head
    assert json.loads(rest.strip().splitlines()[-1])["done"] is True


def test_a_client_that_knows_nothing_of_trailers_reads_on_after_them(box):
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=60)
    try:
        for number in range(2):
            body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": f"number {number}"}]})
            connection.request("POST", "/api/chat", body, {"X-Corral-Timing": "1"})
            lines = connection.getresponse().read().decode().splitlines()
            assert json.loads(lines[-1])["done"] is True
    finally:
        connection.close()


def test_a_page_of_another_origin_may_ask_for_the_times(box):
    asked = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "POST"}
    plain = box.request("OPTIONS", "/api/chat", headers=asked)
    assert "X-Corral-Timing" not in plain.headers["Access-Control-Allow-Headers"], "Ollama's own answer"
    connection = box.connect()
    try:
        connection.request("OPTIONS", "/api/chat", headers={**asked, "Access-Control-Request-Headers": "x-corral-timing"})
        allowed = connection.getresponse().headers.get_all("Access-Control-Allow-Headers")
    finally:
        connection.close()
    assert any("X-Corral-Timing" in one for one in allowed)


def test_the_log_line_has_the_stages(box):
    since = len(box.log())
    box.say("one line")
    line = wait_until(lambda: re.search(r"request id=.* outcome=.*", box.log()[since:]), what="the line").group(0)
    assert re.search(r"total_ms=[\d.]+ tokenise_ms=[\d.]+ detokenise_ms=[\d.]+( delivery_ms=[\d.]+)? prompt_tokens=", line), line
