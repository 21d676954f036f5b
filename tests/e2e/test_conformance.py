"""Request -> exact answer, one line of data a case: `conformance/*.jsonl`, derived from the reference of the wire.

A case has `name`, `send` (method and target), maybe `headers` and `body` (an object, or text that is sent as it is), and what
must come back: `status`, `type` (the content type; null is not looked at), `reply` (the whole body) and maybe
`reply_headers`. What differs from run to run stands in «»: see PLACES."""

import http.client
import json
import pathlib
import re

import pytest

from harness import Box

DATA = pathlib.Path(__file__).parent / "conformance"
INTEGER = r"\d+"
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?"
PLACES = {
    "stamp": STAMP + "Z",  # RFC 3339, UTC, no trailing zeros
    "local": STAMP + r"(Z|[+-]\d\d:\d\d)",
    "n": INTEGER,
    "num": r"-?\d+(\.\d+)?",
    "ints": r"\[\d+(,\d+)*\]",
    "hex24": "[0-9a-f]{24}",
    "hex64": "[0-9a-f]{64}",
    "call": "call_[a-z0-9]{8}",
    "version": r"\d+\.\d+\.\d+",
    "word": "[^\"]+",
    "text": "[^\"]*",
    "nl": "\n?",
    "bool": "(true|false)",
    "any": ".*?",
    # Left out when zero, but for the tokens that were cached, and always in this order.
    "figures": "".join(f'(,"{name}":{INTEGER})' + "?" * (name != "prompt_eval_cached_count") for name in
                       ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_cached_count", "prompt_eval_duration",
                        "eval_count", "eval_duration")),
}


def cases():
    for file in sorted(DATA.glob("*.jsonl")):
        for number, line in enumerate(file.read_text().strip("\n").split("\n"), 1):
            yield pytest.param(json.loads(line), id=f"{file.stem}-{number}")


def pattern(reply):
    parts = re.split("«(.*?)»", reply)
    return "".join(PLACES[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))


class TwoModels(Box):
    """Beside the model that can do everything one that can only complete."""

    def config_text(self, *args):
        text = super().config_text(*args)
        second = text[text.index("[[models]]"):]
        for old, new in (('name = "sim"', 'name = "plain"'), ('family = "qwen3"', 'family = "chatml"'),
                         (', "thinking", "tools"', ""), ("-tokenizer.sock", "-tokenizer2.sock"), ("-runtime.sock", "-runtime2.sock")):
            assert old in second, old
            second = second.replace(old, new)
        return text + second


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    model = 'capabilities = ["completion", "thinking", "tools"]'
    with TwoModels(tmp_path_factory.mktemp("conformance"), {"directives": True}, model=model, family="qwen3") as running:
        running.post("/api/generate", {"model": "plain"})
        running.post("/api/generate", {"model": "sim"})
        yield running


def exchange(box, case):
    method, target = case["send"].split(" ", 1)
    body = case.get("body")
    data = None if body is None else (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
    try:
        headers = case.get("headers", {})
        connection.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("case", cases())
def test_answers_as_the_reference_says(box, case):
    response, body = exchange(box, case)
    what = f'{case["name"]}: {case["send"]}\n{body}'
    assert response.status == case["status"], what
    if case["type"] is not None:
        assert response.getheader("Content-Type") == case["type"], what
    assert re.fullmatch(pattern(case["reply"]), body, re.DOTALL), f'{what}\nwanted: {case["reply"]}'
    for name, value in case.get("reply_headers", {}).items():
        got = ", ".join(response.headers.get_all(name, []))
        assert value == got or (name == "Vary" and value in got), f"{what}\n{name}: {got}"
    assert response.getheader("Server") is None, what


def test_there_are_enough_and_each_is_its_own():
    names = [case.values[0]["name"] for case in cases()]
    assert len(names) >= 200 and len(set(names)) == len(names)
