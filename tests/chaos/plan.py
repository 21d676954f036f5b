"""What happens in a run, decided by the seed alone: step k is the same whoever asks for it, and needs no step before it."""

from __future__ import annotations

import dataclasses
import json
import random
import re

import faults
import wire
from harness import POLLED

LIFE = 60  # steps that one process of corral serves; then it must end as it began


@dataclasses.dataclass(frozen=True)
class Course:
    """What all steps of a run have in common."""

    profile: str = POLLED
    table: tuple = tuple(faults.FAULTS)  # of what can go wrong
    life: int = LIFE
    twin: bool = False  # a second model on the same card, which has room for one


USUAL = Course()

FILLER = " one two three four five six seven eight nine ten"
FILLERS = 400  # more than any answer without end has: without the tap, tokens are counted by polls, and a late one brings many

# kind -> weight
KINDS = {"whole": 6, "stream": 8, "cancel": 4, "leave": 2, "slow": 2, "never": 1, "half": 2, "pipeline": 2, "keep": 2, "burst": 1,
         "bad": 1, "big": 1, "wild": 1, "look": 2}


def mark(label):
    return f"mark-{label}-"


def life(seed, number, course=USUAL):
    """Settings of one process of corral."""
    dice = random.Random(f"{seed}/life/{number}")
    return {"number": number, "tap": number % 3 != 2, "silence": dice.choice(["10s", "1s"]),
            "tokens_per_second": dice.choice([150, 400, 1000]), "prefill_ms": dice.choice([2, 10]), "profile": course.profile,
            "parallel": dice.choice([1, 3]), "twin": course.twin}


def step(seed, number, course=USUAL):
    dice = random.Random(f"{seed}/step/{number}")
    count = 2 if dice.random() < 0.12 else 1
    injections = [draw_fault(dice, course.table) for _ in range(count)]
    clients = [draw_client(dice, f"{number}x{place}") for place in range(dice.randint(3, 7))]
    for client in clients[2::3] if course.twin else []:
        client["model"] = "twin"
    return {"number": number, "faults": injections, "clients": clients}


def draw_fault(dice, table):
    fault = dice.choices(table, [each.weight for each in table])[0]
    return {"fault": fault.name, "args": fault.draw(dice), "at": round(dice.choice([0, dice.uniform(0, 0.6)]), 3),
            "hold": round(dice.choice([dice.uniform(0.05, 0.5), dice.uniform(0.3, 2.5), dice.choice([0.3, 5.0])]), 3)}


def draw_client(dice, label):
    kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
    client = {"kind": kind, "label": label, "form": dice.choice(wire.FORMATS), "start": round(dice.uniform(0, 0.8), 3),
              "shape": dice.choice(["echo", "echo", "echo", "text", "long"])}
    if kind in ("cancel", "leave"):
        client["shape"] = "long"
    if kind == "cancel":
        client["pieces"] = dice.randint(1, 9)
    elif kind in ("leave", "never", "half"):
        client["after"] = round(dice.choice([0, dice.uniform(0, 0.1), dice.uniform(0, 1.5)]), 3)
    elif kind in ("pipeline", "keep"):
        client["count"] = dice.randint(2, 3)
    elif kind == "burst":
        client["count"] = dice.randint(4, 9)
    elif kind == "slow":
        client["pause"] = round(dice.uniform(0.01, 0.15), 3)
    elif kind == "wild":
        client["form"] = dice.choice(["chat", "generate"])
        client["options"] = {"top_k": dice.choice([0, 1, 10**6]), "temperature": dice.choice([0, -1, 1.5]),
                             "top_p": dice.choice([0.0, 0.5, 1.0])}
    if kind == "leave":
        client["how"] = dice.choice(["close", "reset", "half-close"])
    if kind == "half":
        client["part"] = dice.choice(["head", "body", "half-close"])
    if kind == "bad":
        client["body"] = dice.choice(["", "{", "[]", '{"model":5}', '{"model":"nosuch"}'])
    return client


def conversation(client, profile, part=None):
    """(system prompt, prompt, expected answer or None, label) of one request of a client. `profile`: of profiles.py."""
    label = client["label"] if part is None else f"{client['label']}x{part}"
    system = f"You are the clerk of {mark(label)}."
    question = f"What is in {mark(label)} ?"
    if client["kind"] == "big":
        question += " word" * 6000  # more than any context here
    if client["shape"] == "text":
        answer = f"It is in {mark(label)} and nowhere else."
        return system, f"[[text={answer}]] {question}", answer, label
    if client["shape"] == "long":
        return system, f"[[never_end]] {question}", None, label
    prompt = f"[[echo]] {question}"
    return system, prompt, echo(system, prompt, profile), label


def echo(system, prompt, profile):
    """The context that the model must have read, as the simulator tells it."""
    return re.sub(r"<\|(im_\w+)\|>", r"{\1}", profile.own_words() + profile.prompt_of(system, [("user", prompt)]))


def shown(plan):
    """A step for people, one line a part."""
    lines = [f"step {plan['number']}"]
    for one in plan["faults"]:
        lines.append(f"  at {one['at']:5.3f} s for {one['hold']:5.3f} s: {faults.described(one)}")
    for client in plan["clients"]:
        rest = {k: v for k, v in client.items() if k not in ("kind", "label", "start")}
        lines.append(f"  at {client['start']:5.3f} s: {client['kind']} {client['label']} {json.dumps(rest)}")
    return "\n".join(lines)


def parts(seed, start, wanted=None, course=USUAL):
    """(first step, step behind the last) of each life, until `wanted` faults are injected; without it for ever."""
    number, count = start, 0
    while wanted is None or count < wanted:
        first, number = number, (number // course.life + 1) * course.life
        if wanted is not None:
            last, number = number, first
            while number < last and count < wanted:
                count += sum(one["fault"] != "nothing" for one in step(seed, number, course)["faults"])
                number += 1
        yield first, number
