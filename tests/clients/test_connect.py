"""Clients that take what `corral connect` says, unmodified: Continue's command line, goose's providers and LibreChat's schema."""

import asyncio
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from answers import HELLO, WEATHER_CALL, WEATHER_SCHEMA
from harness import BIN, MODEL


def connect(box, *words, home):
    done = subprocess.run([BIN / "corral", "connect", *words, "--url", f"http://127.0.0.1:{box.port}"], check=True, timeout=60,
                          env={"HOME": str(home), "PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True)
    return done.stdout


def test_continue_answers_by_the_file_that_was_written(box, tmp_path):
    program = pathlib.Path(os.environ["CORRAL_NODE_MODULES"]) / ".bin" / "cn"
    if not program.exists():
        pytest.skip(f"Continue's command line is not installed: {program} is missing")
    home = {"HOME": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    connect(box, "continue", "--write", home=tmp_path)
    node = program.parent / "node"
    done = subprocess.run([str(node) if node.exists() else shutil.which("node"), program.resolve(), "--config",
                           tmp_path / ".continue/corral.yaml", "-p", HELLO],
                          capture_output=True, text=True, timeout=120, cwd=tmp_path, env=home, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and "hello there my friend" in done.stdout, done


def test_goose_answers_calls_and_reads_too_much_by_its_provider_file(box, tmp_path):
    goose = pytest.importorskip("goose", reason="goose's providers (goose-sdk) are not installed")
    connect(box, "goose", "--write", home=tmp_path)
    provider = goose.declarative_provider_from_json((tmp_path / ".config/goose/custom_providers/custom_corral.json").read_text())
    model = goose.ProviderModelConfig(model_name=MODEL, max_tokens=256)
    content = goose.MessageContent
    message = lambda role, *parts: goose.ProviderMessage(role=role, content=list(parts))
    says = lambda text: message(goose.MessageRole.USER, content.TEXT(text=text))
    tool = goose.ProviderTool(name="get_weather", description="The weather of a city.", input_schema_json=json.dumps(WEATHER_SCHEMA))

    async def talk():
        whole = await provider.complete(model, "You are goose.", [says(HELLO)], [])
        assert [part.text for part in whole.content] == ["hello there my friend"] and await provider.context_limit(model) == 32768
        called, = (await provider.complete(model, "You are goose.", [says("Weather? " + WEATHER_CALL)], [tool])).content
        assert (called.name, json.loads(called.arguments_json)) == ("get_weather", {"city": "Paris"})
        result = content.TOOL_RESULT(id=called.id, success=True, content_json='[{"type": "text", "text": "Sunny. [[text=It is sunny.]]"}]')
        turns = [says("Weather?"), message(goose.MessageRole.ASSISTANT, called), message(goose.MessageRole.USER, result)]
        assert (await provider.complete(model, "You are goose.", turns, [tool])).content[0].text == "It is sunny."
        stream, chunks = await provider.stream(model, "You are goose.", [says("Weather? " + WEATHER_CALL)], [tool]), []
        while (chunk := await stream.next_chunk()) is not None:
            chunks.append(chunk)
        assert [chunk.name for chunk in chunks if chunk.is_tool_chunk()] == ["get_weather"]
        long = says("The pump was looked at and found in order. " * 700 + "[[text=All in order.]]")
        answer = await provider.complete(model, "You are goose. " * 400, [long], [tool])
        assert answer.content[0].text.startswith("All in order.") and answer.usage.input_tokens <= 1920

    asyncio.run(talk())


def test_librechats_schema_takes_the_lines(node, box, tmp_path):
    if not (pathlib.Path(os.environ["CORRAL_NODE_MODULES"]) / "librechat-data-provider").exists():
        pytest.skip("LibreChat's schema (librechat-data-provider) is not installed")
    lines = connect(box, "librechat", home=tmp_path)
    seen = node("import * as provider from 'librechat-data-provider'; import * as yaml from 'js-yaml';",
                f"""const told = yaml.load({json.dumps("version: 1.3.5" + chr(10) + lines)});
                    const whole = provider.configSchema.strict().safeParse(told);
                    const one = provider.endpointSchema.strict().safeParse(told.endpoints.custom[0]);
                    return {{ faults: [...(whole.error?.issues ?? []), ...(one.error?.issues ?? [])], one: one.data }};""")
    assert seen["faults"] == [] and seen["one"]["models"]["default"] == [MODEL], seen
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", seen["one"]["baseURL"])
