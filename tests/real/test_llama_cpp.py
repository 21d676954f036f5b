"""llama.cpp's real server behind the profile `llama-server`. After the opening of an assistant's turn the model counts through the
alphabet and ends; after a digit it counts for ever."""

import http.client
import json
import math
import os
import pathlib
import signal
import threading

import pytest

from conftest import REAL, LlamaBox
from harness import MODEL, descendants, processes, wait_until
from upgrade_box import UpgradeBox

ANSWER = "abcdefghijklmnopqrstuvwxyz."


def digits(box, stream=True, **options):
    """A raw prompt that the model goes on with for as long as it may."""
    body = {"model": MODEL, "prompt": "1", "raw": True, "stream": stream, "options": {"temperature": 0, **options}}
    if not stream:
        return box.post("/api/generate", body)
    connection = box.connect()
    connection.request("POST", "/api/generate", json.dumps(body))
    return connection, connection.getresponse()


def server_pid(box):
    table = processes()
    for pid in sorted(descendants(box.process.pid, table)):
        if "llama_server.py" in table[pid][2] and table[pid][1] != "Z":
            return pid
    return None


def test_a_chat_is_what_the_model_says_with_its_own_counts(box):
    reply = box.chat("hi", {"temperature": 0}).json
    assert reply["message"]["content"] == ANSWER
    assert reply["done_reason"] == "stop"
    # <|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n and perhaps a system turn; each character a token, the end one too.
    assert reply["eval_count"] == len(ANSWER) + 1
    assert reply["prompt_eval_count"] >= len("user\nhi\nassistant\n") + 3
    assert reply["eval_duration"] > 0 and reply["prompt_eval_duration"] > 0


def test_a_stream_comes_piece_by_piece(box):
    pieces = list(box.stream("hi", {"temperature": 0}))
    assert "".join(one["message"]["content"] for one in pieces) == ANSWER
    assert len(pieces) > len(ANSWER) / 2
    assert [one["done"] for one in pieces] == [False] * (len(pieces) - 1) + [True]


def test_limits_and_stops_hold(box):
    reply = box.chat("hi", {"temperature": 0, "num_predict": 5}).json
    assert (reply["message"]["content"], reply["done_reason"]) == (ANSWER[:5], "length")
    reply = box.chat("hi", {"temperature": 0, "stop": ["kl"]}).json
    assert (reply["message"]["content"], reply["done_reason"]) == (ANSWER[:10], "stop")
    long = "hi " * 300  # the first time, so that nothing of it is known
    stopped = box.chat(long, {"temperature": 0, "stop": ["kl"]}).json
    assert stopped["prompt_eval_count"] == box.chat(long, {"temperature": 0}).json["prompt_eval_count"] > 900


def test_a_raw_prompt_reaches_the_model_as_it_is(box):
    reply = digits(box, stream=False, num_predict=12).json
    assert reply["response"] == "234567890123"
    assert (reply["prompt_eval_count"], reply["eval_count"], reply["done_reason"]) == (1, 12, "length")


def test_a_client_that_goes_frees_the_runtime_at_once(box):
    connection, response = digits(box)
    response.readline()
    connection.sock.shutdown(2)
    response.close()
    connection.close()
    reply = box.chat("hi", {"temperature": 0}, )
    assert reply.json["message"]["content"] == ANSWER


def test_a_prompt_beyond_the_context_is_a_bad_request_that_says_so(tmp_path):
    with LlamaBox(tmp_path, context=512) as box:
        reply = box.chat("x" * 2000, truncate=False)
        assert reply.status == 400, reply.body
        assert "context" in reply.json["error"]
        assert box.say("hi", options={"temperature": 0}) == ANSWER


def test_a_killed_server_fails_its_answer_and_is_there_again_for_the_next(box):
    connection, response = digits(box)
    response.readline()
    before = server_pid(box)
    os.kill(before, signal.SIGKILL)
    lines = [json.loads(line) for line in response]
    connection.close()
    assert "error" in lines[-1], lines[-1]
    assert box.say("hi", options={"temperature": 0}) == ANSWER
    assert server_pid(box) != before


def test_as_many_run_at_once_as_the_server_has_slots(tmp_path):
    with LlamaBox(tmp_path, parallel=3, context=49152) as box:
        open_streams = [digits(box) for _ in range(2)]
        for _, response in open_streams:
            response.readline()
        answers = []
        last = threading.Thread(target=lambda: answers.append(box.say("hi", options={"temperature": 0})))
        last.start()
        last.join(30)
        assert answers == [ANSWER], "a third request waited for the two that run"
        for connection, _ in open_streams:
            connection.close()


def test_it_ends_with_corral(tmp_path):
    box = LlamaBox(tmp_path)
    with box:
        pid = wait_until(lambda: server_pid(box), what="the server runs")
        assert box.stop() == 0
    assert pid not in processes()


def test_a_prompt_is_counted_as_the_server_itself_counts_it(tmp_path):
    with LlamaBox(tmp_path, context=512) as box:
        # A character is a token; <|im_start|>, <|im_end|> and the lines of the two turns beside it.
        beside = len("user\n\nassistant\n") + 3
        for letters in (511 - beside, 512 - beside, 900):
            reply = box.chat("x" * letters, {"temperature": 0, "num_predict": 1}, truncate=False)
            tokens = letters + beside
            if tokens < 512:
                assert (reply.status, reply.json["prompt_eval_count"]) == (200, tokens), reply.body
            else:
                assert reply.status == 400 and f"it is {tokens} tokens long" in reply.json["error"], reply.body
        assert "exceeds the available context" not in box.log(), "the server was never asked to read too much"
        reply = box.chat("12.75 " * 200, {"temperature": 0, "num_predict": 1})
        assert reply.status == 200 and "text-bytes=" in reply.headers["Corral-Shortened"]
        assert 400 < reply.json["prompt_eval_count"] < 512


def direct(box, messages=None):
    """What the server itself says of messages, or holds in its slots."""
    arguments = pathlib.Path(f"/proc/{server_pid(box)}/cmdline").read_text().split("\0")
    connection = http.client.HTTPConnection("127.0.0.1", int(arguments[arguments.index("--port") + 1]), timeout=30)
    if messages is None:
        connection.request("GET", "/slots")
    else:
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": messages}), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    status, body = reply.status, reply.read()
    connection.close()
    return status, body


# Of Corral's families the one of Gemma calls no tools: its conversations have calls of another model.
@pytest.mark.parametrize("template, family", [("gemma", "gemma"), ("gemma", "chatml"), ("mistral", "chatml")])
def test_a_template_that_wants_alternating_roles_gets_them_after_every_cut(tmp_path, template, family):
    parameters = {"type": "object", "properties": {"where": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": name, "parameters": parameters}} for name in ("weather", "tides")]
    more, model = ({"tools": tools}, 'capabilities = ["completion", "tools"]') if family != "gemma" else ({}, "")
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "tides", "arguments": {"where": "Brest"}}}]}
    with LlamaBox(tmp_path, context=1920, file=f"tiny-{template}.gguf", family=family, model=model) as box:
        status, body = direct(box, [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
        assert status >= 400 and b"must alternate" in body, "the template is one that insists"
        messages, cut = [{"role": "system", "content": "You help sailors."}], 0
        for question in range(4):
            messages.append({"role": "user", "content": f"Question {question}: when can we sail?"})
            for step in range(8):
                reply = box.chat(messages, {"temperature": 0, "num_predict": 4}, **more)
                assert reply.status == 200 and reply.json["message"]["content"] == ANSWER[:4], (question, step, reply.body)
                assert reply.json["prompt_eval_count"] < 1920
                cut += "messages=" in reply.headers.get("Corral-Shortened", "")
                result = f"Result {step}: " + "high at ten, low at four; " * (1 + step * 2)
                messages += [call, {"role": "tool", "tool_name": "tides", "content": result}]
            if question != 1:  # that loop was ended by its person
                messages.append({"role": "assistant", "content": f"At ten, says port {question}."})
        assert cut > 20


@pytest.mark.parametrize("template", ["gemma", "mistral"])
def test_an_order_that_a_template_refuses_is_asked_again_as_it_takes_it(tmp_path, template):
    user, assistant, system = ({"role": role, "content": f"A {role}'s text."} for role in ("user", "assistant", "system"))
    with LlamaBox(tmp_path, context=1920, file=f"tiny-{template}.gguf") as box:
        for messages in ([assistant, user], [system, assistant, user], [user, system, assistant, user], [user, assistant, system, user]):
            status, body = direct(box, messages)
            assert status >= 400 and b"must alternate" in body, "the template is one that insists"
            reply = box.chat(messages, {"temperature": 0, "num_predict": 4})
            assert reply.status == 200 and reply.json["message"]["content"] == ANSWER[:4], reply.body


# Mistral's has the system prompt before the newest question, which a result is not.
@pytest.mark.parametrize("context", [1920, 6144])
@pytest.mark.parametrize("template", ["chatml", "gemma", "mistral"])
def test_a_long_tool_loop_keeps_its_task_and_is_mostly_read_from_the_cache(tmp_path, template, context):
    tools = [{"type": "function", "function": {"name": name, "description": f"Tells the {name} of a place.", "parameters":
              {"type": "object", "properties": {"where": {"type": "string"}}}}} for name in ("weather", "tides", "ports", "maps")]
    file = "tiny.gguf" if template == "chatml" else f"tiny-{template}.gguf"
    with LlamaBox(tmp_path, context=context, file=file, model='capabilities = ["completion", "tools"]') as box:
        messages, read, cached = [{"role": "system", "content": "You help sailors."}, {"role": "user", "content": "When can we sail?"}], 0, 0
        for step in range(30):
            call = {"function": {"name": "tides", "arguments": {"where": f"Port {step}"}}}
            result = f"Result {step}: " + "high at ten; " * (context // 100 * (1 + step * 7 % 4) // 3)
            messages += [{"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "tool_name": "tides", "content": result}]
            reply = box.chat(messages, {"temperature": 0, "num_predict": 4}, tools=tools)
            assert reply.status == 200, reply.body
            held = direct(box)[1].decode()
            assert "When can we sail?" in held and f"Port {step}" in held and f"Result {step}: high" in held, held
            if "messages=" in reply.headers.get("Corral-Shortened", ""):
                read += reply.json["prompt_eval_count"]
                cached += reply.json["prompt_eval_cached_count"]
        assert cached > read * 0.6, f"{100 * cached / read:.0f} %"


class UpgradeLlama(UpgradeBox, LlamaBox):
    """One whose program can be put in another's place."""


def test_where_a_template_has_its_system_text_is_known_after_an_upgrade(tmp_path):
    messages = [{"role": "system", "content": "You help sailors. " * 20}, {"role": "user", "content": "When can we sail?"}]
    with UpgradeLlama(tmp_path, file="tiny-mistral.gguf", model='capabilities = ["completion", "tools"]') as box:
        pid, before = server_pid(box), None
        for step in range(4):
            call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "tides", "arguments": {"step": step}}}]}
            messages += [call, {"role": "tool", "tool_name": "tides", "content": f"Result {step}: high at ten."}]
            reply = box.chat(messages, {"temperature": 0, "num_predict": 4}).json
            assert before is None or reply["prompt_eval_cached_count"] > before * 0.9, (step, reply, before)
            before = reply["prompt_eval_count"]
            if step == 1:
                box.upgrade()
                assert server_pid(box) == pid
                before = None  # whose prompt the server holds is not handed over


def test_a_model_that_says_nothing_but_the_alphabet_is_held_to_a_schema(box):
    schema = {"type": "object", "required": ["why", "answer"], "additionalProperties": False,
              "properties": {"why": {"type": "string", "maxLength": 5}, "answer": {"type": "integer", "maximum": 9}}}
    reply = box.chat("hi", {"temperature": 0}, format=schema)
    assert reply.status == 200, reply.body
    said = json.loads(reply.json["message"]["content"])
    assert list(said) == ["why", "answer"] and len(said["why"]) <= 5, said


def test_a_demanded_call_is_made_by_the_grammar(tmp_path):
    schema = {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "required": ["city"], "additionalProperties": False}
    names = ("weather", "tides")
    with LlamaBox(tmp_path, model='capabilities = ["completion", "tools"]') as box:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 300}
        for name in names:
            said = box.post("/v1/chat/completions", {
                **asked, "tools": [{"type": "function", "function": {"name": each, "parameters": schema}} for each in names],
                "tool_choice": {"type": "function", "function": {"name": name}}}).json["choices"][0]["message"]["tool_calls"]
            made = [(said[0]["function"]["name"], json.loads(said[0]["function"]["arguments"]))]
            said = box.post("/v1/messages", {**asked, "tools": [{"name": each, "input_schema": schema} for each in names],
                                             "tool_choice": {"type": "tool", "name": name}}).json["content"]
            made += [(part["name"], part["input"]) for part in said if part["type"] == "tool_use"]
            assert [called for called, _ in made] == [name] * 2 and all(of["city"] in ("Oslo", "Rome") for _, of in made), made


# The cases of Ollama's own suite (integration/structured_output_test.go): a grammar forbids tokens, and JSON has no infinity.
def test_chances_of_tokens_are_finite_where_a_grammar_forbids_others(box):
    schema = {"type": "object", "required": ["color", "count"], "additionalProperties": False,
              "properties": {"color": {"type": "string", "enum": ["blue", "violet"]}, "count": {"type": "integer", "minimum": 1, "maximum": 3}}}
    for stream, options in ((False, {"temperature": 0, "seed": 17}), (True, {"temperature": 0.7, "seed": 29})):
        reply = box.post("/api/generate", {"model": MODEL, "prompt": "Say hi", "stream": stream, "format": schema, "think": False, "logprobs": True,
                                           "top_logprobs": 20, "options": {"num_predict": 96, **options}})
        lines = [json.loads(line) for line in reply.body.decode().splitlines()]
        said = json.loads("".join(line["response"] for line in lines))
        assert said["color"] in ("blue", "violet") and said["count"] in (1, 2, 3) and len(said) == 2, said
        tokens = [token for line in lines for token in line.get("logprobs", [])]
        assert len(tokens) > 10 and all(math.isfinite(each["logprob"]) for token in tokens for each in (token, *token["top_logprobs"]))


@pytest.mark.parametrize("capabilities", ['["completion"]', '["completion", "thinking"]'])
def test_a_family_that_thinks_is_held_to_a_schema_too(tmp_path, capabilities):
    schema = {"type": "object", "required": ["answer"], "additionalProperties": False, "properties": {"answer": {"type": "integer", "maximum": 9}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    with LlamaBox(tmp_path, model=f"capabilities = {capabilities}\n", family="qwen3") as box:
        reply = box.chat("hi", {"temperature": 0}, format=schema)
        assert reply.status == 200 and list(json.loads(reply.json["message"]["content"])) == ["answer"], reply.body
        chat = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "response_format": wanted, "temperature": 0}
        reply = box.post("/v1/chat/completions", chat)
        assert reply.status == 200 and "answer" in json.loads(reply.json["choices"][0]["message"]["content"]), reply.body


def test_a_format_that_the_server_does_not_take_falls_back_to_telling_the_model(box):
    reply = box.chat("hi", {"temperature": 0}, format={"type": "STRING"})
    assert reply.status == 422, reply.body  # it says the alphabet, which is no JSON
    assert box.logged("does not take a wanted format")
    assert box.say("hi", options={"temperature": 0}) == ANSWER


def test_a_value_that_the_server_refuses_is_a_bad_request_in_its_words(box):
    for option, value, said in (("repeat_last_n", -7, "repeat_last_n"), ("repeat_penalty", 0, "penalty_repeat")):
        reply = box.chat("hi", {"temperature": 0, option: value})
        assert reply.status == 400 and said in reply.json["error"], reply.body


def test_the_model_is_told_as_the_server_tells_it(box):
    box.say("hi", options={"temperature": 0})
    listed = box.get("/api/tags").json["models"][0]
    assert listed["size"] == (REAL / "tiny.gguf").stat().st_size, "of its file, beside others in the folder"
    assert not listed["modified_at"].startswith("1970")
    assert listed["details"]["parameter_size"] == "510K" and listed["details"]["embedding_length"] == 288
    shown = box.post("/api/show", {"model": MODEL}).json
    info = shown["model_info"]
    assert info["general.architecture"] == "llama" and 500_000 < info["general.parameter_count"] < 520_000, info
    assert info["llama.block_count"] == 1 and info["llama.embedding_length"] == 288 and info["tokenizer.ggml.tokens"] is None
    assert shown["details"]["quantization_level"] == "F32" and "temperature" not in shown["parameters"]
    shown = box.post("/api/show", {"model": MODEL, "verbose": True}).json
    assert len(shown["tensors"]) == 12 and {"name": "output_norm.weight", "type": "F32", "shape": [288]} in shown["tensors"], shown["tensors"]
    loaded = box.get("/api/ps").json["models"][0]
    assert loaded["size"] > 1_000_000 and loaded["size_vram"] == 0, loaded


def test_a_model_that_is_not_loaded_is_told_as_its_file_has_it(tmp_path):
    with LlamaBox(tmp_path, model="preload = false\n") as box:
        shown = lambda: box.post("/api/show", {"model": MODEL}).json
        wait_until(lambda: shown()["details"]["family"] == "llama", 10, "its file is read")
        assert not box.get("/api/ps").json["models"]
        assert shown()["details"]["format"] == "gguf" and shown()["details"]["parameter_size"] == "510K"
        assert box.get("/api/tags").json["models"][0]["details"]["embedding_length"] == 288


def histogram(text):
    """What the model's vector of a text points to: each byte is a token, with a direction of its own."""
    counts = [0.0] * 256
    for byte in text.encode():
        counts[byte] += 1
    length = math.sqrt(sum(one * one for one in counts))
    return [one / length for one in counts]


def test_vectors_are_what_the_model_makes_of_each_text(tmp_path):
    with LlamaBox(tmp_path, context=512, model='capabilities = ["embedding"]', file="tiny-embedding.gguf") as box:
        texts = [f"text number {number}" for number in range(40)]
        reply = box.post("/api/embed", {"model": MODEL, "input": texts})
        assert reply.status == 200, reply.body
        assert reply.json["prompt_eval_count"] == sum(len(text) for text in texts)
        for text, vector in zip(texts, reply.json["embeddings"]):
            assert max(abs(a - b) for a, b in zip(vector, histogram(text))) < 1e-3
        # The context, of which this is far beyond, is a token a byte.
        long = box.post("/api/embed", {"model": MODEL, "input": "ab" * 2000})
        assert long.status == 200, long.body
        assert max(abs(a - b) for a, b in zip(long.json["embeddings"][0], histogram("ab"))) < 1e-3
        assert 300 < long.json["prompt_eval_count"] <= 512
        refused = box.post("/api/embed", {"model": MODEL, "input": "ab" * 2000, "truncate": False})
        assert (refused.status, refused.json) == (400, {"error": "the input length exceeds the context length"})
        openai = box.post("/v1/embeddings", {"model": MODEL, "input": texts[0], "encoding_format": "base64"})
        assert openai.status == 200 and openai.json["usage"]["prompt_tokens"] == len(texts[0])


def test_a_model_for_chats_has_no_vectors(box):
    refused = box.post("/api/embed", {"model": MODEL, "input": "x"})
    assert (refused.status, refused.json) == (501, {"error": "this model does not support embeddings"})
