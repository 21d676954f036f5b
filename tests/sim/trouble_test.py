"""The runtime behind a tokenizer that misbehaves (docs/facts/vendor_ax.md#tokenizer-trouble)."""
import signal
import time

import pytest

from simulated import lines_of, wait_for

PLAIN = {"tokenizer": {"family": "plain"}, "directives": True}


def test_the_exact_calls_of_a_cycle(pair):
    p = pair(PLAIN)
    p.reset("abc")
    p.run("[[n=7]]")
    seen = [(r["route"].split("?")[0], r["body"]) for r in p.tokenizer.ask(cmd="requests")["requests"]]
    assert [route for route, _ in seen] == ["/get_uid", "/bos_id", "/eos_id", "/reset", "/reset", "/encode",
                                            "/decode", "/decode", "/decode", "/decode"]
    uid = seen[3][1].split('"uid":"')[1][:36]
    assert seen[3][1] == ('{"system_prompt":"You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",'
                          f'"uid":"{uid}"}}')
    assert seen[4][1] == f'{{"system_prompt":"abc","uid":"{uid}"}}'
    assert seen[5][1] == f'{{"img_prompt":false,"text":"[[n=7]]","uid":"{uid}"}}'
    sizes = [len(eval(body.split(":")[1].split("]")[0] + "]")) for route, body in seen if route == "/decode"]
    assert sizes == [3, 3, 1, 7]  # per piece, and all at the end


@pytest.mark.parametrize("act", ["reset", "generate", "chat"])
def test_a_dead_tokenizer_kills_the_runtime_at_the_next_call(pair, act):
    p = pair(PLAIN)
    p.reset()
    p.tokenizer.end()
    body = {"reset": {}, "generate": {"prompt": "x"}, "chat": {"messages": [{"role": "user", "content": "x"}]}}[act]
    p.post(f"/api/{act}", body)
    assert p.runtime.wait_exit() == -signal.SIGSEGV


def test_a_tokenizer_that_dies_in_a_generation_takes_the_runtime_with_it(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 100}})
    p.reset()
    p.generate("[[never_end]]")
    wait_for(lambda: p.poll()["response"], "text")
    p.tokenizer.end()
    assert p.runtime.wait_exit() == -signal.SIGSEGV
    assert b" one two three" in p.runtime.out and not p.runtime.out.endswith(b"\n\n")


def test_forgotten_uids(pair):
    p = pair({**PLAIN, "timing": {"tokens_per_second": 5}})
    p.reset()
    p.generate("[[n=6]]")
    wait_for(lambda: p.count("piece"), "a piece")
    p.tokenizer.fault("forget_uids", "once")
    wait_for(p.runs, "the run ends without more text", 25)
    assert p.runs()[0]["streamed"] == " one two three" and p.runs()[0]["ended_by"] == "eos"
    p.idle()
    p.post("/api/reset", {})
    assert p.runtime.wait_exit() == -signal.SIGABRT
    assert "[json.exception.type_error.302] type must be array, but is null" in p.runtime.err


@pytest.mark.parametrize("fault, line", [
    (("status_reply", {"route": "/encode"}), "Encode][ 158]: encode failed, status: 500\n"),
    (("garbage_reply", {"route": "/encode"}), "Encode][ 168]: json parse failed: "),
])
def test_a_failed_encode_runs_the_previous_prompt_again(pair, fault, line):
    p = pair(PLAIN)
    p.reset()
    p.run("[[text=FIRST]]")
    p.tokenizer.fault(fault[0], "once", **fault[1])
    record, text = p.run("[[text=SECOND]]")
    assert text == "FIRST" and record["diff_tokens"] == 0
    assert record["kv_text"].count("[[text=FIRST]]") == 2
    p.run("[[n=1]]")
    out = lines_of(p.runtime.out)
    assert line in out and "Encode][ 820]: encode failed\n" in out


def test_a_failed_first_encode_runs_on_nothing(pair):
    p = pair({**PLAIN, "mode": "echo"})
    p.reset("abc")
    p.tokenizer.fault("status_reply", "once", route="/encode")
    record, text = p.run("x")
    assert record["diff_tokens"] == 0 and text == " nine<|im_start|>system\nabc<|im_end|>\n"


def test_a_failed_encode_makes_a_build_without_a_reset_busy_for_ever(pair):
    p = pair({**PLAIN, "stateless": True})
    assert p.run("[[n=2]]")[1] == " one two"
    p.tokenizer.fault("status_reply", "once", route="/encode")
    p.generate("[[n=2]]")
    wait_for(lambda: len(p.runs()) == 2, "the run is given up")
    p.get("/api/stop")
    assert p.poll() == {"done": False, "response": ""}
    assert p.post("/api/generate", {"prompt": "[[n=2]]"}).body == b'{"error": "llm is running"}'


def test_a_text_beyond_one_chunk_is_a_failed_encode_of_a_build_without_a_reset(pair):
    p = pair({**PLAIN, "stateless": True, "geometry": {"max_token_len": 256, "chunk": 32, "groups": [32, 64, 128]}})
    p.generate("x" * 40)
    wait_for(lambda: len(p.runs()) == 1, "the run is given up")
    assert p.poll() == {"done": False, "response": ""}


def test_a_failed_decode_costs_two_seconds_and_the_text(pair):
    p = pair(PLAIN)
    p.reset()
    p.tokenizer.fault("status_reply", 2, route="/decode", body='{"error": "forced"}')
    begin = time.monotonic()
    record, text = p.run("[[n=6]]")
    assert 1.9 < time.monotonic() - begin < 5
    assert text == " four five six" and record["ended_by"] == "eos"
    out = lines_of(p.runtime.out)
    assert out.count("Decode][ 195]: decode failed, status: 500, try again\n") == 2
    assert out.count('Decode][ 196]: {"error": "forced"}\n') == 2


def test_an_unknown_uid_at_decode(pair):
    p = pair(PLAIN)
    p.reset()
    p.tokenizer.fault("unknown_uid", 2, route="/decode")
    _, text = p.run("[[n=3]]")
    assert text == ""
    p.run("[[n=1]]")
    assert "Decode][ 208]: json parse failed: [json.exception.type_error.302] type must be string, but is null, try " \
           'again\n[E][                          Decode][ 209]: {"error": "Invalid uid"}\n' in lines_of(p.runtime.out)


def test_a_failed_reset_prefills_the_old_system_prompt(pair):
    p = pair(PLAIN)
    p.reset("old")
    p.tokenizer.fault("status_reply", "once", route="/reset")
    p.reset("new")
    record, _ = p.run("[[n=1]]")
    assert record["system_text"] == "<|im_start|>system\nold<|im_end|>\n"
    assert "Reset][ 134]: reset failed, status: 500\n" in lines_of(p.runtime.out)


def test_an_empty_answer_to_reset_aborts(pair):
    p = pair(PLAIN)
    p.tokenizer.fault("empty_reply", "once", route="/reset")
    p.post("/api/reset", {})
    assert p.runtime.wait_exit() == -signal.SIGABRT
    assert "parse_error.101] parse error at line 1, column 1: attempting to parse an empty input" in p.runtime.err


def test_a_dropped_encode_kills(pair):
    p = pair(PLAIN)
    p.reset()
    p.tokenizer.fault("drop_reply", "once", route="/encode")
    p.generate_and_die("x")
    assert p.runtime.wait_exit() == -signal.SIGSEGV


def test_a_mute_identity_gives_no_text_and_no_error(pair):
    p = pair({"directives": True})
    p.reset()
    p.tokenizer.fault("mute", "once")
    record, text = p.run("[[n=9]]")
    assert text == "" and record["ended_by"] == "eos" and record["output_tokens"] == 9
    p.reset()
    assert p.run("[[n=9]]")[1] == ""
    assert p.tokenizer.state()["cached_ids"] > 9


def test_a_strict_template_makes_the_stale_reply_run_the_old_prompt(pair):
    p = pair({"directives": True, "tokenizer": {"family": "plain", "strict": True}})
    p.reset("one")
    assert p.run("[[text=FIRST]]")[1] == "FIRST"
    p.reset("two")
    assert p.run("[[text=SECOND]]")[1] == "FIRST"


def test_a_slow_tokenizer_is_waited_for(pair):
    p = pair(PLAIN)
    p.reset()
    p.tokenizer.fault("slow_reply", "once", route="/decode", ms=1500)
    begin = time.monotonic()
    assert p.run("[[n=3]]")[1] == " one two three"
    assert time.monotonic() - begin > 1.4


def test_a_tokenizer_without_answers_to_the_eos_route_delays_the_start(pair):
    p = pair({}, tokenizer_scenario={"faults": {"unknown_uid": {"on": 2, "args": {"route": "/eos_id"}}}})
    out = lines_of(p.runtime.out)
    assert "Init][ 113]: get eos_id failed, try again 9/10\n" in out
    assert "Init][ 113]: get eos_id failed, try again 8/10\n" in out
    assert "eos_id: 151645" in out


def test_a_tokenizer_that_answers_the_first_call_with_500_ends_the_start(pair):
    p = pair({}, tokenizer_scenario={"faults": {"status_reply": {"on": True, "args": {"route": "/get_uid"}}}}, wait=False)
    assert p.runtime.wait_exit() == 255
    assert "Init][  52]: get uid failed, status: 500\n" in lines_of(p.runtime.out)
