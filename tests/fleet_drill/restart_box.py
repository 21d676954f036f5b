#!/usr/bin/env python3
"""usage: restart_box.py FIFO BOX: has the drill restart a box; ends when it listens again."""

import os
import sys

fifo, box = sys.argv[1:]
answer = f"{fifo}.{box}"
os.mkfifo(answer)
with open(fifo, "w") as line:
    line.write(f"{box} {answer}\n")
with open(answer) as line:
    status = int(line.read())
os.unlink(answer)
sys.exit(status != 0)
