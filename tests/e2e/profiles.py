"""Every profile that ships, as the suites over all of them run it: which program of the simulator plays it, and what it does
otherwise than the others. What a profile can't do is said here, and the tests then want the stated error."""

from __future__ import annotations

import dataclasses
import json
import pathlib

VENDOR = pathlib.Path(__file__).resolve().parents[2] / "vendor"


@dataclasses.dataclass(frozen=True)
class Profile:
    name: str
    program: str = "runtime"  # of corral-sim
    arguments: tuple | None = None  # of the runtime; None: those of the polling one
    variables: dict = dataclasses.field(default_factory=dict)
    files: dict = dataclasses.field(default_factory=dict)  # made in the package folder
    scenario: dict = dataclasses.field(default_factory=dict)
    tokenizer: bool = False  # it has a service of its own for this
    single_message: bool = False  # the system prompt opens the one message of a user
    bare: bool = False  # its template has no line breaks
    inner_tokenizer: bool = False
    raw: bool = False  # takes a prompt as it is
    counts_early: bool = True  # or never: the tokens of a prompt are known before its answer
    replaces_on_cancel: bool = False  # nothing but a restart ends a long run
    positions: int = 0  # of the context, where the server neither says nor keeps it: a longer prompt has no answer
    lines: str = ""  # more keys of the runtime's table
    folder: str = "package"  # what its package must be called
    persona: str = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."  # where there is no system turn

    @property
    def label(self):
        return self.name

    def services(self, box, sim, layers):
        """The [models.services] tables: what the profile starts, played by the simulator."""
        out = ""
        if self.tokenizer:
            out += service_table(box, "tokenizer", [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"])
        arguments = tuple(box.runtime_flags(layers)) if self.arguments is None else self.arguments
        command = [sim, self.program, *arguments]
        if self.inner_tokenizer:  # the original has it compiled in; the simulator's runtime wants one to ask
            inner = box.inner_port()
            command = ["sh", "-c", f'env -u CORRAL_SIM_PORT -u CORRAL_SIM_CONTROL "$0" tokenizer --host 127.0.0.1 --port {inner} & exec "$0" "$@" '
                       f'--url_tokenizer_model http://127.0.0.1:{inner}', *command]
        return out + service_table(box, "runtime", command, self.lines)

    def variable_lines(self):
        if not self.variables:
            return ""
        return "[models.variables]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.variables.items())

    def prompt_of(self, system, turns):
        """How the text that the model reads must end; nothing but the runtime's own words may stand before."""
        said = "<|im_end|>\n".join([turns[0][1]] + [f"<|im_start|>{role}\n{content}" for role, content in turns[1:]])
        if self.bare:
            return f"<|im_start|>user{system}\n\n{said}<|im_end|><|im_start|>assistant"
        first = said + "<|im_end|>\n<|im_start|>assistant\n"
        if self.single_message:
            return f"<|im_start|>user\n{system}\n\n{first}"
        return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{first}"

    def own_words(self):
        """Of the runtime, in front of each conversation."""
        if self.bare:
            return f"<|im_start|>system {self.persona} <|im_end|> "
        return f"<|im_start|>system\n{self.persona}<|im_end|>\n" if self.single_message else ""

    def foreign_part(self, kv_text, system, turns):
        """What the model read beside this conversation and the runtime's own words: must be nothing."""
        wanted = self.prompt_of(system, turns)
        assert kv_text.endswith(wanted), f"{kv_text!r}\ndoes not end in\n{wanted!r}"
        own = self.own_words()
        return kv_text[: -len(wanted)].replace(own, "", 1) if own else kv_text[: -len(wanted)]


def service_table(box, name, command, lines=""):
    environment = {"CORRAL_SIM_SCENARIO": str(box.folder / "scenario.json"), "CORRAL_SIM_CONTROL": box.socket_path(name),
                   "CORRAL_SIM_PORT": "{port}", "CORRAL_SIM_BIND": "127.0.0.1"}
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in environment.items())
    return f"[models.services.{name}]\nport = 0\ncommand = {json.dumps(command)}\nenvironment = {{ {pairs} }}\n{lines}"


NO_TOKENIZER_FLAGS = ("--devices", "0", "--template_filename_axmodel", "model/sim_p128_l%d_together.axmodel",
                      "--filename_post_axmodel", "model/sim_post.axmodel",
                      "--filename_tokens_embed", "model/model.embed_tokens.weight.bfloat16.bin", "--axmodel_num", "4",
                      "--tokens_embed_num", "151936", "--tokens_embed_size", "8")

POLLED = "axera-poll"
PROFILES = [
    Profile(POLLED, tokenizer=True, raw=True),
    Profile("axera-vlm", arguments=NO_TOKENIZER_FLAGS, single_message=True, inner_tokenizer=True,
            scenario={"stateless": True, "geometry": {"chunk": 1024, "groups": [1, 1024, 2048]}},  # a prompt is one chunk at most
            persona="You are a helpful assistant.",
            variables={"tokenizer_file": "t.txt", "image_encoder": "e.axmodel", "runtime_program": "main_api"}),
    Profile("rkllm-flask", program="rkllm-flask", single_message=True, replaces_on_cancel=True,
            arguments=("--rkllm_model_path", "{package}/{model_file}", "--target_platform", "{target_platform}"),
            variables={"model_file": "model.rkllm"}, files={"model.rkllm": "-"}),
    Profile("rkllm-gradio", program="rkllm-gradio", single_message=True, bare=True, replaces_on_cancel=True, counts_early=False,
            arguments=("--rkllm_model_path", "{package}/{model_file}", "--target_platform", "{target_platform}"),
            variables={"model_file": "model.rkllm"}, files={"model.rkllm": "-"}, persona="You are a helpful assistant."),
    Profile("llama-server", program="llama-server", raw=True, persona="",
            arguments=("-m", "{package}/{model_file}", "--host", "127.0.0.1", "--port", "{port}", "-c", "{context}", "-np", "{parallel}"),
            variables={"model_file": "model.gguf"}, files={"model.gguf": "-"}),
    Profile("vllm-ascend", program="vllm", raw=True, persona="",
            arguments=("serve", "{package}", "--host", "127.0.0.1", "--port", "{port}", "--served-model-name", "{served_name}",
                       "--max-model-len", "{context}", "--max-num-seqs", "{parallel}"),
            variables={"served_name": "sim", "parallel": 1}),
    Profile("axllm", program="axllm", persona="", replaces_on_cancel=True, arguments=("serve", "{package}", "--port", "{port}"),
            variables={"model_name": "sim"}, files={"config.json": '{"model_name": "sim"}'}),
    Profile("rkllm-openai", program="rkllm-openai", single_message=True, replaces_on_cancel=True,
            arguments=("--rkllm_model_path", "{package}/{model_file}", "--target_platform", "{target_platform}"),
            variables={"model_file": "model.rkllm"}, files={"model.rkllm": "-"}),
    Profile("fastllm", program="fastllm", persona="", counts_early=False,
            arguments=("server", "{package}/{model_file}", "--host", "127.0.0.1", "--port", "{port}", "--model_name", "{served_name}",
                       "--max_batch", "{parallel}", "--startup-progress", "ndjson"),
            variables={"model_file": "model.flm", "served_name": "sim"}, files={"model.flm": "-"}),
    Profile("hailo-ollama", program="hailo-ollama", arguments=(), persona="", counts_early=False, replaces_on_cancel=True, folder="hailo-ollama",
            variables={"model_name": "sim:1b"}, lines="device = false\n",
            files={"models/manifests/sim/1b/manifest.json": '{"hef_h10h": "ab"}', "models/blob/sha256_ab": "-"}),
    Profile("rkllama", program="rkllama", single_message=True, counts_early=False, replaces_on_cancel=True,
            arguments=("--processor", "{target_platform}", "--port", "{port}", "--models", "{package}"),
            variables={"model_name": "sim"}, files={"sim/model.rkllm": "-", "sim/Modelfile": "-"},
            scenario={"timing": {"load_ms": 1500}}),  # a restart takes longer than to read the rest of an answer
    Profile("mindie", program="mindie", persona="", counts_early=False, arguments=("--config-file", "{config_file}"),
            variables={"served_name": "sim", "parallel": 1}, lines='working_directory = "{package}"\n',
            scenario={"chat": {"stop_wait_ms": 100}}),
    Profile("axera-sse", program="axera-sse", positions=2048, arguments=NO_TOKENIZER_FLAGS, variables={"tokenizer": "sim"}),
]

BY_NAME = {profile.name: profile for profile in PROFILES}
