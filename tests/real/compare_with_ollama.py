"""The same requests to a real Ollama and to Corral, both over llama.cpp's server and one tiny model: prints each request after
which status, headers, the shape of an answer or the text of an error differ. What stays is told in docs/ollama.md.

The requests are those of tests/e2e/conformance and, for each route, each field with values of other types, broken bodies and other
methods. Ollama's program is not installed by any test: `go install github.com/ollama/ollama@v0.33.0` makes one.

usage: CORRAL_BIN_DIR=… CORRAL_REAL_DIR=… OLLAMA=PROGRAM compare_with_ollama.py [REGULAR-EXPRESSION]
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from conftest import REAL, LlamaBox
from harness import ROOT, free_port, started, wait_until
from test_conformance import cases as conformance
from test_conformance import exchange

# What Ollama starts as its runner; the flags that change nothing here are left out, as is its search for GPUs.
RUNNER = """#!/usr/bin/env python3
import os, sys
if "--list-devices" in sys.argv:
    sys.exit(0)
names = {"--model": "-m", "--port": "--port", "--host": "--host", "-c": "-c", "-np": "-np"}
words = [word for flag, value in zip(sys.argv, sys.argv[1:]) if flag in names for word in (names[flag], value)]
os.environ["LLAMA_ARG_EMBEDDINGS"] = str(int("--embedding" in sys.argv))
os.execv(PROGRAM, [PROGRAM, *words, "-t", "1", *([] if "--no-jinja" in sys.argv else ["--jinja"])])
"""
QUANTIZER = '#!/bin/sh\ncp "$2" "$3"\n'  # asked to copy a model, as a check of it
MODELS = {"sim": "tiny.gguf", "plain": "tiny.gguf", "embed": "tiny-embedding.gguf"}
TRAITS = {"sim": ("qwen3", ["completion", "thinking", "tools"]), "plain": ("chatml", ["completion"]),
          "embed": ("chatml", ["embedding"])}
TEMPLATE = ("{{ if .Tools }}{{ .Tools }}{{ end }}{{ range .Messages }}<|im_start|>{{ .Role }}\n"
            "{{ .Thinking }}{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n")

HI = [{"role": "user", "content": "hi"}]
ROUTES = {
    "POST /api/chat": ({"model": "plain", "messages": HI, "stream": False, "options": {"num_predict": 3}},
                       "format keep_alive tools think truncate shift logprobs top_logprobs"),
    "POST /api/generate": ({"model": "plain", "prompt": "hi", "stream": False, "options": {"num_predict": 3}},
                           "suffix system template context raw format keep_alive images think truncate logprobs top_logprobs"),
    "POST /v1/chat/completions": ({"model": "plain", "messages": HI, "max_tokens": 3},
                                  "stream stream_options seed stop temperature top_p response_format tools tool_choice logprobs n"),
    "POST /v1/completions": ({"model": "plain", "prompt": "hi", "max_tokens": 3}, "seed stop stream temperature suffix echo n"),
    "POST /v1/messages": ({"model": "plain", "messages": HI, "max_tokens": 3},
                          "system stream temperature top_k stop_sequences tools tool_choice thinking metadata"),
    "POST /v1/responses": ({"model": "plain", "input": "hi", "max_output_tokens": 3},
                           "instructions stream tools reasoning text truncation"),
    "POST /v1/embeddings": ({"model": "embed", "input": "hi"}, "dimensions encoding_format"),
    "POST /api/embed": ({"model": "embed", "input": "hi"}, "truncate dimensions keep_alive options"),
    "POST /api/embeddings": ({"model": "embed", "prompt": "hi"}, "keep_alive options"),
    "POST /api/show": ({"model": "plain"}, "name verbose"),
    "POST /api/copy": ({"source": "plain", "destination": "copied"}, ""),
    "POST /api/create": ({"model": "made", "from": "plain", "stream": False}, "template license system parameters messages"),
    "DELETE /api/delete": ({"model": "copied"}, "name"),
}
VALUES = [True, 1, -1, 1.5, "x", "", None, [], {}, ["x"], [[1]], 1e30]
BODIES = ["", "{", "[]", "null", "1", '"x"', "{}", '{"model":}', '{"model":"plain",}', "\u00ff"]


def odd_requests():
    for send, (good, more) in ROUTES.items():
        yield {"send": send, "body": good}
        yield from ({"send": send, "body": {**good, field: value}} for field in [*good, *more.split()] for value in VALUES)
        yield from ({"send": send, "body": body} for body in BODIES)
        yield from ({"send": f"{method} {send.split()[1]}"} for method in ("GET", "HEAD", "PUT", "OPTIONS"))


class ThreeModels(LlamaBox):
    def config_text(self, *_):
        return f'stream_errors = "line"\nprofiles = ["{ROOT / "vendor"}"]\n' + "".join(map(self.model_text, MODELS))

    @staticmethod
    def model_text(name):
        family, capabilities = TRAITS[name]
        return (f'[[models]]\nname = "{name}"\nprofile = "llama-server"\npackage = "{REAL}"\nfamily = "{family}"\n'
                f'capabilities = {json.dumps(capabilities)}\n[models.variables]\nprogram = "{REAL / "llama-server"}"\n'
                f'model_file = "{MODELS[name]}"\nthreads = 1\n')


class Ollama:
    def __init__(self, folder, program):
        self.port = free_port()
        runners = folder / "lib" / "ollama"
        runners.mkdir(parents=True)
        shutil.copy(program, folder / "ollama")
        runner = RUNNER.replace("PROGRAM", repr(str(REAL / "llama-server")))
        for name, text in (("llama-server", runner), ("llama-quantize", QUANTIZER)):
            (runners / name).write_text(text)
            (runners / name).chmod(0o755)
        self.folder = folder
        self.environment = {**os.environ, "HOME": str(folder), "OLLAMA_HOST": f"127.0.0.1:{self.port}"}

    def command(self, *words):
        subprocess.run([self.folder / "ollama", *words], env=self.environment, check=True, capture_output=True)

    def start(self):
        with open(self.folder / "ollama.log", "wb") as log:
            started.append(subprocess.Popen([self.folder / "ollama", "serve"], env=self.environment, stdout=log, stderr=log))
        wait_until(lambda: answer(self, {"send": "GET /"})[0] == 200, 30, "Ollama answers")
        for name, file in MODELS.items():
            text = f"FROM {REAL / file}\n" + (f'TEMPLATE """{TEMPLATE}"""\n' if name == "sim" else "")
            (self.folder / "Modelfile").write_text(text)
            self.command("create", name, "-f", str(self.folder / "Modelfile"))


def answer(server, case):
    """Status, the headers that are looked at, and the body without what is different each time."""
    try:
        response, body = exchange(server, case)
    except OSError as error:
        return 0, {}, str(error)
    names = ("Content-Type", "Allow", "Location", "Vary", "Access-Control-Allow-Origin", "Cache-Control")
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.strip()]
    return response.status, {name: response.getheader(name) for name in names}, list(dict.fromkeys(map(shape_of_line, lines)))


def shape_of_line(line):
    with contextlib.suppress(ValueError):
        value = json.loads(line)
        return json.dumps(value if isinstance(value, dict) and value.get("error") else shape(value))
    return line


def shape(value):
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(one)) for one in value})
    return "number" if type(value) in (int, float) else type(value).__name__


def main():
    if "OLLAMA" not in os.environ:
        sys.exit("Please name Ollama's program in OLLAMA (see the head of this file).")
    wanted = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    asked = [case for case in [*(one.values[0] for one in conformance()), *odd_requests()] if wanted.search(json.dumps(case))]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as owned:
        folder = pathlib.Path(folder)
        (folder / "there").mkdir()
        there, here = Ollama(folder / "there", os.environ["OLLAMA"]), ThreeModels(folder / "here")
        owned.callback(lambda: [process.terminate() or process.wait(30) for process in started if process.poll() is None])
        there.start()
        owned.enter_context(here)
        differences = 0
        for case in asked:
            theirs, ours = answer(there, case), answer(here, case)
            if re.sub(r"req_\w+", "", repr(theirs)) != re.sub(r"req_\w+", "", repr(ours)):
                differences += 1
                print(f"{case['send']} {case.get('headers', '')} {json.dumps(case.get('body'))[:200]}")
                for name, one, other in (("Ollama", theirs, ours), ("Corral", ours, theirs)):
                    headers = {key: value for key, value in one[1].items() if value != other[1].get(key)}
                    print(f"  {name} {one[0]} {headers or ''} {one[2] if one[2] != other[2] else ''}"[:2000])
        print(f"{len(asked)} requests, {differences} differences")


if __name__ == "__main__":
    main()
