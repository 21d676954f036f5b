"""Images through llama.cpp's real server with a projector (tiny_projector.py), which makes sixteen tokens of each."""

import base64
import os
import shutil
import struct
import subprocess
import zlib

import pytest

from conftest import REAL, LlamaBox
from harness import BIN, MODEL, ROOT
from test_llama_cpp import ANSWER
from tiny_projector import TOKENS


def png(side=8, shade=128):
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes([shade]) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def text_of(data):
    return base64.b64encode(data).decode()


PICTURE = text_of(png())


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    model = 'capabilities = ["completion", "vision"]'
    with LlamaBox(tmp_path_factory.mktemp("box"), model=model, projector="mmproj-tiny.gguf") as running:
        yield running


def ollama_chat(box, images):
    message = {"role": "user", "content": "hi", **({"images": images} if images else {})}
    reply = box.post("/api/chat", {"model": MODEL, "messages": [message], "stream": False, "options": {"temperature": 0}})
    assert reply.status == 200, reply.body
    return reply.json["message"]["content"], reply.json["prompt_eval_count"]


def ollama_generate(box, images):
    body = {"model": MODEL, "prompt": "hi", "images": images, "stream": False, "options": {"temperature": 0}}
    reply = box.post("/api/generate", body)
    assert reply.status == 200, reply.body
    return reply.json["response"], reply.json["prompt_eval_count"]


def openai(box, images):
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + one}} for one in images]
    reply = box.post("/v1/chat/completions", {"model": MODEL, "temperature": 0,
                                              "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "hi"}]}]})
    assert reply.status == 200, reply.body
    return reply.json["choices"][0]["message"]["content"], reply.json["usage"]["prompt_tokens"]


def test_show_tells_of_the_projector(box):
    told = box.post("/api/show", {"model": MODEL}).json["projector_info"]
    assert told["general.architecture"] == "clip" and told["clip.vision.embedding_length"] == 32 and told["clip.vision.projection_dim"] == 288


def anthropic(box, images):
    parts = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": one}} for one in images]
    reply = box.post("/v1/messages", {"model": MODEL, "max_tokens": 50, "temperature": 0,
                                      "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "hi"}]}]})
    assert reply.status == 200, reply.body
    usage = reply.json["usage"]  # what the server still held of the prompt stands apart
    return reply.json["content"][0]["text"], usage["input_tokens"] + usage.get("cache_read_input_tokens", 0)


@pytest.mark.parametrize("ask", [ollama_chat, ollama_generate, openai, anthropic])
def test_images_are_read_and_their_tokens_counted(box, ask):
    said, without = ask(box, [])
    assert said == ANSWER
    for count in (1, 2):
        said, tokens = ask(box, [PICTURE] * count)
        # Two images touch each other where there is no text between them.
        assert said == ANSWER and count * TOKENS <= tokens - without <= count * TOKENS + count - 1, (without, tokens)


def test_a_file_that_only_begins_like_an_image_is_a_bad_request(box):
    broken = text_of(png()[:20] + b"nothing")
    messages = [{"role": "user", "content": "hi", "images": [broken]}]
    reply = box.post("/api/chat", {"model": MODEL, "messages": messages, "stream": False})
    assert reply.status == 400, reply.body
    assert ollama_chat(box, [PICTURE])[0] == ANSWER


class Imported(LlamaBox):
    """Its model is what `corral import` makes of a folder."""

    def config_text(self, *_):
        return f'listen = "127.0.0.1:0"\nlog_level = "debug"\nprofiles = ["{ROOT / "vendor"}"]\n'


def test_a_model_imported_with_its_projector_sees(tmp_path, monkeypatch):
    package = tmp_path / "download"
    package.mkdir()
    for name in ("tiny.gguf", "mmproj-tiny.gguf"):
        shutil.copy(REAL / name, package)
    monkeypatch.setenv("PATH", f"{REAL}:{os.environ['PATH']}")
    box = Imported(tmp_path / "box")
    command = [BIN / "corral", "import", package, "--name", MODEL, "--config", box.config_file]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and "mmproj-tiny.gguf is a projector" in run.stdout + run.stderr, (run.stdout, run.stderr)
    with box:
        assert "vision" in box.post("/api/show", {"model": MODEL}).json["capabilities"]
        assert ollama_chat(box, [PICTURE])[0] == ANSWER
