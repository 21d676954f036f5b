"""The `ollama` package for Python, unmodified."""

import asyncio

import ollama
import pytest

from harness import MODEL, Box, wait_until


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("python"), {"directives": True, "timing": {"tokens_per_second": 100}}) as running:
        yield running


@pytest.fixture
def client(box):
    return ollama.Client(host=f"http://127.0.0.1:{box.port}")


HELLO = [{"role": "user", "content": "[[text=hello there my friend]]"}]


def test_list(client):
    models = client.list().models
    assert [m.model for m in models] == [MODEL]
    assert len(models[0].digest) == 64 and models[0].size > 0 and models[0].modified_at.tzinfo


def test_show(client):
    shown = client.show(MODEL)
    assert "completion" in shown.capabilities
    assert shown.modelinfo["general.architecture"]
    assert shown.details.family


def test_ps(client):
    running = client.ps().models
    assert running[0].model == MODEL and running[0].expires_at.tzinfo


def test_chat(client):
    reply = client.chat(MODEL, HELLO)
    assert reply.message.content == "hello there my friend"
    assert reply.done and reply.done_reason == "stop" and reply.eval_count > 0


def test_chat_streamed(client):
    parts = list(client.chat(MODEL, HELLO, stream=True))
    assert "".join(p.message.content for p in parts) == "hello there my friend"
    assert [p.done for p in parts].count(True) == 1 and parts[-1].done


def test_generate(client):
    reply = client.generate(MODEL, "[[text=generated]]", system="Be brief.", options={"temperature": 0, "num_predict": 20})
    assert reply.response == "generated" and reply.done_reason == "stop"


def test_generate_streamed(client):
    parts = list(client.generate(MODEL, "[[n=12]]", stream=True))
    assert "".join(p.response for p in parts).split()[:3] == ["one", "two", "three"]
    assert parts[-1].done and len(parts) > 3


def test_errors_are_those_it_knows(client):
    with pytest.raises(ollama.ResponseError) as missing:
        client.chat("nosuch", HELLO)
    assert missing.value.status_code == 404 and missing.value.error == "model 'nosuch' not found"


def test_async_client_that_stops_reading_frees_the_runtime(box):
    async def talk():
        client = ollama.AsyncClient(host=f"http://127.0.0.1:{box.port}")
        stream = await client.chat(MODEL, [{"role": "user", "content": "[[never_end]]"}], stream=True)
        async for part in stream:
            assert part.message.content
            break
        await stream.aclose()

    asyncio.run(talk())
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_load_and_unload(client):
    assert client.generate(MODEL, "", keep_alive="5m").done_reason == "load"
    assert client.generate(MODEL, "", keep_alive=0).done_reason == "unload"
