"""The `langchain-ollama` package, unmodified."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from pydantic import BaseModel

from answers import HELLO, PERSON, THOUGHT, WEATHER_CALL
from harness import MODEL


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"3 degrees in {city}"


@pytest.fixture
def base(box):
    return {"model": MODEL, "base_url": f"http://127.0.0.1:{box.port}"}


def test_invoke_and_stream(base):
    chat = ChatOllama(**base, validate_model_on_init=True)
    reply = chat.invoke(HELLO)
    assert reply.content == "hello there my friend" and reply.usage_metadata["output_tokens"] > 0
    assert "".join(c.content for c in chat.stream(HELLO)) == "hello there my friend"
    assert OllamaLLM(**base).invoke(HELLO) == "hello there my friend"


def test_reasoning(base):
    reply = ChatOllama(**base, reasoning=True).invoke(THOUGHT)
    assert reply.content == "hello" and reply.additional_kwargs["reasoning_content"] == "they greet"


def test_tools(base):
    chat = ChatOllama(**base).bind_tools([get_weather])
    reply = chat.invoke(WEATHER_CALL)
    assert [(c["name"], c["args"]) for c in reply.tool_calls] == [("get_weather", {"city": "Paris"})]
    history = [HumanMessage(WEATHER_CALL), AIMessage("", tool_calls=reply.tool_calls),
               ToolMessage("3 degrees", tool_call_id=reply.tool_calls[0]["id"]), HumanMessage("[[text=cold]]")]
    assert chat.invoke(history).content == "cold"


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_structured_output(base, method):
    assert ChatOllama(**base).with_structured_output(Person, method=method).invoke(PERSON) == Person(name="Ada", age=36)


def test_embeddings_error(base):
    with pytest.raises(Exception, match="does not support embeddings"):
        OllamaEmbeddings(**base).embed_query("a text")


def test_what_is_alike_is_found_by_its_vector(vectors):
    made = OllamaEmbeddings(model=MODEL, base_url=f"http://127.0.0.1:{vectors.port}")
    texts = [f"note {number} of many" for number in range(40)] + ["a red apple on the tree"]
    asked = made.embed_query("the red apple")
    likeness = [sum(a * b for a, b in zip(asked, one)) for one in made.embed_documents(texts)]
    assert likeness.index(max(likeness)) == 40
