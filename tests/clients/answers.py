"""Prompts whose answer the simulated model gives word for word."""

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
