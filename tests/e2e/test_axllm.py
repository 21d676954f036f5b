"""axllm as its source is today: it tells its sizes, makes vectors, and lets a second request wait."""

import json

from harness import MODEL, Box

SIZES = {"model_name": "sim", "max_token_len": 400, "prefill_max_token_num": 300}


def box_with(folder, config, **more):
    box = Box(folder, {"directives": True}, profile="axllm", **more)
    (box.package / "config.json").write_text(json.dumps(config))
    return box


def test_what_the_server_says_of_its_context_wins_over_the_configuration(tmp_path):
    """Else a long conversation is sent whole, and refused in words that no client reads."""
    with box_with(tmp_path, SIZES, model="[models.context]\npositions = 4096\n") as box:
        shown = box.get("/v1/models").json["data"][0]
        assert shown["max_input_tokens"] <= 300, shown
        messages = []
        for turn in range(12):
            messages += [{"role": "user", "content": f"question {turn} " + "word " * 40}, {"role": "assistant", "content": "answer " * 10}]
        messages.append({"role": "user", "content": "[[text=the last]]"})
        assert box.say(messages) == "the last"
        assert box.runs()[-1]["kv_text"].count("question ") < 12 and box.logged("sent without messages=")


def test_a_model_that_does_not_think_is_not_asked_to(tmp_path):
    """Else the server puts its marks around the whole answer, and a client sees none."""
    with box_with(tmp_path, {"model_name": "sim"}) as box:
        message = box.chat("[[text=plain words]]").json["message"]
        assert message["content"] == "plain words" and "thinking" not in message, message
        assert box.chat("[[text=plain words]]", think=True).status == 400


def test_a_package_of_vectors_makes_them(tmp_path):
    with box_with(tmp_path, {"model_name": "sim", "is_embedding": True}, model='capabilities = ["embedding"]') as box:
        reply = box.post("/api/embed", {"model": MODEL, "input": ["a text", "another"]})
        assert reply.status == 200 and [len(one) for one in reply.json["embeddings"]] == [64, 64], reply.body
        assert box.chat("hello").status == 400


def test_an_answer_that_broke_off_is_not_told_as_a_whole_one(tmp_path):
    """The server ends its stream with "stop" all the same; a line of its log is all that tells."""
    with box_with(tmp_path, {"model_name": "sim"}) as box:
        box.wait_for_last_run()
        box.fault("runtime", "stream_error", "once", after=3)
        lines = list(box.stream([{"role": "user", "content": "[[n=9]]"}]))
        assert "error" in lines[-1] and not any(line.get("done") for line in lines), lines
        assert box.say("[[text=well again]]") == "well again"
