"""What the lines of a service are worth: routine is counted, and the line that tells why a start failed is quoted."""

import json

from admin_cli import corral, done, services_of
from harness import BIN, Box, wait_until

ROUTINE = '127.0.0.1 - - [x] "POST /encode HTTP/1.1" 200 -'


def test_routine_lines_are_counted_and_push_nothing_out(tmp_path):
    chatter = (f"echo telling >&2; (while :; do echo '{ROUTINE}' >&2; sleep 0.02; done) & "
               f"exec {BIN / 'corral-sim'} tokenizer --host 127.0.0.1 --port {{port}}")
    with Box(tmp_path, tokenizer=["sh", "-c", chatter]) as box:
        wait_until(lambda: services_of(box)["tokenizer"]["routine_lines"] > 20, 20, "routine lines are counted")
        run = corral(box, "logs", "sim/tokenizer")
        assert run.returncode == 0 and "telling" in run.stdout and "POST /encode" not in run.stdout
        assert "routine lines of sim:latest/tokenizer were counted, and not shown" in run.stderr
        lines = [json.loads(line) for line in done(box, "logs", "sim/tokenizer", "--json").splitlines()]
        assert any(line["text"] == "telling" for line in lines)


def test_a_failed_start_quotes_the_line_that_tells_why_and_names_the_command(tmp_path):
    box = Box(tmp_path, tokenizer=["/usr/bin/python3", "-c", "print('begin', flush=True); int('four')"], model="preflight = false\n")
    box.start(wait_ready=False)
    try:
        service = wait_until(lambda: next((s for s in [services_of(box)["tokenizer"]] if "ValueError" in s["reason"] and s["advice"]), None), 20,
                             "the reason names the error\n" + box.log()[-2000:])
        assert "It said: ValueError: invalid literal for int() with base 10: 'four'" in service["reason"], service
        assert "'corral logs sim:latest/tokenizer' shows what it printed" in service["advice"], service
        assert service["reason"].count("ValueError") == 1 and "corral logs" not in service["reason"]
        assert "invalid literal" in done(box, "logs", "sim/tokenizer")
    finally:
        box.__exit__()
