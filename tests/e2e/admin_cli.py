"""The command line's side of a running corral."""

import json
import os
import subprocess

from harness import BIN


def corral(box, *words, socket=True, timeout=60):
    """`corral WORDS` for the daemon of `box`; the finished process with its texts."""
    place = ["--config", box.config_file] if socket else []
    return subprocess.run([BIN / "corral", *words, *place], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")})


def done(box, *words, **more):
    """The same; it must succeed. What it prints."""
    run = corral(box, *words, **more)
    assert run.returncode == 0, (words, run.stdout, run.stderr)
    return run.stdout


def status(box):
    return json.loads(done(box, "status", "--json"))


def model_of(box, name="sim:latest"):
    return next(model for model in status(box)["models"] if model["name"] == name)


def services_of(box, name="sim:latest"):
    return {service["name"]: service for service in model_of(box, name)["services"]}
