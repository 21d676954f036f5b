"""The races of docs/facts/vendor_ax.md#races, natural and forced."""
import threading
import time

from simulated import request, wait_for

PLAIN = {"tokenizer": {"family": "plain"}, "directives": True}


def at_once(*calls):
    """Runs the calls in threads that start together; returns their results in order."""
    results = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(index):
        barrier.wait()
        results[index] = calls[index]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_done_can_come_before_the_run_when_the_window_is_widened(pair):
    p = pair({**PLAIN, "faults": {"early_done": {"args": {"ms": 250}}}})
    p.post("/api/reset", {"system_prompt": "a"})
    assert p.poll() == {"done": True, "response": ""}  # not even begun
    wait_for(lambda: p.count("reset_end"), "reset")
    p.idle()
    p.generate("[[n=3]]")
    assert p.poll() == {"done": True, "response": ""}
    wait_for(p.runs, "the run ends")
    p.idle()
    assert p.poll() == {"done": True, "response": " one two three"}


def test_a_generate_right_after_a_reset_is_refused_or_queued(pair):
    p = pair({**PLAIN, "timing": {"prefill_ms_per_chunk": 40}})
    answers = []
    for _ in range(8):
        p.post("/api/reset", {"system_prompt": "a"})
        answers.append(p.post("/api/generate", {"prompt": "[[n=1]]"}))
        p.idle()
    refused = [a for a in answers if a.body == b'{"error": "llm is running"}']
    assert len(refused) >= 4
    assert all(a.status == 400 for a in refused)
    out = p.runtime.out
    p.runtime.end()
    assert b"handle_generate" in out or refused


def test_generates_accepted_together_run_one_after_the_other(pair):
    p = pair({**PLAIN, "timing": {"worker_delay_ms": 100}})
    p.reset()
    answers = at_once(*[lambda: p.post("/api/generate", {"prompt": "[[n=3]]"})] * 4)
    accepted = sum(1 for a in answers if a.status == 200)
    assert accepted >= 2
    wait_for(lambda: len(p.runs()) == accepted, "all run")
    p.idle()
    assert p.poll()["response"] == " one two three" * accepted


def test_a_generate_is_dropped_when_a_chat_runs_at_its_turn(pair):
    p = pair({**PLAIN, "timing": {"worker_delay_ms": 300, "tokens_per_second": 20}})
    p.reset()
    generate = p.post("/api/generate", {"prompt": "[[text=GONE]]"})
    chat = p.post("/api/chat", {"messages": [{"role": "user", "content": "[[n=12]]"}]})
    assert generate.status == 200 and chat.status == 200
    p.idle()
    assert p.poll() == {"done": True, "response": ""}
    assert {r["ended_by"] for r in p.runs()} == {"dropped", "eos"}


def test_a_chat_makes_everything_else_wait_and_is_stopped_by_stop(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 50}})
    p.reset()
    result = []
    thread = threading.Thread(
        target=lambda: result.append(p.post("/api/chat", {"messages": [{"role": "user", "content": "[[never_end]]"}]})))
    thread.start()
    wait_for(lambda: p.state()["phase"] == "decode", "the chat decodes")
    assert p.poll() == {"done": False, "response": ""}
    assert p.post("/api/generate", {"prompt": "x"}).body == b'{"error": "llm is running"}'
    assert p.post("/api/reset", {}).status == 400
    time.sleep(0.2)
    assert p.get("/api/stop").body == b'{"status": "ok"}'
    thread.join(10)
    assert result[0].json()["done"] is True and result[0].json()["message"].startswith(" one two")


def test_a_chat_goes_on_when_its_client_hangs_up(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 50}})
    p.reset()
    answer = request(p.port, "POST", "/api/chat", {"messages": [{"role": "user", "content": "[[n=20]]"}]}, seconds=0.1)
    assert answer.raw == b""
    assert p.poll()["done"] is False
    wait_for(p.runs, "it ends by itself")
    assert p.runs()[0]["ended_by"] == "eos"


def test_a_stop_during_encode_is_lost(pair):
    p = pair({**PLAIN, "tokenizer": {"family": "plain", "encode_ms": 300}})
    p.reset()
    p.generate("[[n=6]]")
    wait_for(lambda: p.state()["phase"] == "encode", "encoding")
    p.get("/api/stop")
    wait_for(p.runs, "the run ends")
    assert p.runs()[0]["ended_by"] == "eos" and p.runs()[0]["output_tokens"] == 6


def test_a_stop_while_idle_does_not_touch_the_next_run(pair):
    p = pair(PLAIN)
    p.reset()
    p.get("/api/stop")
    assert p.run("[[n=6]]")[1] == " one two three four five six"


def test_a_stop_in_prefill_leaves_one_token_in_the_reply_and_none_in_the_cache(pair):
    p = pair({**PLAIN, "timing": {"prefill_ms_per_chunk": 400}})
    p.reset()
    cached = p.state()["P"]
    p.generate("[[n=6]]")
    wait_for(lambda: p.state()["phase"] == "prefill", "prefill")
    p.get("/api/stop")
    wait_for(p.runs, "the run ends")
    p.idle()
    record = p.runs()[0]
    assert (record["ended_by"], record["output_tokens"], record["streamed"]) == ("stop_prefill", 1, "")
    assert p.state()["P"] == cached
    p.runtime.ask(cmd="set", timing={"prefill_ms_per_chunk": 1})
    assert p.run("[[n=1]]")[0]["last_reply_sent"] == record["output"] != ""


def test_a_stop_in_decode_swallows_up_to_two_tokens(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 25}})
    lost = set()
    for extra in range(4):
        p.reset()
        before = len(p.runs())
        p.generate("[[never_end]]")
        wait_for(lambda: p.state()["phase"] == "decode", "decoding")
        time.sleep(0.05 + 0.04 * extra)
        begin = time.monotonic()
        p.get("/api/stop")
        wait_for(lambda: p.poll()["done"], "done")
        assert time.monotonic() - begin < 5
        wait_for(lambda: len(p.runs()) > before, "record")
        record = p.runs()[-1]
        assert record["ended_by"] == "stop" and record["output"].startswith(record["streamed"])
        lost.add(len(record["output"].split()) - len(record["streamed"].split()))
    assert lost <= {0, 1, 2} and lost != {0}


def test_a_stopped_generation_may_be_followed_by_another_without_reset(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 100}})
    p.reset()
    p.generate("[[never_end]]")
    wait_for(lambda: p.poll()["response"], "some text")
    p.get("/api/stop")
    wait_for(p.runs, "stopped")
    p.idle()
    p.poll()
    record, text = p.run("[[n=3]]")
    assert text == " one two three"
    assert record["last_reply_sent"] == p.runs()[0]["output"]


def test_two_pollers_get_disjoint_parts(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 100}})
    p.reset()
    p.generate("[[n=60]]")
    parts = [[], []]

    def poll(into):
        while not p.runs() or p.state()["queue_bytes"]:
            into.append(p.poll()["response"])

    at_once(lambda: poll(parts[0]), lambda: poll(parts[1]))
    words = sorted(("".join(parts[0]) + "".join(parts[1])).split())
    assert len(words) == 60
    assert "".join(parts[0]) and "".join(parts[1])


def test_a_poll_whose_client_is_gone_loses_its_text(pair):
    import socket
    import struct
    p = pair(PLAIN)
    p.reset()
    p.generate("[[text=PRECIOUS]]")
    wait_for(lambda: p.state()["queue_bytes"], "text")
    p.idle()
    polls = p.state()["polls"]
    with socket.create_connection(("127.0.0.1", p.port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall(b"GET /api/generate_provider HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: p.state()["polls"] > polls, "the poll is handled")
    assert p.poll() == {"done": True, "response": ""}
