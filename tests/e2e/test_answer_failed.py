"""A runtime that says in its log that an answer failed, while what it sends ends well."""

import pytest

from harness import Box


@pytest.mark.parametrize("profile", ["rkllm-flask", "rkllm-openai"])
def test_an_answer_that_failed_inside_the_runtime_is_an_error_and_is_run_again_where_nothing_had_gone_out(tmp_path, profile):
    with Box(tmp_path, {"directives": True}, profile=profile) as box:
        box.fault("runtime", "stream_error", "once", after=2)
        lines = list(box.stream("[[text=one two three four five]]"))
        assert "error" in lines[-1] and not any(line.get("done") for line in lines), lines[-1]
        assert "failed inside the runtime" in lines[-1]["error"], lines[-1]
        assert box.say("[[text=well again]]") == "well again"
        box.fault("runtime", "stream_error", "once", after=2)
        assert box.say("[[text=one two three four five]]") == "one two three four five"
