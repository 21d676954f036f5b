"""The `openai` package for JavaScript, unmodified."""

import json

import pytest

from answers import ENDLESS, HELLO, PERSON, PERSON_SCHEMA, THOUGHT, WEATHER_CALL, WEATHER_TOOL
from harness import MODEL, wait_until


@pytest.fixture
def run(node):
    return lambda body: node("import OpenAI from 'openai';",
                             "const client = new OpenAI({ baseURL: base + '/v1', apiKey: 'anything', maxRetries: 0 });\n" + body)


def ask(text, **more):
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}], **more})


def test_models_and_chat(run):
    out = run(f"""const models = []; for await (const m of client.models.list()) models.push(m.id);
return {{ models, chat: await client.chat.completions.create({ask(HELLO)}) }};""")
    assert out["models"] == [MODEL]
    assert out["chat"]["choices"][0]["message"]["content"] == "hello there my friend"


def test_streamed(run):
    out = run(f"""let text = ''; let usage = null;
for await (const c of await client.chat.completions.create({ask(HELLO, stream=True, stream_options={"include_usage": True})})) {{
  text += c.choices[0]?.delta?.content ?? ''; usage = c.usage ?? usage; }}
return {{ text, usage }};""")
    assert out["text"] == "hello there my friend" and out["usage"]["completion_tokens"] > 0


def test_reasoning_tools_and_structured_output(run):
    schema = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON_SCHEMA, "strict": True}}
    out = run(f"""const one = async (r) => (await client.chat.completions.create(r)).choices[0];
const streamed = await client.chat.completions.stream({ask(WEATHER_CALL, tools=[WEATHER_TOOL])}).finalChatCompletion();
return {{ thought: await one({ask(THOUGHT)}), called: await one({ask(WEATHER_CALL, tools=[WEATHER_TOOL])}), streamed: streamed.choices[0],
person: await one({ask(PERSON, response_format=schema)}) }};""")
    assert out["thought"]["message"]["reasoning"] == "they greet"
    for way in ("called", "streamed"):
        assert out[way]["finish_reason"] == "tool_calls"
        assert json.loads(out[way]["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Paris"}
    assert json.loads(out["person"]["message"]["content"]) == {"name": "Ada", "age": 36}


def test_responses(run):
    out = run(f"""const whole = await client.responses.create({{ model, input: {json.dumps(HELLO)} }});
const types = []; let text = '';
for await (const e of await client.responses.create({{ model, input: {json.dumps(HELLO)}, stream: true }})) {{
  types.push(e.type); if (e.type === 'response.output_text.delta') text += e.delta; }}
return {{ whole: whole.output_text, types, text }};""")
    assert out["whole"] == "hello there my friend" == out["text"]
    assert out["types"][0] == "response.created" and out["types"][-1] == "response.completed"


def test_errors(run):
    out = run(f"""const tell = async (what) => {{ try {{ await what(); return null; }} catch (e) {{ return [e.constructor.name, e.status, e.error?.message]; }} }};
return [await tell(() => client.chat.completions.create({{ model: 'nosuch', messages: [{{ role: 'user', content: 'x' }}] }})),
await tell(() => client.embeddings.create({{ model, input: 'x' }}))];""")
    assert out[0] == ["NotFoundError", 404, "model 'nosuch' not found"]
    assert out[1][:2] == ["InternalServerError", 501] and "does not support embeddings" in out[1][2]


def test_abort_frees_the_runtime(box, run):
    out = run(f"""const stream = await client.chat.completions.create({ask(ENDLESS, stream=True)});
setTimeout(() => stream.controller.abort(), 300);
try {{ for await (const c of stream) {{}} return 'ended'; }} catch (e) {{ return e.name; }}""")
    assert out in ("ended", "AbortError", "APIUserAbortError", "Error")
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_embeddings(vectors, node):
    out = node("import OpenAI from 'openai';", """const client = new OpenAI({ baseURL: base + '/v1', apiKey: 'anything', maxRetries: 0 });
return (await client.embeddings.create({ model, input: ['a', 'b'] })).data.map(one => one.embedding.length);""", box=vectors)
    assert out == [64, 64]
