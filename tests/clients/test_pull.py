"""From a name to a chat by the official packages: pull with its progress, chat, delete."""

import ollama
import pytest

from pull_box import NAME, PullBox


@pytest.fixture
def empty(tmp_path):
    """A box without a model, whose catalogue has one."""
    with PullBox(tmp_path / "box") as box:
        yield box


def test_python(empty):
    client = ollama.Client(host=empty.url)
    assert client.list().models == []
    steps = list(client.pull(NAME, stream=True))
    assert [steps[0].status, steps[-1].status] == ["pulling manifest", "success"]
    bar = [step for step in steps if step.digest]
    assert bar and bar[-1].completed == bar[-1].total > 0
    assert [model.model for model in client.list().models] == [NAME]
    assert client.chat(NAME, [{"role": "user", "content": "hi"}]).message.content
    assert client.delete(NAME).status == "success"
    assert client.list().models == []
    assert client.pull(NAME).status == "success"


def test_javascript(empty, node):
    out = node("import { Ollama } from 'ollama';", f"""const client = new Ollama({{ host: base }});
const steps = [];
for await (const step of await client.pull({{ model: '{NAME}', stream: true }})) steps.push(step);
const said = await client.chat({{ model: '{NAME}', messages: [{{ role: 'user', content: 'hi' }}] }});
const gone = await client.delete({{ model: '{NAME}' }});
const again = await client.pull({{ model: '{NAME}' }});
return {{ steps, said, gone, again, left: (await client.list()).models.length }};""", box=empty)
    assert out["steps"][0]["status"] == "pulling manifest" and out["steps"][-1]["status"] == "success"
    assert any(step.get("completed") for step in out["steps"])
    assert out["said"]["message"]["content"]
    assert out["gone"]["status"] == out["again"]["status"] == "success" and out["left"] == 1
