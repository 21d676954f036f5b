"""The `litellm` package, unmodified, over the Ollama format and the OpenAI format."""

import json
import os

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks the internet for prices at its import

import litellm  # noqa: E402

from answers import HELLO, PERSON, WEATHER_CALL, WEATHER_TOOL, user  # noqa: E402
from harness import MODEL  # noqa: E402


@pytest.fixture(params=["ollama_chat", "ollama", "openai"])
def way(request, box):
    base = f"http://127.0.0.1:{box.port}" + ("/v1" if request.param == "openai" else "")
    return {"model": f"{request.param}/{MODEL}", "api_base": base, "api_key": "anything", "num_retries": 0}


def test_chat(way):
    reply = litellm.completion(messages=user(HELLO), **way)
    assert reply.choices[0].message.content == "hello there my friend" and reply.choices[0].finish_reason == "stop"


def test_streamed(way):
    chunks = list(litellm.completion(messages=user(HELLO), stream=True, **way))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "hello there my friend"


# Its third way, `ollama`, asks for calls in words of its own, through the prompt.
@pytest.mark.parametrize("way", ["ollama_chat", "openai"], indirect=True)
def test_tools(way):
    message = litellm.completion(messages=user(WEATHER_CALL), tools=[WEATHER_TOOL], **way).choices[0].message
    assert [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls] == [("get_weather", {"city": "Paris"})]


def test_json(way):
    reply = litellm.completion(messages=user(PERSON), response_format={"type": "json_object"}, **way)
    assert json.loads(reply.choices[0].message.content) == {"name": "Ada", "age": 36}


def test_unknown_model(way):
    with pytest.raises(Exception, match="not found"):
        litellm.completion(messages=user(HELLO), **{**way, "model": way["model"].replace(MODEL, "nosuch")})
