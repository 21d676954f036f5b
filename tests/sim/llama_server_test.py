"""llama-server: 503 while it loads, a queue instead of refusals, timings, a cancel that works, two signals."""
import os
import re
import signal

import pytest

from chat_wire import ECHO, Stream, ask, content, events, finish, get, runs, scenario, streamed, user, wait_idle
from simulated import BINARY, wait_for


@pytest.fixture
def llama(start, folder):
    model = os.path.join(folder, "model.gguf")
    with open(model, "wb") as f:
        f.write(b"GGUF")

    def begin(what=None, *more, wait=True, args=None):
        program = start("llama-server", args if args is not None else ["-m", model, "--port", "0", "-np", "1", "-c", "2048",
                                                                        "--alias", "m", *more],
                        scenario=scenario() if what is None else what)
        if wait:
            program.wait_port()
        return program
    return begin


def test_the_model_reads_exactly_the_conversation(llama):
    program = llama(scenario(ECHO))
    messages = [{"role": "system", "content": "Be \U0001f600."}, {"role": "user", "content": "data: 1\n\n\"a\""},
                {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    answer = ask(program.port, {"messages": messages, "temperature": 0.5, "max_tokens": 500}).json()
    read = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages) + "<|im_start|>assistant\n"
    assert answer["choices"][0]["message"]["content"] == read
    record = runs(program)[-1]
    assert record["kv_text"] == read and record["sampling"] == {"temperature": 0.5, "max_tokens": 500}
    assert answer["usage"]["prompt_tokens"] == len(record["kv_ids"])
    assert answer["usage"]["completion_tokens"] == record["output_tokens"]


def test_every_path_is_503_while_it_loads(llama):
    program = llama(scenario(timing={"load_ms": 60000}), wait=False)
    port = wait_for(lambda: (program.try_state() or {"port": 0})["port"], "it listens before the model is there")
    for path in ("/health", "/v1/models", "/slots", "/nothing"):
        answer = get(port, path)
        assert (answer.status, answer.json()) == (503, {"error": {"message": "Loading model", "type": "unavailable_error",
                                                                  "code": 503}})
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == -signal.SIGTERM  # its handlers come with the model


def test_ready_and_the_kernels_port_are_in_the_log(llama):
    program = llama()
    assert get(program.port, "/health").json() == {"status": "ok"}
    line = wait_for(lambda: re.search(r"server is listening on http://127\.0\.0\.1:(\d+)", program.err), "the line")
    assert int(line.group(1)) == program.port
    assert get(program.port, "/slots").json()[0]["is_processing"] is False
    assert get(program.port, "/metrics").status == 501
    assert get(program.port, "/nowhere").json()["error"]["type"] == "not_found_error"


def test_a_stream_has_a_role_tokens_timings_and_done(llama):
    program = llama()
    stream = streamed(program.port, {"messages": user("[[n=5]]"), "stream_options": {"include_usage": True}})
    assert "text/event-stream" in stream.head and "chunked" in stream.head
    found = events(stream.body)
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert content(found) == " one two three four five" and found[-1] == "[DONE]"
    assert [e for e in found[:-1] if e["choices"] and e["choices"][0]["delta"].get("content")][0][
        "choices"][0]["delta"]["content"] == " one"
    last = next(e for e in found if e != "[DONE]" and "timings" in e)
    assert finish(found) == ["stop"] and last["timings"]["predicted_n"] == 5
    assert found[-2]["choices"] == [] and found[-2]["usage"]["completion_tokens"] == 5


def test_limit_stop_and_context(llama):
    program = llama()
    found = events(streamed(program.port, {"messages": user("[[n=9]]"), "max_tokens": 4}).body)
    assert (content(found), finish(found)) == (" one two three four", ["length"])
    found = events(streamed(program.port, {"messages": user("[[n=9]]"), "stop": [" three f"]}).body)
    assert (content(found), finish(found)) == (" one two", ["stop"])
    answer = ask(program.port, {"messages": user("word " * 3000)})
    assert answer.status == 400 and answer.json()["error"]["type"] == "exceed_context_size_error"
    assert answer.json()["error"]["n_ctx"] == 2048 and answer.json()["error"]["n_prompt_tokens"] > 2048


def test_a_client_that_leaves_ends_its_run_unless_it_named_a_conversation(llama):
    program = llama(scenario(timing={"tokens_per_second": 100}))
    stream = Stream(program.port, "/v1/chat/completions", {"messages": user("[[n=60]]"), "stream": True})
    stream.read_until(b" two")
    stream.close()
    wait_idle(program)
    assert runs(program)[-1]["ended_by"] == "cancelled" and "stop: cancel task" in program.err
    stream = Stream(program.port, "/v1/chat/completions", {"messages": user("[[n=60]]"), "stream": True},
                    {"X-Conversation-Id": "7"})
    stream.read_until(b" two")
    stream.close()
    wait_for(lambda: len(runs(program)) == 2, "the run went on")
    assert (runs(program)[-1]["ended_by"], runs(program)[-1]["output_tokens"]) == ("eos", 60)


def test_a_request_without_a_slot_waits(llama):
    program = llama(scenario(timing={"tokens_per_second": 50}))
    first = Stream(program.port, "/v1/chat/completions", {"messages": user("[[n=20]]"), "stream": True})
    first.read_until(b" two")
    second = Stream(program.port, "/v1/chat/completions", {"messages": user("[[n=3]]"), "stream": True})
    wait_for(lambda: program.state()["queued_jobs"] == 1, "the second waits")
    assert get(program.port, "/slots?fail_on_no_slot=1").status == 503 and get(program.port, "/health").status == 200
    assert content(events(first.read_all() and first.body)).count(" ") == 20
    second.read_all()
    assert content(events(second.body)) == " one two three" and program.state()["high_water"] == 1


def test_silence_is_filled_with_comments(llama):
    program = llama(scenario(timing={"prefill_ms_per_chunk": 1500}), "--sse-ping-interval", "1")
    assert ":" in events(streamed(program.port, {"messages": user("[[n=1]]")}).body)


def test_signals_and_ends(llama, start):
    program = llama()
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == 0
    program = llama(scenario(faults={"device_hang": {"on": True, "args": {"phase": "prefill"}}}))
    stream = Stream(program.port, "/v1/chat/completions", {"messages": user("hello"), "stream": True})
    wait_for(lambda: program.state()["active"] == 1, "it runs")
    program.send_signal(signal.SIGINT)
    wait_for(lambda: "cleaning up" in program.err, "the first signal")
    program.send_signal(signal.SIGINT)
    assert program.wait_exit() == 1 and "Received second interrupt, terminating immediately." in program.err
    stream.close()
    for what, words in ((scenario(faults={"start_fail": True}), "exiting due to model loading error"),
                        (scenario(faults={"start_port_taken": True}), "couldn't bind HTTP server socket, hostname: 127.0.0.1")):
        program = llama(what, wait=False)
        assert program.wait_exit() == 1 and words in program.err
    program = llama(None, wait=False, args=["-m", "/nonexistent", "--port", "0"])
    assert program.wait_exit() == 1 and "failed to load model" in program.err


def test_faults_in_the_middle_of_a_stream(llama):
    program = llama()
    body = {"messages": user("[[n=9]]")}
    program.fault("stream_error", "once", after=3)
    found = events(streamed(program.port, body).body)
    assert content(found) == " one two three" and found[-1]["error"]["type"] == "server_error"
    program.fault("old_errors")
    program.fault("stream_error", "once", after=3)
    raw = streamed(program.port, body).body
    assert b'\n\nerror: {"code":500,' in raw and raw.endswith(b"}\n\ndata: [DONE]\n\n"), raw
    program.fault("no_done", "once")
    assert finish(events(streamed(program.port, body).body)) == ["stop"]
    program.fault("error_text", "once", after=2, text="[ERROR: lost]")
    found = events(streamed(program.port, body).body)
    assert content(found) == " one two[ERROR: lost]" and found[-1] == "[DONE]"
    program.fault("done_without_finish", "once", after=2)
    found = events(streamed(program.port, body).body)
    assert (content(found), finish(found), found[-1]) == (" one two", [], "[DONE]")
    program.ask(cmd="set", chat={"split_bytes": 1})
    assert content(events(streamed(program.port, body).body)).endswith(" nine")
    program.fault("kill_at", phase="decode", after=3)
    stream = Stream(program.port, "/v1/chat/completions", {**body, "stream": True})
    stream.read_all()
    assert not stream.raw.endswith(b"0\r\n\r\n") and program.wait_exit() == -signal.SIGSEGV


def test_it_answers_to_the_name_of_the_original(start, folder):
    link = os.path.join(folder, "llama-server")
    os.symlink(BINARY, link)
    program = start("llama-server", [], argv0=link)
    assert program.wait_exit() == 1 and "-m is needed" in program.err


def test_slots_keep_their_last_prompts_and_requests_name_them_or_forbid_their_use(llama):
    program = llama(None, "-np", "2")

    def cached(text, **more):
        answer = ask(program.port, {"messages": user(text), "max_tokens": 1, **more}).json()
        tokens = answer["usage"]["prompt_tokens_details"]["cached_tokens"]
        assert answer["timings"]["cache_n"] == tokens
        assert answer["timings"]["prompt_n"] == answer["usage"]["prompt_tokens"] - tokens
        return tokens

    assert cached("one " * 20, id_slot=0) == 0
    assert cached("two " * 20, id_slot=1) < 20
    assert cached("one " * 20 + "more", id_slot=0) > 20
    assert cached("one " * 20 + "again", id_slot=0, cache_prompt=False) == 0
    assert cached("two " * 20 + "more") > 20  # the slot of its own choice
    assert [r["slot"] for r in runs(program)] == [0, 1, 0, 0, 1]
