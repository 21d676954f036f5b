"""First requests of clients that people have, far longer than a model of an edge NPU reads. Those in `requests` were recorded from
the clients themselves (requests/README.md); the others have the size and the shape of theirs."""

import json
import pathlib
import re

RECORDED = pathlib.Path(__file__).parent / "requests"
FILLER = "Think of the next step, say what it takes and wait for the result. "


def recorded(client, text):
    """What the client sent, with `text` as the newest turn; `model` and `stream` are the test's."""
    body = json.loads((RECORDED / f"{client}.json").read_text())
    body["messages"][-1]["content"] = text
    return {key: value for key, value in body.items() if key not in ("model", "stream", "stream_options", "options", "keep_alive")}


def outlined(client, text):
    """The same of a recording whose long texts are no more than their ends and their length (requests/README.md)."""
    body = (RECORDED / f"{client}.json").read_text().replace("{question}", json.dumps(text)[1:-1])
    filler = lambda size: (FILLER * (size // len(FILLER) + 1))[:size]
    return json.loads(re.sub(r"\[(\d+) bytes\]", lambda found: filler(int(found[1])), body))


def open_webui(text):
    """36 built-in tools, 26 kB, with each chat."""
    return recorded("open_webui", text)


def cline(text):
    """An agent in an editor: 25 tools and its rules, 23 kB."""
    return recorded("cline", text)


def aider(text):
    """Pair programming: the rules of edit blocks, two worked examples and a map of the repository, 11 kB."""
    return recorded("aider", text)


def continue_cli(text):
    """An agent on the command line that speaks OpenAI's format: nine tools, 6 kB."""
    return recorded("continue", text)


def home_assistant_first(text):
    """A voice assistant with eighty exposed entities in ten areas: 19 tools, 15 kB."""
    return recorded("home_assistant", text)


def n8n(text):
    """A workflow's agent with 27 tools, 24 of them nodes, 9 kB."""
    return recorded("n8n", text)


def n8n_openai(text):
    """The same through its OpenAI node, which adds this to each tool."""
    body = n8n(text)
    for one in body["tools"]:
        one["function"]["strict"] = False
    return body


def codex(text):
    """An agent on the command line, on /v1/responses: nine tools, instructions and surroundings, 39 kB."""
    return outlined("codex", text)


def opencode(text):
    """An agent on the command line: ten tools, 30 kB."""
    return outlined("opencode", text)


def qwen_code(text):
    """An agent on the command line: eleven tools and a system prompt of 39 kB."""
    return outlined("qwen_code", text)


def claude_code(text):
    """An agent on the command line, on /v1/messages: 24 tools, 76 kB."""
    return outlined("claude_code", text)


def tool(name, parameters, said):
    properties = {one: {"type": "string", "description": f"The {one.replace('_', ' ')} that this call of {name} is about. "
                        "Leave it out where the default is wanted, and never make one up."} for one in parameters}
    return {"type": "function", "function": {"name": name, "description": said, "parameters": {
        "type": "object", "properties": properties, "required": list(properties)[:1]}}}


def home_assistant(text):
    """Many entities as system prompt, and a dozen tools, of which two were called."""
    entities = "\n".join(f"- names: Lamp {i}\n  domain: light\n  areas: Room {i % 12}\n  state: 'off'" for i in range(90))
    names = ["HassTurnOn", "HassTurnOff", "HassLightSet", "HassClimateSetTemperature", "HassMediaPause", "HassMediaNext",
             "HassSetVolume", "HassVacuumStart", "HassListAddItem", "HassStartTimer", "HassCancelTimer", "GetLiveContext"]
    call = {"function": {"name": "HassTurnOn", "arguments": {"name": "Lamp 1"}}}
    return {"messages": [{"role": "system", "content": "You are a voice assistant.\n" + entities}, {"role": "user", "content": "Lamp 1 on"},
                         {"role": "assistant", "content": "", "tool_calls": [call]},
                         {"role": "tool", "tool_name": "HassTurnOn", "content": "done"}, {"role": "assistant", "content": "It is on."},
                         {"role": "user", "content": text}],
            "tools": [tool(name, ["name", "area"], f"{name} of a device or an area.") for name in names]}


def agent(text):
    """A system prompt of some 10,000 tokens, as agents inside editors send."""
    rules = "\n\n".join(f"## Rule {i}\n" + "Think of the next step, say which tool takes it, wait for its result. " * 6 for i in range(80))
    return {"messages": [{"role": "system", "content": rules}, {"role": "user", "content": text}]}
