"""The accelerator's card that runtimes and the status tool share, and what can go wrong with it. Rows of the table in faults.py.
Most begin with a death of the runtime, because the card is looked at before a start only."""

from __future__ import annotations

import json
import pathlib

from violation import Violation

MODEL_MB = 4779
TOOL = 2  # seconds that the tool may take, of the model's configuration
# Seconds from one look at a card that is lost to the next: `breaker_retry`, which is below the usual 10 s in the stage's model
# (docs/profiles.md, "The device"; tests/e2e/test_device.py meets the 10 s).
LOOK = 1


class Card:
    """The simulator's settings file (docs/simulator.md, "The card")."""

    def __init__(self, file):
        self.file = pathlib.Path(file)
        self.set()

    def set(self, **settings):
        """These, and no others of before. In one piece, as programs read it at any time."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"model_mib": MODEL_MB, **settings}))
        fresh.replace(self.file)


def draw_tool_fault(dice):
    return {"kill": dice.random() < 0.8}


def tool_fault(name):
    """The tool is like this, or as the argument "how" says; "kill": and the runtime dies, so that a start meets it. Its pid, or None."""

    def inject(stage, args):
        stage.card.set(fault=args.get("how", name))
        return stage.signal("runtime", "SIGKILL") if args["kill"] else None

    return inject


def slow_memory(stage, args):
    """What the runtime held comes back so long after its death, or (-1) when the fault is over."""
    stage.card.set(give_back_ms=args["ms"])
    return stage.signal("runtime", "SIGKILL")


def well_again(stage, args, killed):
    stage.card.set()


def well_again_and_nothing_was_started(stage, args, killed):
    """A start that can't succeed would have been one in vain."""
    now = stage.box.pid_of("runtime")
    stage.card.set()
    if stage.alone and killed and now not in (None, killed):
        raise Violation("device", f"a runtime (process {now}) was started while the card could not serve it")


def memory_again(stage, args, killed):
    (well_again_and_nothing_was_started if args["ms"] < 0 else well_again)(stage, args, killed)
