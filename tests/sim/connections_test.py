"""Keep-alive, the thread pool, the port (docs/facts/vendor_ax.md#answer-bytes, #port, #connections)."""
import os
import re
import socket
import subprocess
import time

from simulated import FAST, exchange, read_answer, request, wait_for

POLL = b"GET /api/generate_provider HTTP/1.1\r\nHost: a\r\n\r\n"
PLAIN = {"tokenizer": {"family": "plain"}, "directives": True}


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), 20)
    s.settimeout(20)
    return s


def test_a_connection_serves_five_requests_and_says_so_at_the_last(pair):
    p = pair()
    with connect(p.port) as s:
        for _ in range(4):
            s.sendall(POLL)
            answer = read_answer(s)
            assert answer.headers["Keep-Alive"] == "timeout=5, max=5" and "Connection" not in answer.headers
        s.sendall(POLL)
        last = read_answer(s)
        assert last.headers["Connection"] == "close" and "Keep-Alive" not in last.headers
        assert s.recv(100) == b""


def test_head_and_body_leave_in_two_sends(pair):
    p = pair()
    delays = []
    with connect(p.port) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(4):
            begin = time.monotonic()
            s.sendall(POLL)
            read_answer(s)
            delays.append(time.monotonic() - begin)
    # Nagle and the delayed acknowledgement: about 40 ms for all but the first.
    assert sum(1 for d in delays[1:] if d > 0.02) >= 2, delays
    fresh = []
    for _ in range(5):
        begin = time.monotonic()
        exchange(p.port, POLL)
        fresh.append(time.monotonic() - begin)
    assert min(fresh) < 0.02


def test_pipelined_requests_after_the_first_are_lost(pair):
    p = pair()
    with connect(p.port) as s:
        s.sendall(POLL * 3)
        assert read_answer(s).status == 200
        s.settimeout(1)
        try:
            assert s.recv(100) == b""
        except socket.timeout:
            pass
    assert p.state()["polls"] == 1


def test_eight_silent_connections_stop_the_server_until_their_five_seconds_are_over(pair):
    p = pair()
    pool = max(8, (os.cpu_count() or 1) - 1)
    opened = time.monotonic()
    held = [connect(p.port) for _ in range(pool - 1)]
    held[0].sendall(b"GET /api/st")  # half a request line is no better than silence
    held[1].sendall(POLL)
    assert read_answer(held[1]).status == 200
    begin = time.monotonic()
    exchange(p.port, POLL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert time.monotonic() - begin < 2
    held.append(connect(p.port))
    begin = time.monotonic()
    assert exchange(p.port, POLL).status == 200
    assert 2.5 < time.monotonic() - begin < 8
    assert p.state()["connections_high_water"] >= pool + 1
    for s in held:
        assert s.recv(100) == b""  # closed without a byte
        s.close()
    assert 4.5 < time.monotonic() - opened < 12


def test_the_backlog_is_five_and_the_default_address_is_every_interface(pair, start):
    p = pair(env={"CORRAL_SIM_BIND": None})
    line = subprocess.run(["ss", "-ltnH", f"sport = :{p.port}"], capture_output=True, text=True, check=True).stdout
    assert re.match(rf"LISTEN\s+\d+\s+5\s+0\.0\.0\.0:{p.port}\s", line), line


def test_two_instances_share_a_port_and_a_restart_after_kill_gets_it_at_once(pair, start):
    p = pair(PLAIN)
    other = start("runtime", p.flags(), cwd=p.package.folder, scenario={"timing": FAST},
                  env={"CORRAL_SIM_PORT": str(p.port)})
    wait_for(lambda: (other.try_state() or {}).get("ready"), "the second instance")

    def both():
        exchange(p.port, POLL)
        return p.state()["polls"] and other.state()["polls"]

    wait_for(both, "both are asked")
    other.end()
    p.runtime.end()
    again = start("runtime", p.flags(), cwd=p.package.folder, scenario={"timing": FAST},
                  env={"CORRAL_SIM_PORT": str(p.port)})
    assert again.wait_port() == p.port


def test_more_connections_than_threads_are_all_served(pair):
    p = pair()
    # Eight threads serve and five wait in the backlog; beyond that the kernel drops, and what comes of it depends on its timers.
    sockets = [connect(p.port) for _ in range(13)]
    for s in sockets:
        s.sendall(POLL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert [read_answer(s).status for s in sockets] == [200] * 13
    for s in sockets:
        s.close()
    assert p.state()["accepted"] >= 13
    assert request(p.port, "OPTIONS", "/x").headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
