"""The `anthropic` package for Python, unmodified."""

import anthropic
import pytest

from answers import ENDLESS, HELLO, PNG_URL, THOUGHT, TWO_CALLS, WEATHER_SCHEMA, images_seen, user
from harness import MODEL, wait_until

TOOL = {"name": "get_weather", "description": "The weather of a city.", "input_schema": WEATHER_SCHEMA}


@pytest.fixture
def client(box):
    return anthropic.Anthropic(base_url=f"http://127.0.0.1:{box.port}", api_key="anything", max_retries=0)


def test_message(client, box):
    reply = client.messages.create(model=MODEL, max_tokens=100, messages=user(HELLO), system=[{"type": "text", "text": "Be kind."}])
    assert [b.text for b in reply.content] == ["hello there my friend"]
    assert reply.stop_reason == "end_turn" and reply.usage.input_tokens > 0 and reply.usage.output_tokens > 0
    assert "Be kind." in box.runs()[-1]["kv_text"]


def test_streamed(client):
    with client.messages.stream(model=MODEL, max_tokens=100, messages=user(HELLO)) as stream:
        assert "".join(stream.text_stream) == "hello there my friend"
        last = stream.get_final_message()
    assert last.stop_reason == "end_turn" and last.usage.output_tokens > 0


def test_thinking(client):
    reply = client.messages.create(model=MODEL, max_tokens=2000, messages=user(THOUGHT), thinking={"type": "enabled", "budget_tokens": 1024})
    assert [b.type for b in reply.content] == ["thinking", "text"]
    assert reply.content[0].thinking == "they greet" and reply.content[1].text == "hello"
    with client.messages.stream(model=MODEL, max_tokens=2000, messages=user(THOUGHT)) as stream:
        assert [b.type for b in stream.get_final_message().content] == ["thinking", "text"]


def test_tool_round(client):
    messages = user(TWO_CALLS)
    first = client.messages.create(model=MODEL, max_tokens=200, messages=messages, tools=[TOOL])
    assert first.stop_reason == "tool_use" and [b.input for b in first.content] == [{"city": "Paris"}, {"city": "Rome"}]
    messages.append({"role": "assistant", "content": first.content})
    results = [{"type": "tool_result", "tool_use_id": b.id, "content": "3 degrees"} for b in first.content]
    messages.append({"role": "user", "content": results + [{"type": "text", "text": "[[text=cold]]"}]})
    assert client.messages.create(model=MODEL, max_tokens=200, messages=messages, tools=[TOOL]).content[0].text == "cold"


def test_tools_streamed(client):
    with client.messages.stream(model=MODEL, max_tokens=200, messages=user(TWO_CALLS), tools=[TOOL]) as stream:
        last = stream.get_final_message()
    assert [(b.name, b.input) for b in last.content] == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})]


def test_max_tokens_and_stop_sequence(client):
    assert client.messages.create(model=MODEL, max_tokens=3, messages=user("[[n=50]]")).stop_reason == "max_tokens"
    reply = client.messages.create(model=MODEL, max_tokens=100, messages=user("[[text=one two three]]"), stop_sequences=[" three"])
    assert reply.content[0].text == "one two"
    assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", " three")


def test_tokens_are_counted_as_they_are_read(client):
    counted = client.messages.count_tokens(model=MODEL, messages=user("[[n=3]] how many?")).input_tokens
    assert counted == client.messages.create(model=MODEL, max_tokens=5, messages=user("[[n=3]] how many?")).usage.input_tokens


def test_errors_are_those_it_knows(client):
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(model="nosuch", max_tokens=10, messages=user(HELLO))
    assert missing.value.body["error"]["message"] == "model 'nosuch' not found"
    with pytest.raises(anthropic.BadRequestError):
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
        client.messages.create(model=MODEL, max_tokens=10, messages=[{"role": "user", "content": [image]}])


def test_leaving_a_stream_frees_the_runtime(client, box):
    with client.messages.stream(model=MODEL, max_tokens=100000, messages=user(ENDLESS)) as stream:
        for _ in stream.text_stream:
            break
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_a_failure_within_a_stream_is_raised(client, box):
    with pytest.raises(anthropic.APIError):
        with client.messages.stream(model=MODEL, max_tokens=100000, messages=user(ENDLESS)) as stream:
            for number, _ in enumerate(stream.text_stream):
                if number == 1:
                    box.kill("runtime")
    box.wait_ready()


def test_an_image_arrives_as_it_is(seeing):
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{seeing.port}", api_key="anything", max_retries=0)
    source = {"type": "base64", "media_type": "image/png", "data": PNG_URL.split(",")[1]}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "[[text=a cat]]"}]
    made = client.messages.create(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": content}])
    assert made.content[0].text == "a cat" and images_seen(seeing) == [PNG_URL]
