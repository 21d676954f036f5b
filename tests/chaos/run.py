"""A seeded run of clients and faults against the real program. The plan (plan.py) is made before it is performed, life by life
(life.py), several at a time where asked; docs/reliability.md."""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import multiprocessing.connection
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import faults
import harness
import machine
import page
import plan
import profiles
import report
from life import Life, empty_tally


PROFILES = [harness.POLLED, *(each.name for each in profiles.PROFILES if not (each.tokenizer or each.inner_tokenizer))]
ONE_LIFE = 10**9  # steps
GRACE = 30  # seconds, for a life that has told its tally or is asked to end


def end_started(but=None):
    for process in harness.started:
        if process is not but and process.poll() is None:
            process.kill()
            process.wait()


def end_on_sigterm():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended all the same


class Job:
    """What performs one life; in another process where several run at a time."""

    def __init__(self, options, folder, no_disks, until, page):
        self.options, self.folder, self.no_disks, self.until, self.page = options, folder, no_disks, until, page

    def __call__(self, part):
        if time.monotonic() >= self.until:
            return empty_tally()
        try:
            return Life(self.options, self.folder, self.no_disks, self.page).perform_all(*part, self.until)
        finally:
            end_started(self.page and self.page.process)


def tell(job, part, result):
    """In a process of its own."""
    end_on_sigterm()
    result.send(job(part))
    result.close()


def side_by_side(options, job, parts):
    """Of each life, as it ends. Endless plans are fed one by one, as places become free."""
    fork = multiprocessing.get_context("fork")
    running = {}
    try:
        while True:
            while len(running) < options.jobs and time.monotonic() < job.until and (part := next(parts, None)):
                ours, theirs = fork.Pipe(duplex=False)
                running[ours] = fork.Process(target=tell, args=(job, part, theirs))
                running[ours].start()
                theirs.close()
            if not running:
                return
            for over in multiprocessing.connection.wait(list(running)):
                process = running.pop(over)
                try:
                    tally = over.recv()
                except EOFError:
                    process.join(GRACE)
                    raise RuntimeError(f"a life ended without its tally, with status {process.exitcode}") from None
                yield tally
                process.join(GRACE)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.join(GRACE)
            process.kill()


def tallies(options, job):
    """Of each life, as it ends."""
    timed = options.seconds is not None
    parts = plan.parts(options.seed, options.start, None if timed else options.faults, options.course)
    if options.jobs == 1:
        for part in parts:
            if time.monotonic() >= job.until:
                return
            yield job(part)
    else:
        yield from side_by_side(options, job, parts)


def perform(options):
    """The tally of all."""
    no_disks = machine.own_mounts()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-chaos-"))
    until = math.inf if options.seconds is None else time.monotonic() + options.seconds
    total = empty_tally()
    watched = page.Page(options.page) if options.page else None
    for tally in tallies(options, Job(options, folder, no_disks, until, watched)):
        total = report.added(total, tally)
        if total["violations"] and not options.keep_going:
            break
    if watched:
        end_page(watched, total)
    return total, folder


def end_page(watched, total):
    """Its heap is judged, and told in the tally."""
    watched.close()
    total["page"] = watched.report()
    if excess := watched.excess():
        last = max((int(number) for number in total["step_seconds"]), default=0)
        total["violations"].append({"step": last, "kind": "page", "what": excess})
        print(f"\nFAILED: {excess}", file=sys.stderr, flush=True)


def course_of(parser, options):
    if options.twin and options.profile != harness.POLLED:
        parser.error(f"--twin takes a card, which {harness.POLLED} alone has here")
    table = faults.table(options.profile, options.soak, options.twin)
    if options.only:
        wanted = options.only.split(",")
        if unknown := set(wanted) - {each.name for each in table}:
            parser.error(f"no fault of this run: {', '.join(sorted(unknown))}")
        table = tuple(each for each in table if each.name in wanted)
    return plan.Course(options.profile, table, ONE_LIFE if options.soak else plan.LIFE, options.twin)


def course_in_words(options):
    """What decides the steps beside the seed."""
    said = (("--profile", options.profile != harness.POLLED and options.profile), ("--twin", options.twin), ("--soak", options.soak),
            ("--only", options.only))
    return "".join(f" {name}" + ("" if value is True else f" {value}") for name, value in said if value)


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="tools/chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides every step (default 1)")
    parser.add_argument("--faults", type=int, default=100, help="how many faults to inject (default 100)")
    parser.add_argument("--seconds", type=float, help="for so long instead, whole steps only")
    parser.add_argument("--profile", default=harness.POLLED, choices=PROFILES, help=f"of the model's runtime (default {harness.POLLED})")
    parser.add_argument("--twin", action="store_true", help="two models that take turns on one card; a third of the clients wants the second")
    parser.add_argument("--soak", action="store_true", help="one process of corral for all steps: nothing ends it or replaces its program")
    parser.add_argument("--only", metavar="FAULT,...", help="no other faults than these")
    parser.add_argument("--from", dest="start", type=int, default=0, metavar="STEP", help="begin with this step of the plan")
    parser.add_argument("--jobs", type=int, default=1, help="so many lives of corral at a time (default 1)")
    parser.add_argument("--bin", help="folder of the programs (default build/release/bin)")
    parser.add_argument("--plan", action="store_true", help="show the steps instead of performing them")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure")
    parser.add_argument("--keep", action="store_true", help="leave the logs, also when all is well")
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    parser.add_argument("--margin", type=float, default=4.0, help="seconds beside the load and the fault's own time (default 4)")
    parser.add_argument("--slack", type=float, default=1.0, help="multiplies all clocks and limits of time, for sanitizers and busy machines")
    parser.add_argument("--memory", type=float, default=24, help="MiB that corral may have grown by at the end (default 24)")
    parser.add_argument("--page", metavar="DIR", help="a page of the box stays open in Chromium; DIR is what tests/web/install has filled")
    options = parser.parse_args(arguments)
    options.course = course_of(parser, options)
    if options.soak and options.jobs != 1:
        parser.error("--soak is one life: leave out --jobs")
    if options.page and options.jobs != 1:
        parser.error("--page is for one life at a time: leave out --jobs")
    if options.page and not (pathlib.Path(options.page) / "venv/bin/python").exists():
        parser.error(f"there is no {options.page}/venv/bin/python: make it with tests/web/install {options.page}")
    if options.page and not pathlib.Path("/usr/bin/chromium").exists():
        print("SKIPPED [1] tools/chaos --page: there is no /usr/bin/chromium: install the package chromium")
        sys.exit(77)
    return options


def show_plan(options):
    shown, number = 0, options.start
    while shown < options.faults:
        step = plan.step(options.seed, number, options.course)
        shown += sum(one["fault"] != "nothing" for one in step["faults"])
        print(plan.shown(step))
        number += 1


def main(arguments):
    options = options_of(arguments)
    if options.plan:
        show_plan(options)
        return 0
    begun = time.monotonic()
    end_on_sigterm()
    try:
        tally, folder = perform(options)
    finally:
        end_started()
    told = report.report(options, tally, time.monotonic() - begun)
    print("\n" + json.dumps(told, indent=2))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(told, indent=2) + "\n")
    if tally["violations"]:
        first = tally["violations"][0]["step"]
        near = max(first - 2, 0)
        again = f"tools/chaos{course_in_words(options)} --seed {options.seed}"
        print(f"\nLogs: {folder}\nAll of it again: {again} --from {options.start} --faults {max(tally['faults'], 1)}\n"
              f"Only the steps around it: {again} --from {near} --faults {first - near + 1}", file=sys.stderr)
        return 1
    if options.keep:
        print(f"Logs: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0
