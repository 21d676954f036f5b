"""The AI SDK (`ai`) with its Ollama provider (`ollama-ai-provider-v2`), unmodified."""

import json

import pytest

from answers import ENDLESS, HELLO, PERSON, WEATHER_CALL
from harness import wait_until

IMPORTS = """import { generateText, streamText, generateObject, tool } from 'ai';
import { createOllama } from 'ollama-ai-provider-v2';
import { z } from 'zod';"""


@pytest.fixture
def run(node):
    return lambda body: node(IMPORTS, "const sim = createOllama({ baseURL: base + '/api' })(model);\n" + body)


def test_text(run):
    out = run(f"""const whole = await generateText({{ model: sim, prompt: {json.dumps(HELLO)} }});
let streamed = '';
for await (const t of streamText({{ model: sim, prompt: {json.dumps(HELLO)} }}).textStream) streamed += t;
return {{ whole: whole.text, reason: whole.finishReason, streamed }};""")
    assert out["whole"] == "hello there my friend" == out["streamed"] and out["reason"] == "stop"


def test_tools(run):
    out = run(f"""const answer = await generateText({{ model: sim, prompt: {json.dumps(WEATHER_CALL)},
  tools: {{ get_weather: tool({{ description: 'The weather of a city.', inputSchema: z.object({{ city: z.string() }}) }}) }} }});
return answer.toolCalls.map(c => [c.toolName, c.input]);""")
    assert out == [["get_weather", {"city": "Paris"}]]


def test_object(run):
    out = run(f"""return (await generateObject({{ model: sim, prompt: {json.dumps(PERSON)},
  schema: z.object({{ name: z.string(), age: z.number().int() }}) }})).object;""")
    assert out == {"name": "Ada", "age": 36}


def test_abort_frees_the_runtime(box, run):
    run(f"""const stop = new AbortController();
const stream = streamText({{ model: sim, prompt: {json.dumps(ENDLESS)}, abortSignal: stop.signal }});
try {{ for await (const t of stream.textStream) stop.abort(); }} catch (e) {{}}
return null;""")
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")
