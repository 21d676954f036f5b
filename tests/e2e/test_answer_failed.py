"""A runtime that says in its log that an answer failed, while what it sends ends well."""

import pytest

from admin_cli import corral, done
from harness import Box


def test_half_an_answer_says_so_in_its_own_text(tmp_path):
    with Box(tmp_path, {"directives": True}, profile="rkllm-flask", config='stream_errors = "visible"\n') as box:
        box.wait_for_last_run()
        box.fault("runtime", "stream_error", "once", after=2)
        lines = list(box.stream("[[text=one two three four five]]"))
        assert "error" in lines[-1] and not any(line.get("done") for line in lines)
        assert "[This answer is not whole: The model's program reported a failure of this answer." in lines[-2]["message"]["content"], lines[-2]
        assert lines[-1]["error"] in lines[-2]["message"]["content"]
        # Who sees the error sees it once.
        box.fault("runtime", "stream_error", "once", after=2)
        ours = corral(box, "run", "sim", "[[text=one two three four five]]")
        assert "not whole" not in ours.stdout and ours.stderr.count(lines[-1]["error"]) == 1 and ours.returncode == 1, ours
        assert done(box, "run", "sim", "[[text=one [two] three]]") == "one [two] three\n"
        # A client sends it back with its history; it is not the model's text.
        told = "".join(line["message"]["content"] for line in lines[:-1])

        formats = [("/api/chat", "messages", {"stream": False}, lambda told: told["prompt_eval_count"]),
                   ("/v1/chat/completions", "messages", {}, lambda told: told["usage"]["prompt_tokens"]),
                   ("/v1/messages", "messages", {"max_tokens": 9}, lambda told: told["usage"]["input_tokens"]),
                   ("/v1/messages/count_tokens", "messages", {}, lambda told: told["input_tokens"]),
                   ("/v1/responses", "input", {}, lambda told: told["usage"]["input_tokens"])]
        own = told[:told.index("\n\n[This")]
        for path, member, more, tokens in formats:
            def prompt_tokens(answer):
                turns = [("user", "count"), ("assistant", answer), ("user", "[[text=on]]")]
                turns = [{"role": role, "content": text} for role, text in turns]
                return tokens(box.post(path, {"model": "sim", member: turns, **more}).json)

            assert prompt_tokens(told) == prompt_tokens(told + "\n") == prompt_tokens(own) < prompt_tokens(told + " and on"), path
        box.fault("runtime", "stream_error", "once", after=2)
        data = box.post("/v1/chat/completions", {"model": "sim", "stream": True, "messages": [
            {"role": "user", "content": "[[text=one two three four five]]"}]}).body.decode()
        assert '"error":{' in data and "not whole" not in data, data


@pytest.mark.parametrize("profile, way", [("vllm-ascend", "aborts"), ("llama-server", "old_errors")])
def test_an_answer_whose_failure_is_no_event_of_its_own_is_not_told_as_whole(tmp_path, profile, way):
    with Box(tmp_path, {"directives": True}, profile=profile) as box:
        box.wait_for_last_run()
        box.fault("runtime", way)
        box.fault("runtime", "stream_error", "once", after=2)
        lines = list(box.stream("[[text=one two three four five]]"))
        assert "error" in lines[-1] and not any(line.get("done") for line in lines), lines[-1]
        box.fault("runtime", "stream_error", "once")
        assert box.say("[[text=well again]]") == "well again"


@pytest.mark.parametrize("profile", ["rkllm-flask", "rkllm-openai", "rkllama"])
def test_an_answer_that_failed_inside_the_runtime_is_an_error_and_is_run_again_where_nothing_had_gone_out(tmp_path, profile):
    with Box(tmp_path, {"directives": True}, profile=profile) as box:
        box.wait_for_last_run()
        box.fault("runtime", "stream_error", "once", after=2)
        lines = list(box.stream("[[text=one two three four five]]"))
        assert "error" in lines[-1] and not any(line.get("done") for line in lines), lines[-1]
        assert "reported a failure of this answer" in lines[-1]["error"], lines[-1]
        assert box.say("[[text=well again]]") == "well again"
        box.fault("runtime", "stream_error", "once", after=2)
        assert box.say("[[text=one two three four five]]") == "one two three four five"


@pytest.mark.parametrize("profile", ["rkllm-flask", "rkllm-openai"])
def test_garbage_of_an_npu_that_refuses_work_is_no_answer(tmp_path, profile):
    with Box(tmp_path, {"directives": True}, profile=profile) as box:
        box.fault("runtime", "npu_refuses")
        lines = list(box.stream("[[text=one two three four five]]"))
        assert "error" in lines[-1] and not any(line.get("done") for line in lines), lines[-1]
        assert box.logged("rknpu 0[.]9[.]8"), "what to do"
        box.fault("runtime", "npu_refuses", on=False)
        assert box.say("[[text=well again]]") == "well again"
