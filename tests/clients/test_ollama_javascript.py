"""The `ollama` package for JavaScript, unmodified: node runs one script a case."""

import json

import pytest

from answers import ENDLESS, HELLO, PERSON, PERSON_SCHEMA, THOUGHT, WEATHER_CALL, WEATHER_TOOL
from harness import MODEL, wait_until

IMPORTS = "import { Ollama } from 'ollama';"


@pytest.fixture
def run(node):
    return lambda body: node(IMPORTS, "const client = new Ollama({ host: base });\n" + body)


def ask(text, **more):
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}], **more})


def test_list_show_ps(run):
    out = run("return { list: await client.list(), show: await client.show({ model }), ps: await client.ps() };")
    assert out["list"]["models"][0]["name"] == MODEL
    assert "completion" in out["show"]["capabilities"]
    assert out["ps"]["models"][0]["model"] == MODEL


def test_chat(run):
    out = run(f"return await client.chat({ask(HELLO)});")
    assert out["message"]["content"] == "hello there my friend" and out["done"] is True


def test_chat_streamed(run):
    out = run(f"const parts = []; for await (const p of await client.chat({ask('[[n=12]]', stream=True)})) parts.push(p); return parts;")
    assert out[-1]["done"] is True and len(out) > 3
    assert "".join(p["message"]["content"] for p in out).split()[:2] == ["one", "two"]


def test_generate_both_ways(run):
    out = run("""const whole = await client.generate({ model, prompt: '[[text=generated]]' });
let streamed = '';
for await (const p of await client.generate({ model, prompt: '[[text=generated]]', stream: true })) streamed += p.response;
return { whole, streamed };""")
    assert out["whole"]["response"] == "generated" == out["streamed"]


def test_thinking_tools_and_structured_output(run):
    out = run(f"""return {{ thought: await client.chat({ask(THOUGHT, think=True)}),
called: await client.chat({ask(WEATHER_CALL, tools=[WEATHER_TOOL])}), person: await client.chat({ask(PERSON, format=PERSON_SCHEMA)}) }};""")
    assert out["thought"]["message"]["thinking"] == "they greet" and out["thought"]["message"]["content"] == "hello"
    assert out["called"]["message"]["tool_calls"][0]["function"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}}
    assert json.loads(out["person"]["message"]["content"]) == {"name": "Ada", "age": 36}


def test_pull_create_and_delete(run):
    out = run("""const pulled = await client.pull({ model });
const made = await client.create({ model: 'mine', from: model, system: 'Be kind.' });
const names = (await client.list()).models.map(m => m.name);
await client.delete({ model: 'mine' });
return { pulled, made, names, left: (await client.list()).models.length };""")
    assert out["pulled"]["status"] == "success" == out["made"]["status"]
    assert "mine:latest" in out["names"] and out["left"] == 1


def test_abort_frees_the_runtime(box, run):
    out = run(f"""const stream = await client.chat({ask(ENDLESS, stream=True)});
setTimeout(() => stream.abort(), 300);
try {{ for await (const p of stream) {{}} return 'ended'; }} catch (e) {{ return e.name; }}""")
    assert out == "AbortError"
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_errors(run):
    out = run("""const tell = async (what) => { try { await what(); return null; } catch (e) { return { message: e.message, status: e.status_code }; } };
return [await tell(() => client.chat({ model: 'nosuch', messages: [{ role: 'user', content: 'x' }] })),
await tell(() => client.embed({ model, input: 'x' }))];""")
    assert out[0] == {"message": "model 'nosuch' not found", "status": 404}
    assert out[1]["status"] == 501 and "does not support embeddings" in out[1]["message"]


def test_embeddings(vectors, node):
    out = node(IMPORTS, """const client = new Ollama({ host: base });
return { many: await client.embed({ model, input: ['a', 'b'] }), old: await client.embeddings({ model, prompt: 'a' }) };""", box=vectors)
    assert [len(one) for one in out["many"]["embeddings"]] == [64, 64] and len(out["old"]["embedding"]) == 64
