"""The simulated vendor runtime behind a box: its scenario and package, its processes, its faults and what reached the model."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess

from running import BIN, descendants, free_port, processes, wait_until

FAST = {"load_ms": 50, "prefill_ms_per_chunk": 5, "tokens_per_second": 500}


def scenario_of(*changes):
    """The usual scenario with `changes` on top; tables are merged, one level deep."""
    scenario = {"mode": "echo", "timing": dict(FAST), "tokenizer": {"family": "qwen2.5"}}
    for change in changes:
        for key, value in change.items():
            if isinstance(value, dict) and isinstance(scenario.get(key), dict):
                scenario[key].update(value)
            else:
                scenario[key] = value
    return scenario


def write_package(folder, layers, flags=(), files=()):
    subprocess.run([BIN / "corral-sim", "package", folder, "--layers", str(layers), *flags], check=True, stdout=subprocess.DEVNULL)
    for name, text in dict(files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class Simulator:
    """The simulated services of one box; its owner sets `folder`, `profile` and `process`."""

    def socket_path(self, service):
        # Unix socket names are short; the folder of a test may not be.
        return f"/tmp/corral-e2e-{os.getpid()}-{abs(hash(str(self.folder))) % 10**8}-{service}.sock"

    @staticmethod
    def inner_port():
        return free_port()

    @staticmethod
    def runtime_flags(layers=4):
        return ["--devices", "0", "--template_filename_axmodel", "model/sim_p128_l%d_together.axmodel",
                "--filename_post_axmodel", "model/sim_post.axmodel",
                "--filename_tokens_embed", "model/model.embed_tokens.weight.bfloat16.bin",
                "--url_tokenizer_model", "{tokenizer_url}", "--axmodel_num", str(layers),
                "--tokens_embed_num", "151936", "--tokens_embed_size", "8"]

    def pid_of(self, service):
        """Process of "runtime" or "tokenizer" now, or None."""
        table = processes()
        for pid in sorted(descendants(self.process.pid, table)):
            _, state, command = table[pid]
            program = self.profile.program if service == "runtime" else service
            if state != "Z" and re.search(rf"corral-sim {program}( |$)", command) and not command.startswith(("sh ", "/bin/sh ")):
                return pid
        return None

    def kill(self, service, number=signal.SIGKILL):
        pid = wait_until(lambda: self.pid_of(service), what=f"{service} runs")
        os.kill(pid, number)
        return pid

    def control(self, service, **command):
        def ask():
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(10)
                    s.connect(self.socket_path(service))
                    s.sendall(json.dumps(command).encode() + b"\n")
                    return json.loads(s.makefile().readline())
            except (FileNotFoundError, ConnectionError, json.JSONDecodeError):
                return None  # it is being started, or ended just now

        return wait_until(ask, 10, f"control socket of {service}")

    def fault(self, service, name, on=True, **args):
        answer = self.control(service, cmd="fault", name=name, on=on, args=args)
        assert "error" not in answer, answer
        return answer

    def wait_for_last_run(self):
        """Until the runtime has ended the last one: a canary counts with its first token, and goes on for some more."""
        wait_until(lambda: not self.runtime_state()["running"], what="the last run ended")

    def runs(self, since=0):
        """Records of the runs that reached the model; one is written when its run has ended."""
        self.wait_for_last_run()
        return self.control("runtime", cmd="runs", since=since)["runs"]

    def runtime_state(self):
        return self.control("runtime", cmd="state")
