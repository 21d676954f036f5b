"""The `ollama` package for Python, unmodified."""

import asyncio

import ollama
import pytest
from pydantic import BaseModel

from answers import ENDLESS, HELLO, PERSON, PNG, PNG_URL, THOUGHT, TWO_CALLS, WEATHER_CALL, WEATHER_TOOL, images_seen, user
from harness import MODEL, wait_until


@pytest.fixture
def client(box):
    return ollama.Client(host=f"http://127.0.0.1:{box.port}")


def test_list(client):
    models = client.list().models
    assert [m.model for m in models] == [MODEL]
    assert len(models[0].digest) == 64 and models[0].size > 0 and models[0].modified_at.tzinfo


def test_show(client):
    shown = client.show(MODEL)
    assert {"completion", "tools", "thinking"} <= set(shown.capabilities)
    assert shown.modelinfo["general.architecture"]
    assert shown.details.family
    assert ".Tools" in shown.template


def test_ps(client):
    running = client.ps().models
    assert running[0].model == MODEL and running[0].expires_at.tzinfo


def test_chat(client):
    reply = client.chat(MODEL, user(HELLO))
    assert reply.message.content == "hello there my friend"
    assert reply.done and reply.done_reason == "stop" and reply.eval_count > 0


def test_chat_streamed(client):
    parts = list(client.chat(MODEL, user(HELLO), stream=True))
    assert "".join(p.message.content for p in parts) == "hello there my friend"
    assert [p.done for p in parts].count(True) == 1 and parts[-1].done


def test_generate(client):
    reply = client.generate(MODEL, "[[text=generated]]", system="Be brief.", options={"temperature": 0, "num_predict": 20})
    assert reply.response == "generated" and reply.done_reason == "stop"


def test_generate_streamed(client):
    parts = list(client.generate(MODEL, "[[n=12]]", stream=True))
    assert "".join(p.response for p in parts).split()[:3] == ["one", "two", "three"]
    assert parts[-1].done and len(parts) > 3


def test_generate_goes_on_where_the_context_ends(client, box):
    first = client.generate(MODEL, "Remember the blue whale. [[text=noted]]")
    client.generate(MODEL, "What was it? [[text=a whale]]", context=first.context)
    prompt = box.runs()[-1]["kv_text"]
    assert prompt.index("blue whale") < prompt.index("noted") < prompt.index("What was it?")


def test_thinking(client):
    reply = client.chat(MODEL, user(THOUGHT), think=True)
    assert (reply.message.thinking, reply.message.content) == ("they greet", "hello")
    parts = list(client.chat(MODEL, user(THOUGHT), think="high", stream=True))
    assert "".join(p.message.thinking or "" for p in parts) == "they greet"
    assert "".join(p.message.content or "" for p in parts) == "hello"


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
      city: its name
    """
    return f"3 degrees in {city}"


def test_tools_by_function(client):
    messages = user(TWO_CALLS)
    reply = client.chat(MODEL, messages, tools=[get_weather])
    calls = reply.message.tool_calls
    assert [(c.function.name, c.function.arguments) for c in calls] == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})]
    messages += [reply.message] + [{"role": "tool", "tool_name": c.function.name, "content": get_weather(**c.function.arguments)} for c in calls]
    assert client.chat(MODEL, messages + user("[[text=cold]]"), tools=[get_weather]).message.content == "cold"


def test_tools_streamed(client):
    parts = list(client.chat(MODEL, user(WEATHER_CALL), tools=[WEATHER_TOOL], stream=True))
    calls = [c for p in parts for c in p.message.tool_calls or []]
    assert [c.function.arguments for c in calls] == [{"city": "Paris"}]
    assert "".join(p.message.content or "" for p in parts) == ""


def test_structured_output(client):
    class Person(BaseModel):
        name: str
        age: int

    reply = client.chat(MODEL, user(PERSON), format=Person.model_json_schema())
    assert Person.model_validate_json(reply.message.content) == Person(name="Ada", age=36)
    assert Person.model_validate_json(client.generate(MODEL, PERSON, format="json").response).age == 36


def test_embeddings_are_an_error_that_says_why(client):
    with pytest.raises(ollama.ResponseError, match="does not support embeddings") as refused:
        client.embed(MODEL, "a text")
    assert refused.value.status_code == 501
    with pytest.raises(ollama.ResponseError, match="does not support embeddings"):
        client.embeddings(MODEL, "a text")


def test_errors_are_those_it_knows(client):
    with pytest.raises(ollama.ResponseError) as missing:
        client.chat("nosuch", user(HELLO))
    assert missing.value.status_code == 404 and missing.value.error == "model 'nosuch' not found"


def test_a_variant_lives_its_life(client, box):
    client.create("pirate", from_=MODEL, system="You are a pirate.", parameters={"temperature": 0.1})
    try:
        assert "pirate:latest" in [m.model for m in client.list().models]
        assert client.chat("pirate", user(HELLO)).message.content == "hello there my friend"
        assert "You are a pirate." in box.runs()[-1]["kv_text"]
        client.copy("pirate", "parrot")
        assert "pirate" in client.show("parrot").modelfile
    finally:
        for name in ("pirate", "parrot"):
            client.delete(name)
    assert [m.model for m in client.list().models] == [MODEL]


def test_pull(client):
    assert client.pull(MODEL).status == "success"
    assert [p.status for p in client.pull(MODEL, stream=True)][-1] == "success"
    with pytest.raises(ollama.ResponseError, match="corral import"):
        client.pull("llama3.2")


def test_async_client_that_stops_reading_frees_the_runtime(box):
    async def talk():
        client = ollama.AsyncClient(host=f"http://127.0.0.1:{box.port}")
        stream = await client.chat(MODEL, user(ENDLESS), stream=True)
        async for part in stream:
            assert part.message.content
            break
        await stream.aclose()

    asyncio.run(talk())
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_load_and_unload(client):
    assert client.generate(MODEL, "", keep_alive="5m").done_reason == "load"
    assert client.generate(MODEL, "", keep_alive=0).done_reason == "unload"
    wait_until(lambda: client.ps().models == [], 20, "unloaded")
    assert client.chat(MODEL, user(HELLO), keep_alive=-1).message.content == "hello there my friend"
    assert [m.model for m in client.ps().models] == [MODEL]


def test_embeddings_are_unit_vectors_in_the_order_of_the_texts(vectors):
    client = ollama.Client(host=f"http://127.0.0.1:{vectors.port}")
    made = client.embed(MODEL, ["a red apple", "a green apple", "1 2 3"])
    assert [len(one) for one in made.embeddings] == [64] * 3 and made.prompt_eval_count > 3
    assert all(abs(sum(x * x for x in one) - 1) < 1e-5 for one in made.embeddings)
    assert client.embed(MODEL, "a green apple").embeddings[0] == made.embeddings[1]
    short = client.embed(MODEL, "a red apple", dimensions=16).embeddings[0]
    assert len(short) == 16 and abs(sum(x * x for x in short) - 1) < 1e-5
    assert len(client.embeddings(MODEL, "a red apple").embedding) == 64
    assert client.show(MODEL).capabilities == ["embedding"]
    with pytest.raises(ollama.ResponseError, match="does not support chat"):
        client.chat(MODEL, user(HELLO))


def test_an_image_arrives_as_it_is(seeing):
    client = ollama.Client(host=f"http://127.0.0.1:{seeing.port}")
    reply = client.chat(MODEL, [{"role": "user", "content": "[[text=a cat]]", "images": [PNG]}])
    assert reply.message.content == "a cat" and images_seen(seeing) == [PNG_URL]
    assert client.generate(MODEL, "[[text=a dog]]", images=[PNG]).response == "a dog" and images_seen(seeing) == [PNG_URL]
    assert "vision" in client.show(MODEL).capabilities
