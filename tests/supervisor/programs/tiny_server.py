"""A service for the tests: listens on a loopback port after a while and answers every HTTP request with its pid."""

import argparse
import os
import signal
import socket
import sys
import threading
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--also", type=int, default=0, help="a port of every interface that it listens on too")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--reuse-port", action="store_true")
    parser.add_argument("--never-listen", action="store_true")
    parser.add_argument("--ignore", default="")
    parser.add_argument("--bar", type=int, default=0, help="steps of a progress bar, spread over the delay")
    parser.add_argument("--say", action="append", default=[])
    parser.add_argument("--say-when-asked", default="", help="printed at the second request and after")
    parser.add_argument("--child", action="store_true", help="leave a child behind that holds our output")
    parser.add_argument("--exit", type=int, default=None, help="end with this status in place of listening")
    parser.add_argument("--exit-after", type=float, default=None, help="... this long after listening")
    parser.add_argument("--first-only", default="", help="a file: what --exit* says happens only while it is absent")
    return parser.parse_args()


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def load(a):
    if a.bar == 0:
        time.sleep(a.delay)
    for step in range(1, a.bar + 1):
        time.sleep(a.delay / a.bar)
        sys.stdout.write("\r%3d%% | %s | %d / %d" % (100 * step // a.bar, "#" * step, step, a.bar))
        sys.stdout.flush()


asked = []


def answer(connection, a):
    with connection:
        request = connection.recv(65536)
        if not request:
            return
        asked.append(1)
        if a.say_when_asked and len(asked) > 1:
            say(a.say_when_asked)
        body = str(os.getpid()).encode()
        head = "HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (a.status, len(body))
        connection.sendall(head.encode() + body)


def main():
    a = arguments()
    for name in filter(None, a.ignore.split(",")):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    if a.child and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)
    for text in a.say:
        say(text)
    load(a)
    fails = True
    if a.first_only:
        fails = not os.path.exists(a.first_only)
        open(a.first_only, "w").close()
    if a.exit is not None and a.exit_after is None and fails:
        sys.exit(a.exit)
    if a.never_listen:
        time.sleep(600)
    if a.also:
        second = socket.create_server(("0.0.0.0", a.also))  # noqa: F841 - kept open
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if a.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((a.bind, a.port))
    listener.listen(16)
    say("listening")
    if a.exit_after is not None and fails:
        threading.Timer(a.exit_after, lambda: os._exit(a.exit or 0)).start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, a), daemon=True).start()


main()
