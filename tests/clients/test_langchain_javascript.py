"""The `@langchain/ollama` package, unmodified."""

import json

from answers import HELLO, PERSON, PERSON_SCHEMA, WEATHER_CALL, WEATHER_TOOL


def test_chat_tools_and_structured_output(node):
    out = node("import { ChatOllama } from '@langchain/ollama';", f"""
const chat = new ChatOllama({{ baseUrl: base, model }});
let streamed = '';
for await (const c of await chat.stream({json.dumps(HELLO)})) streamed += c.content;
const called = await chat.bindTools([{json.dumps(WEATHER_TOOL)}]).invoke({json.dumps(WEATHER_CALL)});
const person = await chat.withStructuredOutput({json.dumps(PERSON_SCHEMA)}, {{ method: 'jsonSchema' }}).invoke({json.dumps(PERSON)});
return {{ whole: (await chat.invoke({json.dumps(HELLO)})).content, streamed, calls: called.tool_calls, person }};""")
    assert out["whole"] == "hello there my friend" == out["streamed"]
    assert [(c["name"], c["args"]) for c in out["calls"]] == [("get_weather", {"city": "Paris"})]
    assert out["person"] == {"name": "Ada", "age": 36}
