"""corral tokens: a model's own tokenizer service, started for the question, and beside it another one."""

import json
import subprocess

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


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    script = folder / "bytes.py"
    script.write_text(BYTES)
    made = Box(folder, {"directives": True})
    sim = str(BIN / "corral-sim")
    other = (f'[[models]]\nname = "bytes"\nprofile = "axera-poll"\npackage = "{made.package}"\nfamily = "qwen2.5"\npreload = false\n'
             + service_table(made, "tokenizer", ["/usr/bin/python3", str(script), "{port}"])
             + service_table(made, "runtime", [sim, "runtime", *made.runtime_flags(4)]))
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


def test_what_can_t_be_told_is_refused_with_the_reason(box):
    for words, reason in ((["nope", "x"], "There is no model 'nope'"), (["untold", "x"], "untold:latest has no tokenizer service"),
                          (["sim", "--chat", "/nonexistent"], "/nonexistent can't be read"),
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
