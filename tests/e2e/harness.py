"""Runs the real programs: corral with simulated vendor services behind it, every port from the kernel, all traffic on
loopback. A test sees what a user sees (HTTP, the log, exit statuses) and drives faults through the simulator's own socket."""

from __future__ import annotations

import json
import os
import pathlib
import time

from client import MODEL, Client, LaterStream, Reply, Stream
from profiles import BY_NAME, POLLED, service_table
from running import (BIN, ROOT, Daemon, bin_for_others, descendants, end_all, free_port, has_terminals, listens, living, others_reach,
                     own_mount, pause, processes, resident_kib, service_manager, started, strain, wait_until)
from simulator import FAST, Simulator, scenario_of, write_package

__all__ = ["BIN", "Box", "Client", "Daemon", "Elsewhere", "FAST", "LaterStream", "MODEL", "POLLED", "ROOT", "Reply", "Simulator", "Stream",
           "answered_by_the_next", "bin_for_others", "compares_soon", "descendants", "end_all", "ends_an_answer", "free_port",
           "has_terminals", "listens", "living", "others_reach", "own_mount", "pause", "processes", "resident_kib", "service_manager",
           "started", "strain", "wait_until"]


def compares_soon(model, after="50ms"):
    """The lines of a model whose box compares its cache at once, or when it is idle for so long. Nothing is computed
    ahead, unless they say so: a test looks at what the next turn finds."""
    if "ahead = " not in model:
        model = f'ahead = "off"\n{model}'
    clock = f'compare_after = "{after}"'
    if "[models.clocks]\n" in model:
        return model.replace("[models.clocks]\n", f"[models.clocks]\n{clock}\n", 1)
    return f"clocks = {{ {clock} }}\n{model}"


def ends_an_answer(box, within):
    """The runtime is killed in the middle of an answer: `within` so many seconds its stream ends with an error, never as if whole."""
    stream = box.stream("[[never_end]]")
    lines = iter(stream)
    for _ in range(3):
        next(lines)
    box.kill("runtime")
    killed = time.monotonic()
    rest = list(lines)
    assert "error" in rest[-1] and not any(line.get("done") for line in rest), rest[-3:]
    assert stream.times[-1] - killed < within, "not only when a clock of the answer ran out"


def answered_by_the_next(box):
    """The runtime is killed before the first word: the same request is answered whole all the same."""
    box.control("runtime", cmd="set", timing={"prefill_ms_per_chunk": 1500})
    later = box.stream_later("[[text=answered in the end]] please")
    wait_until(lambda: box.runtime_state()["phase"] == "prefill", what="prefill")
    box.kill("runtime")
    lines = list(later.open())
    assert lines[-1].get("done") is True, lines
    assert "".join(line["message"]["content"] for line in lines) == "answered in the end"


class Box(Daemon, Client, Simulator):
    """One corral with one simulated model."""

    def __init__(self, folder, scenario=None, config="", model="", tap=True, runtime=None, tokenizer=None, package=None,
                 layers=4, package_flags=(), family="qwen2.5", listen="127.0.0.1:0", log_level="debug", profile=POLLED):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.profile = BY_NAME[profile]
        self.tap = tap and self.profile.tokenizer
        self.listen = listen
        self.headers = {}
        self.scenario = scenario_of(self.profile.scenario, scenario or {})
        (self.folder / "scenario.json").write_text(json.dumps(self.scenario))
        self.package = pathlib.Path(package) if package else self.folder / self.profile.folder
        if package is None:
            write_package(self.package, layers, package_flags, self.profile.files)
        self.log_file = self.folder / "corral.log"
        self.config_file = self.folder / "corral.toml"
        self.config_file.write_text(self.config_text(config, model, runtime, tokenizer, layers, log_level, family))

    def config_text(self, extra, model, runtime, tokenizer, layers, log_level, family):
        """`extra`: top-level lines; `model`: lines of the model; `runtime`, `tokenizer`: commands instead of the usual."""
        sim = str(BIN / "corral-sim")
        services = self.profile.services(self, sim, layers)
        if tokenizer or runtime:
            services = service_table(self, "tokenizer", tokenizer or [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"])
            services += service_table(self, "runtime", runtime or [sim, "runtime", *self.runtime_flags(layers)])
        tap = f"tokenizer_tap = {str(self.tap).lower()}\n" if self.profile.tokenizer else ""
        preflight = "" if self.profile.tokenizer else "preflight = false\n"
        # CORRAL_TEST_REUSE=auto runs any of these tests with turns behind the cache, once the box has compared; with off, never.
        reuse = os.environ.get("CORRAL_TEST_REUSE")
        if reuse and self.tap and "reuse" not in model and "compare_after" not in model:
            model = f'reuse = "{reuse}"\n{compares_soon(model)}'
        elif self.profile.name == POLLED and "compare_after" not in model:
            model = compares_soon(model, "1h")  # a comparison would be among the runs that a test looks at
        # So that the text that a test reads of an answer is the model's own.
        errors = "" if "stream_errors" in extra else 'stream_errors = "line"\n'
        return (f'{errors}log_level = "{log_level}"\nprofiles = ["{ROOT / "vendor"}"]\n{extra}\n'
                f'[[models]]\nname = "sim"\nprofile = "{self.profile.name}"\npackage = "{self.package}"\nfamily = "{family}"\n'
                f'package_forbids_thinking = false\n{tap}{preflight}{model}\n' + self.profile.variable_lines() + services)

    def start(self, *arguments, **options):
        polled = self.profile.tokenizer or self.profile.inner_tokenizer
        if polled and not self.tap and not has_terminals():
            import pytest  # chaos runs without it

            pytest.skip("no pseudo terminal, which a polled runtime without the tap needs")
        return super().start(*arguments, **options)

    def __enter__(self):
        self.start()
        if os.environ.get("CORRAL_TEST_REUSE") == "auto" and 'reuse = "auto"' in self.config_file.read_text():
            self.logged("answered the same behind its cache", 30)
        return self

    def __exit__(self, *_):
        if self.process is None:
            return
        family = descendants(self.process.pid)
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        wait_until(lambda: not living(family), 10, f"no process left behind of {family}")


class Elsewhere(Box):
    """One corral whose model is served by another box."""

    def __init__(self, folder, there, model="", variables=""):
        self.there, self.variables = there, variables
        super().__init__(folder, model=model)

    def config_text(self, extra, model, *_):
        return (f'{extra}\nprofiles = ["{ROOT / "vendor"}"]\n[[models]]\nname = "sim"\nprofile = "ollama-remote"\n{model}\n'
                f'[models.variables]\nurl = "http://127.0.0.1:{self.there.port}"\n{self.variables}\n')


class Unconfigured(Box):
    """Corral as a package has just started it: no configuration, no model."""

    def command(self):
        return [self.program, "serve", "--listen", self.listen]

    def start(self, **_):
        nobody = {name: str(self.folder) for name in ("HOME", "XDG_CONFIG_HOME", "RUNTIME_DIRECTORY")}
        return super().start(wait_ready=False, environment=nobody)
