"""The main job: a chat answered piece by piece through the whole chain."""

import json

import pytest

from harness import MODEL, Box, Elsewhere, wait_until


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("talk"), {"directives": True, "timing": {"tokens_per_second": 100}}) as running:
        yield running


def content(lines):
    return "".join(line["message"]["content"] for line in lines)


def test_pieces_arrive_as_they_are_made(box):
    stream = box.stream("[[n=30]]")
    lines = list(stream)
    assert len(lines) >= 9, "three tokens a piece"
    # 30 tokens at 100 a second take 0.3 s; an answer that was buffered would come within a moment.
    assert stream.times[-2] - stream.times[0] > 0.15
    assert all(line["done"] is False for line in lines[:-1])
    last = lines[-1]
    assert last["done"] is True and last["done_reason"] == "stop"
    assert last["eval_count"] in (30, 31)
    assert last["prompt_eval_count"] > 10
    for key in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"):
        assert last[key] > 0
    assert last["total_duration"] >= last["eval_duration"]


def test_counts_are_those_of_the_tokens_that_reached_the_model(box):
    last = list(box.stream("[[n=12]] count me"))[-1]
    run = [r for r in box.runs() if "count me" in r["kv_text"]][-1]
    assert last["prompt_eval_count"] == run["P"] + run["diff_tokens"]
    assert last["eval_count"] in (run["output_tokens"], run["output_tokens"] + 1)


def test_generate_streams_too(box):
    reply = box.post("/api/generate", {"model": MODEL, "prompt": "[[text=generated text]]", "stream": False})
    assert reply.status == 200
    assert reply.json["response"] == "generated text"
    assert reply.json["done_reason"] == "stop"


def test_a_multi_turn_conversation_reaches_the_model_as_it_is(box):
    box.say([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "one"},
             {"role": "assistant", "content": "two"}, {"role": "user", "content": "[[n=3]] three"}])
    assert box.runs()[-1]["kv_text"] == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n"
        "<|im_start|>user\n[[n=3]] three<|im_end|>\n<|im_start|>assistant\n")


def test_tool_results_reach_the_model(box):
    box.say([{"role": "user", "content": "weather?"},
             {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "w", "arguments": {"city": "Paris"}}}]},
             {"role": "tool", "content": "18 degrees"}])
    text = box.runs()[-1]["kv_text"]
    assert '<tool_call>\n{"name": "w", "arguments": {"city": "Paris"}}\n</tool_call>' in text
    assert "<|im_start|>user\n<tool_response>\n18 degrees\n</tool_response><|im_end|>\n<|im_start|>assistant\n" in text


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7, 10])
def test_num_predict_is_exact(box, limit):
    reply = box.chat("[[n=40]]", options={"num_predict": limit})
    words = "one two three four five six seven eight nine ten".split()
    assert reply.json["message"]["content"].split() == words[:limit]
    assert reply.json["done_reason"] == "length"
    assert reply.json["eval_count"] == limit


def test_num_predict_zero_is_as_if_it_were_not_given(box):
    reply = box.chat("[[n=5]]", options={"num_predict": 0})
    assert reply.json["message"]["content"].split() == "one two three four five".split()
    assert reply.json["done_reason"] == "stop"
    reply = box.post("/v1/chat/completions", {"model": "sim", "max_tokens": 0, "messages": [{"role": "user", "content": "[[n=5]]"}]})
    assert reply.json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stop,expected", [("four", " one two three "), ("ree f", " one two th"), ("zzz", None)])
def test_stop_sequences_across_pieces(box, stop, expected):
    reply = box.chat("[[text= one two three four five six seven eight]]", options={"stop": [stop]})
    whole = " one two three four five six seven eight"
    assert reply.json["message"]["content"] == (whole if expected is None else expected)
    assert reply.json["done_reason"] == "stop"


def test_after_a_stop_sequence_the_next_answer_is_clean(box):
    for number in range(5):
        box.say("[[n=200]]", options={"stop": ["three"]})
        assert box.say(f"[[text=clean {number}]]") == f"clean {number}"


def test_characters_cut_by_pieces_come_whole(box):
    text = "h\u00e9llo \u4e16\u754c \N{WATER BUFFALO}\N{SNOWMAN} \u00fcber \u2028 end"
    stream = box.stream(f"[[text={text}]]")
    assert content(stream) == text


@pytest.mark.parametrize("family", ["qwen3", "qwen2.5", "plain"])
def test_characters_come_whole_with_every_tokenizer_family(tmp_path, family):
    text = "\u4e16\u754c\N{WATER BUFFALO}" * 12 + "end"
    with Box(tmp_path, {"directives": True, "tokenizer": {"family": family}}) as box:
        for _ in range(3):
            assert box.say(f"[[text={text}]]") == text


def test_thinking_is_its_own_field_when_the_package_allows_it(tmp_path):
    model = 'capabilities = ["completion", "thinking"]\n'
    with Box(tmp_path, {"mode": "think"}, model=model, family="qwen3") as box:
        reply = box.chat("why?", think=True)
        assert reply.status == 200, reply.body
        message = reply.json["message"]
        assert message["thinking"] and "<think>" not in message["thinking"]
        assert message["content"] and "think>" not in message["content"]


ASKED_NOT_TO_THINK = {
    "/api/chat": {"messages": [{"role": "user", "content": "why?"}], "think": False, "stream": False},
    "/api/generate": {"prompt": "why?", "think": False, "stream": False},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "why?"}], "reasoning_effort": "none"},
    "/v1/messages": {"messages": [{"role": "user", "content": "why?"}], "thinking": {"type": "disabled"}, "max_tokens": 500},
}


def test_thoughts_of_a_model_that_was_told_not_to_think_are_shown_in_no_format(tmp_path):
    model = 'capabilities = ["completion", "thinking"]\n'
    with Box(tmp_path, {"mode": "think"}, model=model, family="qwen3") as box:
        thought = box.chat("why?", think=True).json["message"]
        for path, body in ASKED_NOT_TO_THINK.items():
            reply = box.post(path, {"model": MODEL, **body})
            assert reply.status == 200, reply.body
            assert b"think" not in reply.body, (path, reply.body)
            assert thought["content"].strip()[:12] in json.dumps(reply.json), (path, reply.body)
            assert thought["thinking"][:12] not in json.dumps(reply.json), (path, reply.body)


def test_no_thinking_capability_where_the_package_forbids_it(tmp_path):
    box = Box(tmp_path, {"mode": "text", "tokenizer": {"family": "qwen3"}}, family="qwen3")
    forbids = box.config_file.read_text().replace("package_forbids_thinking = false\n", "package_forbids_thinking = true\n")
    box.config_file.write_text(forbids)
    with box:
        reply = box.chat("why?", think=True)
        assert reply.status == 400
        assert reply.json["error"] == f'"{MODEL}" does not support thinking'
        answer = box.say("hello", think=False)
        assert answer and "<think>" not in answer
        assert "thinking" not in box.post("/api/show", {"model": MODEL}).json["capabilities"]


@pytest.mark.parametrize("tap", [True, False], ids=["tap", "no tap"])
def test_an_empty_thinking_block_of_the_package_does_not_exist_for_clients(tmp_path, tap):
    box = Box(tmp_path, {"directives": True, "mode": "text", "tokenizer": {"family": "qwen3"}}, family="qwen3", tap=tap)
    box.config_file.write_text(box.config_file.read_text().replace("package_forbids_thinking = false\n", "package_forbids_thinking = true\n"))
    with box:
        whole = box.chat("hello").json["message"]["content"]
        assert whole and "think" not in whole
        for stop in ("\n", "<", "think"):
            assert box.chat("hello", options={"stop": [stop]}).json["message"]["content"], stop
        for limit in range(1, 8):
            reply = box.chat("hello", options={"num_predict": limit}).json
            assert reply["message"]["content"] and whole.startswith(reply["message"]["content"]), (limit, reply)
            if tap:
                assert reply["eval_count"] == limit and reply["done_reason"] == "length"


def test_a_tool_call_cut_by_a_limit_shows_no_markup(tmp_path):
    model = 'capabilities = ["completion", "tools"]\n'
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
    call = r'[[text=One moment.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris", "when": "today"}}\n</tool_call>]]'
    with Box(tmp_path, {"directives": True}, model=model, family="qwen2.5") as box:
        whole = box.chat(call, tools=tools).json["message"]
        assert whole["content"] == "One moment." and whole["tool_calls"], whole
        for limit in (4, 6, 9, 14):
            reply = box.chat(call, tools=tools, options={"num_predict": limit}).json
            assert "tool" not in reply["message"]["content"] and "{" not in reply["message"]["content"], reply
            assert reply["done_reason"] == "length"


def test_one_call_and_some_of_the_tools_where_a_client_says_so(tmp_path):
    """OpenAI's parallel_tool_calls and allowed_tools, and what Anthropic has of them."""
    flat = [{"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}} for name in ("weather", "clock")]
    nested = [{"type": "function", "function": {"name": one["name"], "parameters": one["parameters"]}} for one in flat]
    call = r'<tool_call>\n{"name": "weather", "arguments": {"city": "%s"}}\n</tool_call>\n'
    said = [{"role": "user", "content": f"[[text={call % 'Paris'}{call % 'Rome'}And so on.]]"}]
    with Box(tmp_path, {"directives": True}, model='capabilities = ["completion", "tools"]\n', family="qwen2.5") as box:
        for several in (True, False):
            reply = box.post("/v1/chat/completions", {"model": MODEL, "messages": said, "tools": nested, "parallel_tool_calls": several})
            choice = reply.json["choices"][0]
            made = [[json.loads(one["function"]["arguments"])["city"] for one in choice["message"]["tool_calls"]]]
            assert choice["finish_reason"] == "tool_calls" and "Corral-Ignored" not in reply.headers, reply.headers
            reply = box.post("/v1/responses", {"model": MODEL, "input": said, "tools": flat, "parallel_tool_calls": several})
            made.append([json.loads(one["arguments"])["city"] for one in reply.json["output"] if one["type"] == "function_call"])
            assert reply.json["parallel_tool_calls"] is several and reply.json["status"] == "completed", reply.body
            assert "Corral-Ignored" not in reply.headers, reply.headers
            reply = box.post("/v1/messages", {"model": MODEL, "max_tokens": 200, "messages": said, "tools": [
                {"name": one["name"], "input_schema": one["parameters"]} for one in flat],
                "tool_choice": {"type": "auto", "disable_parallel_tool_use": not several}})
            made.append([one["input"]["city"] for one in reply.json["content"] if one["type"] == "tool_use"])
            assert reply.json["stop_reason"] == "tool_use" and "Corral-Ignored" not in reply.headers, reply.headers
            assert made == [["Paris", "Rome"] if several else ["Paris"]] * 3
        for path, body, inside in (("/v1/chat/completions", {"messages": said, "tools": nested}, True),
                                   ("/v1/responses", {"input": said, "tools": flat}, False)):
            for name, status in (("weather", 200), ("compass", 400)):
                allowed = {"mode": "auto", "tools": [{"type": "function", **({"function": {"name": name}} if inside else {"name": name})}]}
                choice = {"type": "allowed_tools", **({"allowed_tools": allowed} if inside else allowed)}
                reply = box.post(path, {"model": MODEL, **body, "tool_choice": choice})
                assert reply.status == status, reply.body
                if status == 200:
                    prompt = box.runs()[-1]["kv_text"]
                    assert '"weather"' in prompt and '"clock"' not in prompt, prompt
            assert reply.json["error"]["message"] == "Tool choice 'compass' not found in 'tools' parameter."


def test_a_conversation_that_is_too_long_keeps_system_and_newest_turns(tmp_path):
    flags = ("--max-token-len", "256", "--chunk", "32", "--groups", "32,64,128")
    with Box(tmp_path, {"directives": True}, package_flags=flags) as box:
        turns = [{"role": "system", "content": "Keep me."}]
        for number in range(12):
            turns.append({"role": "user", "content": f"old question number {number}"})
            turns.append({"role": "assistant", "content": f"old answer number {number}"})
        turns.append({"role": "user", "content": "[[text=short]] newest"})
        reply = box.chat(turns)
        assert reply.status == 200, reply.body
        assert reply.json["message"]["content"] == "short"
        assert int(reply.headers["Corral-Dropped-Messages"]) > 0
        text = box.runs()[-1]["kv_text"]
        assert "Keep me." in text and "newest" in text and "number 0" not in text
        assert "number 11" in text
        run = box.runs()[-1]
        assert run["P"] + run["diff_tokens"] > 64, "no more is left out than must be"

        refused = box.chat(turns, truncate=False)
        assert refused.status == 400 and "room for 1" in refused.json["error"], refused.body
        too_long = box.chat("word " * 400, truncate=False)
        assert too_long.status == 400 and "token" in too_long.json["error"], too_long.body
        assert box.say("[[text=still fine]]") == "still fine"


def test_an_answer_that_uses_up_the_context_ends_with_length(tmp_path):
    flags = ("--max-token-len", "256", "--chunk", "32", "--groups", "32,64,128")
    with Box(tmp_path, {"directives": True}, package_flags=flags) as box:
        last = list(box.stream("[[never_end]]"))[-1]
        assert last["done"] is True and last["done_reason"] == "length"
        assert box.say("[[text=fresh]]") == "fresh"


def test_in_band_error_text_is_an_error(box):
    box.fault("runtime", "context_full", "once")
    reply = box.chat("hello")
    assert reply.status >= 400 or "SetKVCache" not in reply.json["message"]["content"]
    assert b"SetKVCache" not in reply.body


def test_keep_alive_load_and_unload_requests(box):
    loaded = box.post("/api/generate", {"model": MODEL, "prompt": "", "keep_alive": "5m0s"})
    assert loaded.json["done_reason"] == "load" and loaded.json["done"] is True
    unloaded = box.post("/api/chat", {"model": MODEL, "messages": [], "keep_alive": 0})
    assert unloaded.json["done_reason"] == "unload"
    assert box.say("[[text=works]]", keep_alive=-1) == "works"


def test_no_polls_when_idle_and_few_while_it_streams(box):
    box.say("warm up")
    before = box.runtime_state()
    list(box.stream("[[n=60]]"))
    after = box.runtime_state()
    pieces = 20
    assert after["polls"] - before["polls"] < 10 * 1.5 * pieces
    quiet = box.runtime_state()["polls"]
    list(box.get("/api/tags").json["models"])
    wait_until(lambda: not box.runtime_state()["running"], what="idle")
    assert box.runtime_state()["polls"] - quiet <= 3


def test_seen_by_a_user(box):
    assert box.get("/").body == b"Ollama is running"
    assert box.get("/api/version").json["version"].replace(".", "").isdigit()
    assert [m["name"] for m in box.get("/api/tags").json["models"]] == [MODEL]
    assert [m["name"] for m in box.get("/api/ps").json["models"]] == [MODEL]
    assert box.post("/api/show", {"model": "SIM"}).json["details"]["family"]
    assert box.get("/readyz").json["status"] == "ready"
    assert box.get("/nosuch").status == 404
    wrong = box.get("/api/chat")
    assert wrong.status == 405 and wrong.headers["Allow"] == "POST"


def test_a_model_elsewhere_keeps_its_own_system_text_with_tools_too(tmp_path):
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    with Box(tmp_path / "there", {"directives": True}, profile="llama-server") as there:
        made = there.post("/api/create", {"model": "pirate", "from": MODEL, "system": "You are a pirate.", "stream": False})
        assert made.status == 200, made.body
        with Elsewhere(tmp_path / "here", there, 'family = "qwen2.5"\ncapabilities = ["completion", "tools"]',
                       'remote_model = "pirate"') as here:
            asked = {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": "[[text=Aye.]]"}]}
            for more in ({}, {"tools": [tool]}):
                assert here.post("/api/chat", {**asked, **more}).json["message"]["content"] == "Aye."
                text = there.runs()[-1]["kv_text"]
                assert text.startswith("<|im_start|>system\nYou are a pirate.") and text.count("pirate") == 1, text
                assert ("<tools>" in text) == bool(more)
            asked["messages"].insert(0, {"role": "system", "content": "You are a cook."})
            here.post("/api/chat", {**asked, "tools": [tool]})
            text = there.runs()[-1]["kv_text"]
            assert text.startswith("<|im_start|>system\nYou are a cook.") and "pirate" not in text, text
