"""corral tokens: a model's own tokenizer service, started for the question, and beside it another one."""

import json
import os
import subprocess
import sys

import pytest

from admin_cli import corral, done, services_of
from harness import BIN, Box
from profiles import service_table

# A byte a token; ChatML, as the vendor's scripts have it.
BYTES = '''
import json, sys, itertools
from http.server import BaseHTTPRequestHandler, HTTPServer
OPEN, CLOSE = 900, 901
NAMES = {OPEN: "<|im_start|>", CLOSE: "<|im_end|>"}
count = itertools.count()
def ids(text):
    out = []
    for at, part in enumerate(text.replace("<|im_end|>", "\\0E").replace("<|im_start|>", "\\0S").split("\\0")):
        if at:
            out.append(OPEN if part[0] == "S" else CLOSE)
            part = part[1:]
        out += part.encode()
    return out
class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def reply(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.reply({"uid": f"u{next(count)}"} if self.path.startswith("/get_uid") else {"bos_id": -1})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/reset":
            self.reply({"token_ids": ids(f"<|im_start|>system\\n{body.get('system_prompt', '')}<|im_end|>\\n")})
        elif self.path == "/encode":
            turn = ids(f"<|im_start|>user\\n{body['text']}<|im_end|>\\n<|im_start|>assistant\\n")
            self.reply({"token_ids": turn, "diff": turn})
        else:
            self.reply({"text": "".join(NAMES.get(i) or chr(i) for i in body["token_ids"])})
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''




def with_library():
    """A Python that has Hugging Face's tokenizers; tests/real installs one."""
    for python in (os.environ.get("CORRAL_TOKENIZERS_PYTHON"), sys.executable, "/opt/corral-python/bin/python"):
        if python and os.path.exists(python) and subprocess.run([python, "-I", "-B", "-c", "import tokenizers"], capture_output=True).returncode == 0:
            return python
    return None


PYTHON = with_library()
needs_library = pytest.mark.skipif(PYTHON is None, reason="no Python has the package tokenizers (CORRAL_TOKENIZERS_PYTHON names one)")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    script = folder / "bytes.py"
    script.write_text(BYTES)
    made = Box(folder, {"directives": True})
    sim = str(BIN / "corral-sim")
    other = (f'[[models]]\nname = "bytes"\nprofile = "axera-poll"\npackage = "{made.package}"\nfamily = "qwen2.5"\npreload = false\n'
             + service_table(made, "tokenizer", ["/usr/bin/python3", str(script), "{port}"])
             + service_table(made, "runtime", [sim, "runtime", *made.runtime_flags(4)])
             + f'[models.variables]\npython = "{PYTHON or "/nonexistent/python"}"\n')
    broken = other.replace('name = "bytes"', 'name = "broken"').replace(str(script), "/nonexistent.py")
    untold = (f'[[models]]\nname = "untold"\nprofile = "llama-server"\npackage = "{made.package}"\nfamily = "qwen2.5"\npreload = false\n'
              '[models.variables]\nmodel_file = "x.gguf"\n')
    made.config_file.write_text(made.config_file.read_text() + other + broken + untold)
    return made


def told(box, *words):
    return json.loads(done(box, "tokens", *words, "--json"))


def test_ids_and_pieces_of_a_text_as_it_stands(box):
    one = told(box, "sim", "Why is the sky blue? \u00e4\N{WATER BUFFALO}\n")["tokenizers"][0]
    assert "".join(one["pieces"]) == "Why is the sky blue? \u00e4\N{WATER BUFFALO}\n"
    assert one["count"] == len(one["ids"]) == len(one["pieces"]) and one["encode_ms"] > 0
    assert told(box, "sim", "Hi")["tokenizers"][0]["pieces"] == ["Hi"], "no mark of a document before it"


def test_a_whole_conversation_is_what_the_model_reads(box, tmp_path):
    chat = tmp_path / "chat.json"
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "More <|im_end|>"}]
    chat.write_text(json.dumps({"model": "any", "messages": messages}))
    one = told(box, "sim", "--chat", str(chat))["tokenizers"][0]
    assert "".join(one["pieces"]) == ("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
                                      "Hello<|im_end|>\n<|im_start|>user\nMore < |im_end|><|im_end|>\n<|im_start|>assistant\n")
    assert one["pieces"].count("<|im_end|>") == 4


def test_beside_another_tokenizer_with_the_first_difference(box):
    page = done(box, "tokens", "sim", "Hello there", "--beside", "bytes")
    assert "bytes:latest: 11 tokens; encoded in " in page and "tokens/s" in page
    assert 'The first difference is at token 0:' in page and '"Hello"  sim:latest' in page and '"H"  bytes:latest' in page
    both = told(box, "sim", "Hello there", "--beside", "bytes")
    assert both["first_difference"] == {"piece": 0, "id": 0}
    assert told(box, "sim", "Hello", "--beside", "sim")["first_difference"] == {"piece": None, "id": None}


def tokenizer_json(path, merges=(), **more):
    """A byte a token as BYTES has it, but for what `merges` join."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    letters = {byte: chr(byte if byte in plain else next(others)) for byte in range(256)}
    vocabulary = {letter: byte for byte, letter in letters.items()}
    vocabulary |= {"".join(pair): 256 + at for at, pair in enumerate(merges)}
    vocabulary |= {f"unused {at}": at for at in range(256 + len(merges), 900)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    control = [{"id": 900 + at, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
               for at, text in enumerate(("<|im_start|>", "<|im_end|>"))]
    path.write_text(json.dumps({
        "version": "1.0", "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}, "padding": None,
        "added_tokens": control, "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [list(pair) for pair in merges]}, **more}))
    return str(path)


@needs_library
def test_beside_a_tokenizer_json_with_the_first_difference(box, tmp_path):
    alike = tokenizer_json(tmp_path / "tokenizer.json")
    both = told(box, "bytes", "Say Hello <|im_end|>", "--beside", str(tmp_path))
    left, right = both["tokenizers"]
    assert both["first_difference"] == {"piece": None, "id": None}, both
    assert right["model"] == alike and right["count"] == 11 and right["ids"][-1] == 901 and right["encode_ms"] > 0
    other = tokenizer_json(tmp_path / "other.json", [("H", "e"), ("l", "l"), ("He", "ll"), ("Hell", "o")])
    page = done(box, "tokens", "bytes", "Say Hello", "--beside", other)
    assert f"{other}: 5 tokens; encoded in " in page
    assert f'The first difference is at token 4:\n        72  "H"  bytes:latest\n       259  "Hello"  {other}\n' in page, page
    whole = told(box, "bytes", "\u00e4\N{WATER BUFFALO}", "--beside", other)["tokenizers"][1]
    assert whole["pieces"] == ["", "\u00e4", "", "", "", "\N{WATER BUFFALO}"]


@needs_library
def test_a_conversation_beside_a_tokenizer_json_is_the_same_prompt(box, tmp_path):
    chat = tmp_path / "chat.json"
    chat.write_text(json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi <|im_end|>"}]))
    both = told(box, "bytes", "--chat", str(chat), "--beside", tokenizer_json(tmp_path / "tokenizer.json"))
    assert both["first_difference"] == {"piece": None, "id": None}, both
    assert "".join(both["tokenizers"][1]["pieces"]) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi < |im_end|><|im_end|>\n<|im_start|>assistant\n")
    assert both["tokenizers"][1]["ids"].count(901) == 2


@needs_library
def test_a_tokenizer_json_that_is_none_is_named_with_the_reason(box, tmp_path):
    file = tmp_path / "tokenizer.json"
    for text in ("{}", "", "[" * 100_000, "\x80\x02cposix\nsystem\n(S'touch pwned'\ntR.", '{"version": "1.0", "model": {"type": "BPE", "vocab": 7}}'):
        file.write_text(text)
        run = corral(box, "tokens", "bytes", "Hi", "--beside", str(file))
        assert run.returncode != 0 and f"{file} could not be read by the Python package tokenizers" in run.stderr, (text[:40], run.stderr)
    # An expression that tries every way to cut the text: the library gives up.
    slow = {"type": "Split", "pattern": {"Regex": "(a|aa)+$"}, "behavior": "Isolated", "invert": False}
    run = corral(box, "tokens", "bytes", "a" * 60 + "b", "--beside", tokenizer_json(file, pre_tokenizer=slow))
    assert run.returncode != 0 and str(file) in run.stderr and "retry-limit" in run.stderr, run.stderr


def test_what_can_t_be_told_is_refused_with_the_reason(box):
    for words, reason in ((["nope", "x"], "There is no model 'nope'"), (["untold", "x"], "untold:latest has no tokenizer service"),
                          (["sim", "x", "--beside", "/nonexistent"], "'/nonexistent', nor such a file"), (["sim", "--chat", "/nonexistent"], "/nonexistent can't be read"),
                          (["broken", "x"], "ended by itself")):
        run = corral(box, "tokens", *words)
        assert run.returncode != 0 and reason in run.stderr, (words, run.stderr)


def test_a_running_box_is_left_alone_and_no_process_stays(box):
    with box:
        assert box.say("[[text=loaded]]") == "loaded"
        before = services_of(box)["tokenizer"]
        assert before["pid"] is not None
        assert told(box, "sim", "Hello")["tokenizers"][0]["count"] >= 1
        assert box.say("[[text=as before]]") == "as before"
        assert services_of(box)["tokenizer"]["pid"] == before["pid"]
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(box.folder) not in left
