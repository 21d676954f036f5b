"""The `ollama` package for JavaScript, unmodified: node runs one script a case."""

import json
import os
import pathlib
import subprocess

import pytest

from harness import MODEL, Box, wait_until

MODULES = pathlib.Path(os.environ["CORRAL_NODE_MODULES"])


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("javascript"), {"directives": True, "timing": {"tokens_per_second": 100}}) as running:
        yield running


def run(box, tmp_path, body):
    """What the script printed as JSON; `client` and `model` are there for it."""
    script = tmp_path / "case.mjs"
    library = (MODULES / "ollama" / "dist" / "index.mjs").as_uri()
    script.write_text(f"""import {{ Ollama }} from {json.dumps(library)};
const client = new Ollama({{ host: "http://127.0.0.1:{box.port}" }});
const model = {json.dumps(MODEL)};
const out = await (async () => {{ {body} }})();
console.log(JSON.stringify(out));
""")
    done = subprocess.run(["node", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_list_show_ps(box, tmp_path):
    out = run(box, tmp_path, "return { list: await client.list(), show: await client.show({ model }), ps: await client.ps() };")
    assert out["list"]["models"][0]["name"] == MODEL
    assert "completion" in out["show"]["capabilities"]
    assert out["ps"]["models"][0]["model"] == MODEL


def test_chat(box, tmp_path):
    out = run(box, tmp_path, "return await client.chat({ model, messages: [{ role: 'user', content: '[[text=hello]]' }] });")
    assert out["message"]["content"] == "hello" and out["done"] is True


def test_chat_streamed(box, tmp_path):
    out = run(box, tmp_path, """const parts = [];
for await (const p of await client.chat({ model, stream: true, messages: [{ role: 'user', content: '[[n=12]]' }] })) parts.push(p);
return parts;""")
    assert out[-1]["done"] is True and len(out) > 3
    assert "".join(p["message"]["content"] for p in out).split()[:2] == ["one", "two"]


def test_generate_both_ways(box, tmp_path):
    out = run(box, tmp_path, """const whole = await client.generate({ model, prompt: '[[text=generated]]' });
let streamed = '';
for await (const p of await client.generate({ model, prompt: '[[text=generated]]', stream: true })) streamed += p.response;
return { whole, streamed };""")
    assert out["whole"]["response"] == "generated" == out["streamed"]


def test_abort_frees_the_runtime(box, tmp_path):
    out = run(box, tmp_path, """const stream = await client.chat({ model, stream: true, messages: [{ role: 'user', content: '[[never_end]]' }] });
setTimeout(() => stream.abort(), 300);
try { for await (const p of stream) {} return 'ended'; } catch (e) { return e.name; }""")
    assert out == "AbortError"
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_error_text(box, tmp_path):
    out = run(box, tmp_path, """try { await client.chat({ model: 'nosuch', messages: [{ role: 'user', content: 'x' }] }); }
catch (e) { return { message: e.message, status: e.status_code }; }""")
    assert out == {"message": "model 'nosuch' not found", "status": 404}
