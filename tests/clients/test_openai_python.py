"""The `openai` package for Python, unmodified."""

import json

import openai
import pytest
from pydantic import BaseModel

from answers import ENDLESS, HELLO, PERSON, PNG_URL, THOUGHT, TWO_CALLS, WEATHER_CALL, WEATHER_SCHEMA, WEATHER_TOOL, images_seen, user
from harness import MODEL, wait_until


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def client(box):
    return openai.OpenAI(base_url=f"http://127.0.0.1:{box.port}/v1", api_key="anything", max_retries=0)


def test_models(client):
    assert [m.id for m in client.models.list()] == [MODEL]
    assert client.models.retrieve("sim").id == "sim"


def test_chat(client):
    reply = client.chat.completions.create(model=MODEL, messages=user(HELLO))
    assert reply.choices[0].message.content == "hello there my friend"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


def test_chat_streamed(client):
    chunks = list(client.chat.completions.create(model=MODEL, messages=user("[[n=12]]"), stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices).split()[:2] == ["one", "two"]
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens > 0 and len({c.id for c in chunks}) == 1


def test_reasoning(client):
    message = client.chat.completions.create(model=MODEL, messages=user(THOUGHT), reasoning_effort="low").choices[0].message
    assert message.content == "hello" and message.reasoning == "they greet"


def test_tool_round(client):
    messages = user(TWO_CALLS)
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER_TOOL]).choices[0]
    assert first.finish_reason == "tool_calls"
    assert [json.loads(c.function.arguments) for c in first.message.tool_calls] == [{"city": "Paris"}, {"city": "Rome"}]
    messages.append(first.message)
    messages += [{"role": "tool", "tool_call_id": c.id, "content": "3 degrees"} for c in first.message.tool_calls]
    messages += user("[[text=cold]]")
    assert client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER_TOOL]).choices[0].message.content == "cold"


def test_tools_by_the_stream_helper(client):
    with client.chat.completions.stream(model=MODEL, messages=user(WEATHER_CALL), tools=[WEATHER_TOOL]) as stream:
        stream.until_done()
    call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})


def test_structured_output(client):
    reply = client.chat.completions.parse(model=MODEL, messages=user(PERSON), response_format=Person)
    assert reply.choices[0].message.parsed == Person(name="Ada", age=36)


def test_an_answer_that_does_not_keep_to_the_format_is_told(client):
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model=MODEL, messages=user("[[text=I would rather not.]]"), response_format={"type": "json_object"})


def test_completions(client):
    assert client.completions.create(model=MODEL, prompt=HELLO).choices[0].text == "hello there my friend"
    assert "".join(c.choices[0].text for c in client.completions.create(model=MODEL, prompt=HELLO, stream=True)) == "hello there my friend"


def test_responses(client):
    reply = client.responses.create(model=MODEL, input=HELLO, instructions="Be kind.")
    assert reply.output_text == "hello there my friend" and reply.status == "completed" and reply.usage.total_tokens > 0
    assert client.responses.parse(model=MODEL, input=PERSON, text_format=Person).output_parsed == Person(name="Ada", age=36)


def test_responses_streamed(client):
    events = list(client.responses.create(model=MODEL, input=THOUGHT, stream=True))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "hello"
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert events[-1].response.output_text == "hello"


def test_responses_call_tools(client):
    tool = {"type": "function", "name": "get_weather", "parameters": WEATHER_SCHEMA}
    reply = client.responses.create(model=MODEL, input=WEATHER_CALL, tools=[tool])
    call = reply.output[-1]
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "get_weather", {"city": "Paris"})
    more = [{"role": "user", "content": "x"}, call.model_dump(), {"type": "function_call_output", "call_id": call.call_id, "output": "3"},
            {"role": "user", "content": "[[text=cold]]"}]
    assert client.responses.create(model=MODEL, input=more, tools=[tool]).output_text == "cold"


def test_embeddings_error(client):
    with pytest.raises(openai.InternalServerError, match="does not support embeddings"):
        client.embeddings.create(model=MODEL, input="a text")


def test_errors_are_those_it_knows(client):
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="nosuch", messages=user(HELLO))
    assert missing.value.body["message"] == "model 'nosuch' not found"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=[])


def test_leaving_a_stream_frees_the_runtime(client, box):
    with client.chat.completions.create(model=MODEL, messages=user(ENDLESS), stream=True) as stream:
        for _ in stream:
            break
    wait_until(lambda: not box.runtime_state()["running"], 5, "idle")


def test_a_failure_within_a_stream_is_raised(client, box):
    with pytest.raises(openai.APIError):
        for number, _ in enumerate(client.chat.completions.create(model=MODEL, messages=user(ENDLESS), stream=True)):
            if number == 1:
                box.kill("runtime")
    box.wait_ready()


def test_embeddings_come_as_the_base64_that_it_asks_for(vectors):
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{vectors.port}/v1", api_key="anything", max_retries=0)
    made = client.embeddings.create(model=MODEL, input=["a red apple", "a green apple"])
    plain = client.embeddings.create(model=MODEL, input="a green apple", encoding_format="float")
    assert [one.index for one in made.data] == [0, 1] and made.usage.prompt_tokens == made.usage.total_tokens > 0
    assert max(abs(a - b) for a, b in zip(made.data[1].embedding, plain.data[0].embedding)) < 1e-6
    assert len(client.embeddings.create(model=MODEL, input="x", dimensions=8).data[0].embedding) == 8
    with pytest.raises(openai.BadRequestError, match="invalid input type"):  # another model's token ids would mean nothing here
        client.embeddings.create(model=MODEL, input=[1, 2, 3])


def test_an_image_arrives_as_it_is(seeing):
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{seeing.port}/v1", api_key="anything", max_retries=0)
    content = [{"type": "text", "text": "[[text=a cat]]"}, {"type": "image_url", "image_url": {"url": PNG_URL}}]
    made = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
    assert made.choices[0].message.content == "a cat" and images_seen(seeing) == [PNG_URL]
    content[1]["image_url"]["url"] = "https://example.org/cat.png"
    with pytest.raises(openai.BadRequestError, match="please use base64"):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])


def test_compaction(client):
    said = [{"role": "user", "content": "Fix a.c."}, {"role": "assistant", "content": "[[text=a.c is fixed.]]"}]
    made = client.responses.compact(model=MODEL, input=said, instructions="Be brief.", prompt_cache_key="k")
    assert made.object == "response.compaction" and [item.type for item in made.output] == ["compaction"]
    assert "a.c is fixed." in made.output[0].encrypted_content and made.usage.output_tokens > 0
    tools = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]}
    reply = client.responses.create(model=MODEL, input=[made.output[0].to_dict(), tools, *user(HELLO)])
    assert reply.output_text == "hello there my friend"
