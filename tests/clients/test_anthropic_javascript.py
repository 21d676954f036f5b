"""The `@anthropic-ai/sdk` package, unmodified."""

import json

import pytest

from answers import HELLO, THOUGHT, WEATHER_CALL, WEATHER_SCHEMA
from harness import MODEL

TOOL = {"name": "get_weather", "description": "The weather of a city.", "input_schema": WEATHER_SCHEMA}


@pytest.fixture
def run(node):
    return lambda body: node("import Anthropic from '@anthropic-ai/sdk';",
                             "const client = new Anthropic({ baseURL: base, apiKey: 'anything', maxRetries: 0 });\n" + body)


def ask(text, **more):
    return json.dumps({"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more})


def test_messages(run):
    out = run(f"""return {{ whole: await client.messages.create({ask(HELLO)}), streamed: await client.messages.stream({ask(HELLO)}).finalMessage(),
thought: await client.messages.stream({ask(THOUGHT)}).finalMessage(), called: await client.messages.stream({ask(WEATHER_CALL, tools=[TOOL])}).finalMessage() }};""")
    for way in ("whole", "streamed"):
        assert out[way]["content"][0]["text"] == "hello there my friend" and out[way]["stop_reason"] == "end_turn"
    assert [b["type"] for b in out["thought"]["content"]] == ["thinking", "text"]
    assert out["called"]["stop_reason"] == "tool_use" and out["called"]["content"][0]["input"] == {"city": "Paris"}


def test_errors(run):
    out = run(f"""try {{ await client.messages.create({{ ...{ask(HELLO)}, model: 'nosuch' }}); }}
catch (e) {{ return [e.constructor.name, e.status, e.error.error.message]; }}""")
    assert out == ["NotFoundError", 404, "model 'nosuch' not found"]
