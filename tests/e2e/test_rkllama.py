"""rkllama: caches by the first two messages of whomever, one pipe for all answers, milliseconds for nanoseconds. Behind Corral none of
it is seen."""

import pytest

from harness import Box, wait_until

TIMING = {"prefill_ms_per_chunk": 10, "tokens_per_second": 200}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("rkllama"), {"directives": True, "timing": TIMING}, profile="rkllama") as running:
        yield running


def test_what_another_said_behind_the_same_beginning_is_not_read(box):
    first = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "[[text=the secret of Alice]] hello"}]
    assert box.say(first) == "the secret of Alice"
    asked = first + [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "[[text=only mine]] and now?"}]
    assert box.say(asked) == "only mine"
    read = box.runs()[-1]["kv_text"]
    assert read.count("Be brief.") == 1 and read.count("the secret of Alice") == 1, read
    assert all(len(run["messages"]) == 1 for run in box.runs()), "a cache is looked for by the number of messages"


def test_an_answer_that_was_left_is_not_the_beginning_of_the_next(box):
    stream = box.stream([{"role": "user", "content": "[[text=" + "left alone " * 40 + "]]"}])
    next(iter(stream))
    stream.close()
    assert box.say("[[text=mine alone]]") == "mine alone"


def test_counts_are_its_own_and_times_are_ours(box):
    said = box.chat("[[n=20]]").json
    assert said["eval_count"] == 20 and said["prompt_eval_count"] > 10
    assert 20 / 400 < said["eval_duration"] / 1e9 < 10, "the server said it in milliseconds"


def test_a_limit_is_kept_here(box):
    said = box.chat("[[n=60]]", options={"num_predict": 5}).json
    assert said["done_reason"] == "length" and len(said["message"]["content"].split()) <= 6
    assert box.say("[[text=next]]") == "next"


def test_a_failed_worker_is_no_answer(box):
    box.fault("runtime", "worker_raises")
    box.fault("runtime", "stream_error", "once")
    assert box.say("[[text=said in the end]]") == "said in the end"
    box.fault("runtime", "stream_error", "once", after=3)
    lines = list(box.stream([{"role": "user", "content": "[[n=9]]"}]))
    assert "error" in lines[-1], lines
    wait_until(lambda: box.chat("[[text=well]]").status == 200, 30, "it serves again")


def test_a_model_that_is_not_there_is_told_by_its_own_words(tmp_path):
    box = Box(tmp_path, profile="rkllama")
    box.config_file.write_text(box.config_file.read_text().replace('model_name = "sim"', 'model_name = "other"'))
    box.start(wait_ready=False)
    try:
        wait_until(lambda: "Model 'other' not found" in box.get("/readyz").json["models"][0].get("reason", ""), what="the reason")
    finally:
        box.stop()
