"""Prompts whose answer the simulated model gives word for word."""

import base64

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()

HELLO = "[[text=hello there my friend]]"
THOUGHT = r"[[text=<think>\nthey greet\n</think>\n\nhello]]"
WEATHER_CALL = r'[[text=<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>]]'
TWO_CALLS = (r'[[text=<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n'
             r'<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>]]')
PERSON = '[[text=Sure! {"name": "Ada", "age": 36}]]'
ENDLESS = "[[never_end]]"

PERSON_SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}
WEATHER_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER_TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": WEATHER_SCHEMA}}


def user(text):
    return [{"role": "user", "content": text}]


def images_seen(box):
    """The URLs of the last message's images, as the runtime got them."""
    return [part["image_url"]["url"] for part in box.runs()[-1]["messages"][-1]["content"] if part["type"] == "image_url"]
