"""What a client of LiteLLM meets with boxes behind it, by OpenAI's own client, unmodified."""

import json
import threading
import time

import openai
import pytest

from harness import wait_until

MODEL = "sim"
COUNTED = " ".join(f"word{n}" for n in range(40))
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "of a city",
                                         "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


def said(text):
    return [{"role": "user", "content": text}]


def test_a_chat_whole_and_streamed(fleet):
    *_, proxy = fleet
    whole = proxy.client().chat.completions.create(model=MODEL, messages=said("[[text=hello there my friend]]"))
    assert whole.choices[0].message.content == "hello there my friend" and whole.usage.completion_tokens > 0
    stream = proxy.client().chat.completions.create(model=MODEL, messages=said(f"[[text={COUNTED}]]"), stream=True)
    pieces = [chunk.choices[0].delta.content for chunk in stream if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(pieces) == COUNTED and len(pieces) > 3, pieces


def test_a_tool_is_called(fleet):
    *_, proxy = fleet
    call = '<tool_call>{"name":"get_weather","arguments":{"city":"Paris"}}</tool_call>'
    reply = proxy.client().chat.completions.create(model=MODEL, messages=said(f"[[text={call}]]"), tools=[TOOL])
    called = reply.choices[0].message.tool_calls[0].function
    assert called.name == "get_weather" and json.loads(called.arguments) == {"city": "Paris"}


def test_the_models_of_the_boxes_are_listed(fleet):
    *_, proxy = fleet
    assert MODEL in [model.id.split("/")[-1].removesuffix(":latest") for model in proxy.client().models.list().data]


def test_both_boxes_are_used(fleet):
    one, two, _, proxy = fleet
    before = [box.served() for box in (one, two)]
    asking = [threading.Thread(target=proxy.client().chat.completions.create,
                               kwargs={"model": MODEL, "messages": said(f"[[text=answer {n} of ten words or so it may be]]")}) for n in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    wait_until(lambda: all(box.served() > count for box, count in zip((one, two), before)), what="each box has answered")


def test_who_has_no_key_is_refused_before_a_box_is_asked(fleet):
    one, two, _, proxy = fleet
    before = one.served() + two.served()
    with pytest.raises(openai.APIStatusError) as refused:
        proxy.client(key="sk-another").chat.completions.create(model=MODEL, messages=said("hello"))
    assert refused.value.status_code in (400, 401), "LiteLLM without a database has only its master key, and says 400"
    assert one.served() + two.served() == before


def test_an_unknown_model_is_told_as_the_edge_tells_it(fleet):
    *_, proxy = fleet
    with pytest.raises(openai.NotFoundError, match="nosuch"):
        proxy.client().chat.completions.create(model="nosuch", messages=said("hello"))


def test_a_client_that_leaves_ends_its_run_on_the_box(fleet):
    one, two, edge, proxy = fleet
    stream = proxy.client().chat.completions.create(model=MODEL, messages=said("[[tokens=3000]]"), stream=True)
    next(iter(stream))
    stream.close()
    wait_until(edge.rests, 30, "the edge has no request any more")
    began = time.monotonic()
    proxy.client().chat.completions.create(model=MODEL, messages=said("[[text=next]]"))
    assert time.monotonic() - began < 20, "3000 tokens take 30 s"


def test_a_box_that_dies_is_told_once_and_then_left_out(fleet):
    one, two, _, proxy = fleet
    one.process.kill()
    one.process.wait()
    for n in range(6):
        reply = proxy.client().chat.completions.create(model=MODEL, messages=said(f"[[text=still {n}]]"))
        assert reply.choices[0].message.content == f"still {n}"
