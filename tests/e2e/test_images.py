"""Images in all three formats, byte for byte to runtimes whose models see; and what becomes of those that are none."""

import base64
import dataclasses
import json

import pytest

import profiles
from harness import MODEL, Box

VISION = 'capabilities = ["completion", "vision"]'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
JPEG = b"\xff\xd8\xff\xe0" + bytes(reversed(range(256))) * 30


def text_of(data):
    return base64.b64encode(data).decode()


def url_of(data, kind="image/png"):
    return f"data:{kind};base64,{text_of(data)}"


class Seeing(Box):
    """Its model sees; llama-server wants a projector for that."""

    def __init__(self, folder, profile="llama-server", **more):
        super().__init__(folder, {"directives": True}, model=VISION, profile=profile, **more)

    def config_text(self, *parts):
        if self.profile.name == "llama-server":
            self.profile = dataclasses.replace(self.profile, variables={**self.profile.variables, "projector": "mmproj.gguf"})
        return super().config_text(*parts)


@pytest.fixture(scope="module", params=["llama-server", "vllm-ascend", "axllm"])
def box(request, tmp_path_factory):
    with Seeing(tmp_path_factory.mktemp("box"), request.param) as box:
        yield box


def seen(box):
    """The parts of the last user message, as the runtime got it."""
    content = box.runs()[-1]["messages"][-1]["content"]
    return [part["text"] if part["type"] == "text" else part["image_url"]["url"] for part in content]


def test_ollama_s_images_reach_the_model_as_they_were_sent(box):
    lines = "\n".join(text_of(PNG)[at:at + 76] for at in range(0, len(text_of(PNG)), 76))
    message = {"role": "user", "content": "[[text=a cat]] what is it", "images": [lines, text_of(JPEG)]}
    reply = box.post("/api/chat", {"model": MODEL, "messages": [message], "stream": False})
    assert reply.status == 200 and reply.json["message"]["content"] == "a cat", reply.body
    assert seen(box) == [url_of(PNG), url_of(JPEG, "image/jpeg"), "[[text=a cat]] what is it"]
    reply = box.post("/api/generate", {"model": MODEL, "prompt": "[[text=a dog]]", "images": [text_of(PNG)], "stream": False})
    assert reply.status == 200 and reply.json["response"] == "a dog", reply.body
    assert seen(box) == [url_of(PNG), "[[text=a dog]]"]


def test_openai_s_and_anthropic_s_image_parts_do_so_too(box):
    part = {"type": "image_url", "image_url": {"url": url_of(PNG)}}
    content = [{"type": "text", "text": "[[text=a cat]]"}, part]
    reply = box.post("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": content}]})
    assert reply.status == 200 and reply.json["choices"][0]["message"]["content"] == "a cat", reply.body
    assert seen(box) == [url_of(PNG), "[[text=a cat]]"]
    content = [{"type": "input_text", "text": "[[text=a cow]]"}, {"type": "input_image", "image_url": url_of(PNG)}]
    reply = box.post("/v1/responses", {"model": MODEL, "input": [{"role": "user", "content": content}]})
    assert reply.status == 200 and seen(box) == [url_of(PNG), "[[text=a cow]]"], reply.body
    source = {"type": "base64", "media_type": "image/jpeg", "data": text_of(JPEG)}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "[[text=a hen]]"}]
    reply = box.post("/v1/messages", {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": content}]})
    assert reply.status == 200 and seen(box) == [url_of(JPEG, "image/jpeg"), "[[text=a hen]]"], reply.body


def test_what_is_no_image_never_reaches_the_runtime(box):
    before = len(box.runs())
    message = {"role": "user", "content": "x"}
    for data in (b"", b"<svg onload=alert(1)>", b"%PDF-1.7", b"RIFF1234AVI ", b"BN"):
        reply = box.post("/api/chat", {"model": MODEL, "messages": [{**message, "images": [text_of(data)]}]})
        assert reply.status == 400 and reply.json["error"].startswith("invalid image input"), (data, reply.body)
    reply = box.post("/api/chat", {"model": MODEL, "messages": [{**message, "images": [text_of(PNG)] * 65}]})
    assert reply.status == 400 and reply.json["error"] == "a request may hold at most 64 images"
    part = {"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}
    reply = box.post("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": [part]}]})
    assert reply.status == 400 and "image URLs are not currently supported" in reply.json["error"]["message"]
    assert len(box.runs()) == before


def test_images_take_their_part_of_the_context(tmp_path):
    """Two fit beside the newest turn, so the older ones go with theirs."""
    with Seeing(tmp_path) as box:
        # Each takes 400 tokens of the 4,095 and is thought to take 256, so the server refuses before anything goes out.
        messages = []
        for number in range(12):
            picture = PNG + bytes([number])
            messages += [{"role": "user", "content": f"[[text=fine]] picture {number}", "images": [text_of(picture)]},
                         {"role": "assistant", "content": "fine"}]
        reply = box.post("/api/chat", {"model": MODEL, "messages": messages[:-1], "stream": False})
        assert reply.status == 200 and int(reply.headers["Corral-Dropped-Messages"]) >= 2, (reply.headers, reply.body)
        assert reply.json["prompt_eval_count"] > 4 * 400, "a cut leaves room for the turns to come"
        sent = json.dumps(box.runs()[-1]["messages"])
        assert "picture 11" in sent and 'picture 0"' not in sent and 8 <= sent.count("image_url\"") <= 20, sent.count("image_url\"")
        # From then on it is known what they take.
        runs = len(box.runs())
        assert box.post("/api/chat", {"model": MODEL, "messages": messages[:-1], "stream": False}).status == 200
        assert len(box.runs()) == runs + 1
        reply = box.post("/api/chat", {"model": MODEL, "stream": False, "messages": [
            {"role": "user", "content": "look", "images": [text_of(PNG + bytes([number])) for number in range(12)]}]})
        assert reply.status == 400 and "of images" in reply.json["error"], reply.body


def test_a_large_image_arrives_whole(tmp_path):
    with Seeing(tmp_path) as box:
        large = text_of(PNG + bytes(10 << 20))
        reply = box.post("/api/chat", {"model": MODEL, "stream": False, "messages": [
            {"role": "user", "content": "[[text=large]]", "images": [large]}]})
        assert reply.status == 200 and reply.json["message"]["content"] == "large", reply.body
        assert seen(box)[0] == "data:image/png;base64," + large


def test_a_model_without_vision_says_so(tmp_path):
    with Box(tmp_path, profile="llama-server") as box:
        reply = box.post("/api/chat", {"model": MODEL, "messages": [{"role": "user", "content": "x", "images": [text_of(PNG)]}]})
        assert (reply.status, reply.json) == (400, {"error": "registry.ollama.ai/library/sim:latest does not support images"})


def test_images_reach_a_server_elsewhere(tmp_path):
    with Seeing(tmp_path / "there") as there:
        class Here(Box):
            def config_text(self, *_):
                return (f'profiles = ["{profiles.VENDOR}"]\n[[models]]\nname = "sim"\nprofile = "ollama-remote"\n{VISION}\n'
                        f'[models.variables]\nurl = "http://127.0.0.1:{there.port}"\n')

        with Here(tmp_path / "here") as here:
            message = {"role": "user", "content": "[[text=far away]]", "images": [text_of(PNG)]}
            reply = here.post("/api/chat", {"model": MODEL, "messages": [message], "stream": False})
            assert reply.status == 200 and reply.json["message"]["content"] == "far away", reply.body
            assert seen(there) == [url_of(PNG), "[[text=far away]]"]


def test_a_model_that_sees_says_so(box):
    assert "vision" in box.get("/api/tags").json["models"][0]["capabilities"]
    assert "vision" in box.post("/api/show", {"model": MODEL}).json["capabilities"]


def test_a_runtime_that_was_started_without_eyes_says_so(tmp_path):
    with Box(tmp_path, {"directives": True}, model=VISION, profile="llama-server") as box:
        message = {"role": "user", "content": "x", "images": [text_of(PNG)]}
        reply = box.post("/api/chat", {"model": MODEL, "messages": [message], "stream": False})
        assert reply.status >= 400 and "image input is not supported" in reply.json["error"], reply.body
        assert box.post("/api/chat", {"model": MODEL, "messages": [{"role": "user", "content": "[[text=ok]]"}], "stream": False}).status == 200
