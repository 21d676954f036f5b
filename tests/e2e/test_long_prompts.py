"""Requests that are longer than the model reads: what clients send first still gets an answer, and everybody sees what was left out."""

import json
import random
import re
import threading

import pytest

import client_requests
from admin_cli import done
from harness import Box, compares_soon, descendants, processes, wait_until

ASKED = "What is a corral? [[text=A pen for livestock.]]"
CLIENTS = ["open_webui", "aider", "cline", "home_assistant", "home_assistant_first", "n8n", "agent"]
TOOLS = 'capabilities = ["completion", "tools"]'


@pytest.fixture(scope="module", params=[True, False], ids=["tap", "no_tap"])
def box(tmp_path_factory, request):
    with Box(tmp_path_factory.mktemp("box"), {"directives": True}, model=TOOLS, tap=request.param) as running:
        yield running


def ask(box, client, **more):
    return box.post("/api/chat", {"model": "sim", "stream": False, **getattr(client_requests, client)(ASKED), **more})


@pytest.mark.parametrize("client", CLIENTS)
def test_the_first_chat_of_a_client_is_answered(box, client):
    assert len(json.dumps(getattr(client_requests, client)(ASKED))) > 8_000
    reply = ask(box, client)
    assert reply.status == 200, reply.body
    assert reply.json["message"]["content"] == "A pen for livestock."
    assert "=" in reply.headers["Corral-Shortened"]
    assert reply.json["prompt_eval_count"] > 640, "the room is used"


FIX = "Read the file calc.py and fix add"
NEEDED = {"home_assistant_first": ("Turn off all lights in the kitchen", ["HassTurnOff"]), "cline": (FIX, ["read_files", "editor"]),
          "continue_cli": ("Read calc.py and say what it does", ["Read"]), "opencode": (FIX, ["read", "edit"]), "qwen_code": (FIX, ["read_file"]),
          "open_webui": ("Add an event to my calendar for Friday", ["create_calendar_event"]),
          "n8n_openai": ("Which tasks are open?", ["Get_many_tasks_in_Todoist"]), "codex": (FIX, ["exec_command"]),
          "claude_code": ("Read calc.py and edit it with Bash", ["Read", "Edit", "Bash"])}
PATHS = {"codex": "/v1/responses", "claude_code": "/v1/messages"}


@pytest.mark.parametrize("client", NEEDED)
def test_the_tools_that_the_question_needs_are_there(box, client):
    asked, tools = NEEDED[client]
    reply = box.post(PATHS.get(client, "/v1/chat/completions"), {"model": "sim", **getattr(client_requests, client)(asked)})
    assert reply.status == 200, reply.body
    run = box.runs()[-1]["kv_text"]
    for wanted in [asked, *(f'"name": "{tool}"' for tool in tools)]:
        assert wanted in run, (wanted, reply.headers["Corral-Shortened"])


def test_a_light_is_switched_through_home_assistants_own_request(box):
    # The name is in escapes: the person's words alone are to find the tool.
    name = "".join(f"\\u{ord(letter):04x}" for letter in "HassTurnOff")
    call = f'<tool_call>\\n{{"name": "{name}", "arguments": {{"area": "Kitchen", "domain": ["light"]}}}}\\n</tool_call>'
    body = client_requests.home_assistant_first(f"Turn off all lights in the kitchen [[text={call}]]")
    whole = box.chat(**body)
    streamed = [line["message"] for line in box.stream(**body) if "message" in line]
    read = box.runs()[-1]["kv_text"]
    assert '"name": "HassTurnOff"' in read and "Turn off all lights in the kitchen" in read, whole.headers["Corral-Shortened"]
    for message in (whole.json["message"], {"content": "".join(one["content"] for one in streamed),
                                            "tool_calls": [call for one in streamed for call in one.get("tool_calls", [])]}):
        function, = [one["function"] for one in message["tool_calls"]]
        assert (function["name"], function["arguments"]) == ("HassTurnOff", {"area": "Kitchen", "domain": ["light"]})
        assert message["content"] == ""
    body["messages"] += [whole.json["message"], {"role": "tool", "tool_name": "HassTurnOff", "content":
                         '{"success": ["Kitchen"]} [[text=The lights in the kitchen are off.]]'}]
    assert box.say(**body) == "The lights in the kitchen are off."
    read = box.runs()[-1]["kv_text"]
    assert "Turn off all lights in the kitchen" in read and '{"success": ["Kitchen"]}' in read


@pytest.mark.parametrize("context, groups", [(1920, [1, 256, 512, 1024, 1536, 2048]), (6144, [128 * n for n in range(1, 49)])])
def test_a_long_tool_loop_keeps_its_task_and_mostly_goes_on_behind_the_cache(tmp_path, context, groups):
    tools = [client_requests.tool(name, ["where"], f"Tells the {name} of a place.") for name in ("weather", "tides", "ports", "maps")]
    call = lambda step: f'[[text=<tool_call>\\n{{"name": "tides", "arguments": {{"where": "Port {step}"}}}}\\n</tool_call>]]'
    scenario = {"directives": True, "geometry": {"max_token_len": groups[-1] + 511, "groups": groups}}
    with Box(tmp_path, scenario, model=compares_soon(TOOLS + "\n")) as box:
        assert box.logged("answered the same behind its cache", 60)
        messages, read, cached = [{"role": "system", "content": "You help sailors."}, {"role": "user", "content": "When can we sail? " + call(0)}], 0, 0
        for step in range(30):
            reply = box.chat(messages, {"num_predict": 64}, tools=tools)
            assert reply.status == 200 and reply.json["message"]["tool_calls"], reply.body
            assert "When can we sail?" in box.runs()[-1]["kv_text"], "the task stays"
            if "messages=" in reply.headers.get("Corral-Shortened", ""):
                read += reply.json["prompt_eval_count"]
                cached += reply.json["prompt_eval_cached_count"]
            result = f"Result {step}: " + "high at ten; " * (context // 100 * (1 + step * 7 % 4) // 3) + call(step + 1)
            messages += [reply.json["message"], {"role": "tool", "tool_name": "tides", "content": result}]
        assert cached > read * 0.6, f"{100 * cached / read:.0f} %"


def random_talk(dice):
    """Turns as (question, [(arguments of calls, their results), ...], answer); the last has no answer, and may end in a result."""
    texts = iter(range(1000))
    text = lambda kind: f"{kind}{next(texts)}: " + "word " * (dice.randrange(1500) if dice.randrange(8) == 0 else dice.randrange(60))
    rounds = lambda: dice.randrange(3) if dice.randrange(4) else dice.randrange(12)
    calls = lambda: [(f"P{next(texts)}", text("R")) for _ in range(dice.randrange(1, 3))]
    return [(text("Q"), [calls() for _ in range(rounds())], text("A")) for _ in range(dice.randrange(1, 9))]


def in_ollamas_words(turns):
    out = [{"role": "system", "content": "You help sailors."}]
    for question, rounds, answer in turns:
        out.append({"role": "user", "content": question})
        for calls in rounds:
            out.append({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "tides", "arguments": {"where": place}}} for place, _ in calls]})
            out += [{"role": "tool", "tool_name": "tides", "content": result} for _, result in calls]
        out.append({"role": "assistant", "content": answer})
    return "/api/chat", {"messages": out[:-1], "options": {"num_predict": 4}, "tools": [SAILORS_TOOL]}


def in_openais_words(turns):
    path, body = in_ollamas_words(turns)
    for one in body["messages"]:
        for call in one.get("tool_calls", []):
            call |= {"id": call["function"]["arguments"]["where"], "type": "function"}
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
        if one["role"] == "tool":
            del one["tool_name"]
    results = [one for one in body["messages"] if one["role"] == "tool"]
    for one, (place, _) in zip(results, [pair for _, rounds, _ in turns for calls in rounds for pair in calls]):
        one["tool_call_id"] = place
    return "/v1/chat/completions", {"messages": body["messages"], "max_tokens": 4, "tools": [SAILORS_TOOL]}


def in_anthropics_words(turns):
    out = []
    for question, rounds, answer in turns:
        out.append({"role": "user", "content": question})
        for calls in rounds:
            out.append({"role": "assistant", "content": [{"type": "tool_use", "id": place, "name": "tides", "input": {"where": place}} for place, _ in calls]})
            out.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": place, "content": result} for place, result in calls]})
        out.append({"role": "assistant", "content": answer})
    function = SAILORS_TOOL["function"]
    tools = [{"name": "tides", "description": function["description"], "input_schema": function["parameters"]}]
    return "/v1/messages", {"system": "You help sailors.", "messages": out[:-1], "max_tokens": 4, "tools": tools}


def in_words_of_responses(turns):
    out = []
    for question, rounds, answer in turns:
        out.append({"role": "user", "content": question})
        for calls in rounds:
            out += [{"type": "function_call", "call_id": place, "name": "tides", "arguments": json.dumps({"where": place})} for place, _ in calls]
            out += [{"type": "function_call_output", "call_id": place, "output": result} for place, result in calls]
        out.append({"role": "assistant", "content": answer})
    tools = [{"type": "function", **SAILORS_TOOL["function"]}]
    return "/v1/responses", {"instructions": "You help sailors.", "input": out[:-1], "max_output_tokens": 16, "tools": tools}


SAILORS_TOOL = client_requests.tool("tides", ["where"], "Tells the tides of a place.")


@pytest.mark.parametrize("words", [in_ollamas_words, in_openais_words, in_anthropics_words, in_words_of_responses], ids=lambda one: one.__name__)
def test_any_conversation_of_any_format_keeps_its_task_its_newest_and_its_order(box, words):
    if not box.tap:
        pytest.skip("it is seen what the model read")
    dice, cut = random.Random(20_261), 0
    for number in range(15):
        turns = random_talk(dice)
        path, body = words(turns)
        reply = box.post(path, {"model": "sim", "stream": False, **body})
        assert reply.status == 200, (number, reply.body)
        cut += "messages=" in reply.headers.get("Corral-Shortened", "")
        read = box.runs()[-1]["kv_text"]
        marks = [mark for question, rounds, answer in turns for mark in [question, *(part for calls in rounds for part in
                 [*(f'"{place}"' for place, _ in calls), *(result for _, result in calls)]), answer]][:-1]
        marks = [mark.split()[0] for mark in marks]
        places = [read.find(mark) for mark in marks]
        there = [place for place in places if place >= 0]
        assert there == sorted(there), (number, "in their order")
        question, rounds, _ = turns[-1]
        newest = [mark.split()[0] for place, result in (rounds[-1] if rounds else []) for mark in (f'"{place}"', result)]
        for mark in (question.split()[0], *newest):
            assert mark in read, (number, mark, reply.headers)
        speakers = re.findall(r"<\|im_start\|>(\w+)", read)
        assert speakers[0] == "system" and speakers[1::2] == ["user"] * len(speakers[1::2]), (number, speakers)
        assert speakers[2::2] == ["assistant"] * len(speakers[2::2]), (number, speakers)
        for _, rounds, _ in turns:
            for calls in rounds:
                kept = {(f'"{place}"' in read, result.split()[0] in read) for place, result in calls}
                assert kept in ({(True, True)}, {(False, False)}), (number, "a call and its results stay together")
    assert cut > 5


def test_people_are_told_what_was_not_read_and_titles_are_not(tmp_path):
    with Box(tmp_path, {"directives": True}, model=TOOLS, config='stream_errors = "visible"\n') as box:
        paste = "[[text=A summary.]] Summarise: " + "The report says so. " * 1500
        texts = lambda content, **more: "".join(line["message"]["content"] for line in box.stream(content, **more) if "message" in line)
        told = texts(paste)
        assert told.startswith("A summary.\n\n[The model did not read all of this") and "of the newest messages" in told, told
        assert texts("[[text=Yes.]] short") == "Yes."
        assert texts("### Task:\nGenerate a title. " + paste) == "A summary."
        assert texts(paste, format="json") != told
        talk = [{"role": "user", "content": "[[text=A]]"}, {"role": "assistant", "content": told}, {"role": "user", "content": "[[text=B]] and now?"}]
        assert texts(talk) == "B" and "did not read" not in box.runs()[-1]["kv_text"]


def test_a_title_lets_the_question_go_first(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        title = threading.Thread(target=box.say, args=("### Task:\nGenerate a title. [[text=Title]]",))
        title.start()
        assert box.say("The question. [[text=Answer]]") == "Answer"
        title.join(30)
        runs = [run["kv_text"] for run in box.runs()]
        assert "The question." in runs[-2] and "### Task:" in runs[-1]


def test_every_format_is_answered_and_streams_say_it_too(box):
    body = {"model": "sim", "stream": True, "max_tokens": 50, **client_requests.continue_cli(ASKED)}
    reply = box.post("/v1/chat/completions", body)
    assert reply.status == 200 and "Corral-Shortened" in reply.headers, reply.headers
    system, user = client_requests.agent(ASKED)["messages"]
    reply = box.post("/v1/messages", {"model": "sim", "max_tokens": 50, "system": system["content"], "messages": [user]})
    assert reply.status == 200 and reply.json["content"][0]["text"] == "A pen for livestock.", reply.body
    assert "text-bytes=" in reply.headers["Corral-Shortened"]
    whole = reply.json["usage"]["input_tokens"] + reply.json["usage"]["cache_read_input_tokens"]
    body = {"model": "sim", "max_tokens": 50, "stream": True, "system": system["content"], "messages": [user]}
    first = box.post("/v1/messages", body).body.decode().split("\n")[1]
    assert abs(json.loads(first[6:])["message"]["usage"]["input_tokens"] - whole) < 50, (first, whole)


def test_the_log_and_readyz_name_the_client(box):
    ask(box, "open_webui")
    assert box.logged("event=request.shortened")
    warnings = box.get("/readyz").json["warnings"]
    assert any("127.0.0.1" in one and "tools=" in one for one in warnings), warnings


def test_truncate_false_is_refused_with_the_tokens_of_each_part(box):
    resets = box.runtime_state()["resets"]
    reply = ask(box, "open_webui", truncate=False)
    assert reply.status == 400
    for part in ("system prompt ", "tools ", "turns "):
        assert part in reply.json["error"], reply.json["error"]
    assert "there is room for" in reply.json["error"] or "no room for a turn" in reply.json["error"]
    assert box.runtime_state()["resets"] == resets, "it was not even reset"


def too_long(path):
    """Bodies that can't fit, in each format; the last two are kept whole by the model below."""
    text = "A long text about horses. " * 700
    turn = [{"role": "user", "content": text}]
    return {"/api/chat": {"model": "sim", "messages": turn, "truncate": False}, "/api/generate": {"model": "sim", "prompt": text, "truncate": False},
            "/v1/chat/completions": {"model": "sim", "messages": turn}, "/v1/messages": {"model": "sim", "max_tokens": 9, "messages": turn}}[path]


@pytest.fixture(scope="module", params=["axera-poll", "llama-server"])
def strict_box(tmp_path_factory, request):
    with Box(tmp_path_factory.mktemp("strict"), {"directives": True}, model=TOOLS + '\noversize = "refuse"', profile=request.param) as running:
        yield running


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions", "/v1/messages"])
def test_what_can_not_fit_is_refused_while_an_answer_holds_the_only_place(strict_box, path):
    holder = strict_box.stream("[[never_end]]")
    next(iter(holder))
    reply = strict_box.post(path, too_long(path), timeout=20)
    assert reply.status == 400, reply.body
    for part in (b"tokens long: system prompt ", b"turns ", b"there is room for "):
        assert part in reply.body, reply.body
    count = strict_box.post("/v1/messages/count_tokens", {"model": "sim", "messages": [{"role": "user", "content": "How long?"}]}, timeout=20)
    assert count.status == 200 and count.json["input_tokens"] > 5, count.body
    assert next(iter(holder))["done"] is False, "the answer goes on"
    holder.close()
    assert strict_box.say("[[text=short]]") == "short"


def test_a_stop_while_a_prompt_is_counted_neither_hangs_nor_crashes(tmp_path):
    """Its tokenizer answers late; the count ends with it, and the request in words."""
    with Box(tmp_path, {"directives": True}) as box:
        holder = box.stream("[[never_end]]")
        next(iter(holder))
        box.fault("tokenizer", "slow_reply", route="/encode", ms=1500)
        asker = box.connect()
        asker.request("POST", "/api/chat", json.dumps(too_long("/api/chat")), {"Content-Type": "application/json"})
        wait_until(lambda: any(one["route"].startswith("/encode") and len(one["body"]) > 8000
                               for one in box.control("tokenizer", cmd="requests", since=0)["requests"]), 20, "it is being counted")
        done(box, "stop", "--now")
        reply = asker.getresponse()
        assert reply.status in (400, 503), reply.read()
        holder.close()
        done(box, "start", "--wait")
        box.fault("tokenizer", "slow_reply", on=False)
        assert box.say("[[text=again]]") == "again"


NEXT = {"the same": lambda text: text.replace('log_level = "debug"', 'log_level = "info"'),
        "replaced": lambda text: text + '[models.restart]\nfirst_backoff = "40ms"\n',
        "gone": lambda text: text[:text.index("[[models]]")].replace('log_level = "debug"', 'log_level = "info"')}


@pytest.mark.parametrize("becomes", NEXT)
def test_a_reload_while_a_prompt_is_counted_lets_the_count_and_the_answer_end(tmp_path, becomes):
    """The count reads a backend that the reload may take away."""
    with Box(tmp_path, {"directives": True}) as box:
        holder = box.stream(f"[[text={'word ' * 120}]]")
        next(iter(holder))
        box.fault("tokenizer", "slow_reply", "once", route="/encode", ms=1500)
        asker = box.connect()
        asker.request("POST", "/api/chat", json.dumps(too_long("/api/chat")), {"Content-Type": "application/json"})
        wait_until(lambda: "slow_reply" not in json.dumps(box.control("tokenizer", cmd="faults")), 20, "it is being counted")
        box.config_file.write_text(NEXT[becomes](box.config_file.read_text()))
        done(box, "reload", *(["--allow-empty"] if becomes == "gone" else []))
        reply = asker.getresponse()
        body = reply.read()
        assert reply.status == 400 and b"tokens long: system prompt " in body, body
        assert list(holder)[-1].get("done"), "the answer that ran is whole"
        if becomes == "gone":
            assert box.chat("hello").status == 404
            wait_until(lambda: not descendants_with(box, "corral-sim"), 20, "its processes are gone")
        else:
            box.wait_ready()
            assert box.say("[[text=again]]") == "again"


def descendants_with(box, word):
    table = processes()
    return [pid for pid in descendants(box.process.pid, table) if word in table[pid][2] and table[pid][1] != "Z"]


def test_called_tools_stay_and_the_newest_turn_too(box):
    reply = ask(box, "home_assistant")
    assert reply.status == 200 and "tools=" in reply.headers["Corral-Shortened"]
    run = json.dumps(box.runs()[-1])
    assert "What is a corral?" in run and "HassTurnOn" in run


def test_a_model_that_refuses_long_prompts(tmp_path):
    with Box(tmp_path, {"directives": True}, model=TOOLS + '\noversize = "refuse"') as box:
        reply = ask(box, "aider")
        assert reply.status == 400 and "tokens long" in reply.json["error"]
        assert box.say("[[text=short]]") == "short"


def test_a_conversation_beyond_the_window_is_summed_up_and_goes_on(box):
    """As Codex does it: the item takes the place of all that was said, and what its user said stays word by word."""
    said = [f"Step {n}: " + "look at the file again. " * 20 for n in range(8)] + ["[[text=Eight steps are done.]]"]
    items = [item for text in said for item in ({"role": "user", "content": text}, {"role": "assistant", "content": "Done. " * 60})][:-1]
    assert len(json.dumps(items)) > 6_000
    reply = box.post("/v1/responses/compact", {"model": "sim", "input": items})
    assert reply.status == 200, reply.body
    item, = reply.json["output"]
    kept = json.loads(item["encrypted_content"])
    assert kept["summary"] == "Eight steps are done."
    assert [one["content"] for one in kept["retained"]] == said
    body = {"model": "sim", "stream": True, "input": [*items, {"type": "compaction_trigger"}]}
    events = [json.loads(line[6:]) for line in box.post("/v1/responses", body).body.decode().split("\n") if line.startswith("data: ")]
    done, = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["type"] == "response.completed" and json.loads(done["encrypted_content"])["retained"] == []
    reply = box.post("/v1/responses", {"model": "sim", "input": [done, {"role": "user", "content": "[[text=Step 9.]]"}]})
    assert reply.json["output"][0]["content"][0]["text"] == "Step 9." and "Corral-Shortened" not in reply.headers
    if box.tap:
        assert "Eight steps are done." in box.runs()[-1]["kv_text"]


def test_an_agents_own_summary_is_of_the_whole_conversation(box):
    """As Codex 0.171 asks a provider that is not OpenAI, and Claude Code 2.1.332 anybody: a question behind all that was said."""
    codex = client_requests.codex("The gate code is 4711. Read the twelve parts.")
    steps = [one for n in range(12) for one in (
        {"type": "function_call", "name": "exec_command", "arguments": json.dumps({"cmd": f"cat part{n}"}), "call_id": f"c{n}"},
        {"type": "function_call_output", "call_id": f"c{n}", "output": "All in order. " * 300 + f"End of part {n}."})]
    asked = {"role": "user", "content": "You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary.\n[[text=Code 4711.]]"}
    reply = box.post("/v1/responses", {"model": "sim", "input": [*codex["input"], *steps, asked], "parallel_tool_calls": False})
    read = [(reply.json["output"][0]["content"][0]["text"], box.runs()[-1]["kv_text"])]
    turns = [one for n in range(12) for one in (
        {"role": "assistant", "content": [{"type": "tool_use", "id": f"c{n}", "name": "Bash", "input": {"command": f"cat part{n}"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{n}", "content": "In order. " * 400 + f"End of part {n}."}]})]
    asked = {"role": "user", "content": "CRITICAL: Respond with TEXT ONLY.\n\nYour task is to create a detailed summary of the conversation so far. "
             + client_requests.FILLER * 80 + "[[text=Code 4711.]]"}
    claude = client_requests.claude_code("The gate code is 4711. Read the twelve parts.")
    claude["messages"] = [*claude["messages"], *turns, asked, {"role": "system", "content": "# Environment"}]
    reply = box.post("/v1/messages", {"model": "sim", **claude})
    read.append((reply.json["content"][0]["text"], box.runs()[-1]["kv_text"]))
    for answer, prompt in read:
        assert answer == "Code 4711." and "The gate code is 4711." in prompt, prompt
        assert [n for n in range(12) if f"cat part{n}\"" not in prompt or f"End of part {n}." not in prompt] == [], prompt


def test_an_excerpt_in_place_of_a_summary_begins_with_a_whole_character(box):
    for end in ("", ".", ".."):
        reply = box.post("/v1/responses/compact", {"model": "sim", "input": "\u6f22" * 400 + "[[text= ]]" + end})
        kept = json.loads(reply.json["output"][0]["encrypted_content"])
        assert kept["summary"].startswith("(An excerpt of its end.)\n\u6f22"), kept["summary"][:40]


def test_turns_that_went_are_summed_up_while_the_box_is_idle(tmp_path):
    """The first overflow waits for nothing; the next turn reads the summary, and what the person said, in their place."""
    turns = lambda count: [one for n in range(count) for one in ({"role": "user", "content": f"Fact {n}: the code of gate {n} is 47{n:02}."},
                                                                  {"role": "assistant", "content": "Noted. " * 60})]
    ask_with = lambda box, messages: box.post("/api/chat", {"model": "sim", "stream": False, "messages": messages})
    with Box(tmp_path, {"directives": True}, model=TOOLS + '\noversize = "summarise"') as box:
        talk = [*turns(14), {"role": "user", "content": "[[text=First.]] go on"}]
        talk[0]["content"] += " [[text=Each gate has a code of its own.]]"
        first = ask_with(box, talk)
        assert first.json["message"]["content"] == "First." and "messages=" in first.headers["Corral-Shortened"]
        assert "summarised" not in first.headers["Corral-Shortened"]
        assert box.logged(r"id=\S+-summary ", 60)
        talk += [{"role": "assistant", "content": "First."}, {"role": "user", "content": "[[text=Second.]] and then?"}]
        answers = []
        # It is there a moment after its request has ended.
        wait_until(lambda: answers.append(ask_with(box, talk)) or "summarised=" in answers[-1].headers["Corral-Shortened"], 10)
        assert answers[-1].json["message"]["content"] == "Second."
        read = box.runs()[-1]["kv_text"]
        assert read.count("A summary of them:\nEach gate has a code of its own.\n") == 1 and "the code of gate 11 is 4711" in read
        talk[0]["content"] = "Fact 0: edited."
        assert "summarised" not in ask_with(box, talk).headers["Corral-Shortened"]


def test_a_summary_gives_way_to_whoever_comes(tmp_path):
    turns = [one for n in range(14) for one in ({"role": "user", "content": f"Fact {n}."}, {"role": "assistant", "content": "Noted. " * 60})]
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 50}}, model=TOOLS + '\noversize = "summarise"') as box:
        turns[0]["content"] += " [[n=600]]"
        ask_with = lambda text: box.post("/api/chat", {"model": "sim", "stream": False, "messages": [*turns, {"role": "user", "content": text}]})
        assert "messages=" in ask_with("[[text=First.]] go on").headers["Corral-Shortened"]
        running = lambda: [one["id"] for one in box.get("/corral/v1/requests").json["running"]]
        given_way = lambda: len(re.findall(r"id=\S+-summary .*outcome=cancelled", box.log()))
        for count in range(1, 5):  # more than the tries that may fail
            wait_until(lambda: any(one.endswith("-summary") for one in running()), 30)
            assert box.say(f"[[text=Answer {count}.]] short") == f"Answer {count}."
            wait_until(lambda: given_way() == count, 5)
        wait_until(lambda: any(one.endswith("-summary") for one in running()), 30, "it is tried again")
        assert ask_with("[[text=Second.]] go on").json["message"]["content"] == "Second."


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_inside_a_stream_is_told_as_one(tmp_path, stream):
    """fastllm says status 200 first, and nobody knows its context."""
    box = Box(tmp_path, {"directives": True}, profile="fastllm")
    text = box.config_file.read_text()
    box.config_file.write_text(text.replace('"--max_batch"', '"--max_context_length", "300", "--max_batch"'))
    with box:
        reply = box.chat("word " * 800, stream=stream)
        assert reply.status == 400 and b"prompt too long" in reply.body, reply.body
        assert box.say("[[text=short]]") == "short"
