"""Binds one socket as told and prints where it is: "ADDRESS PORT reuseport=N device=NAME"; "error NAME" when that fails.

bind_once.py tcp4|tcp6|tcp6only|udp4 ADDRESS PORT [reuseport] [listen] [errno] [calls ADDRESS]

`calls`: then it calls that address at PORT, as if it were there, and prints "called ADDRESS PORT" of the other end.
"""

import ctypes
import errno
import socket
import sys

SO_BINDTODEVICE = 25


def describe(s):
    host, port = s.getsockname()[:2]
    device = s.getsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, 16).rstrip(b"\0").decode() or "-"
    return f"{host} {port} reuseport={s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)} device={device}"


def errno_after_bind(s):
    """What a C program finds in errno that held 77 before bind()."""
    library = ctypes.CDLL(None, use_errno=True)
    where = socket.AF_INET.to_bytes(2, sys.byteorder) + (0).to_bytes(2, "big") + bytes(12)
    ctypes.set_errno(77)
    result = library.bind(s.fileno(), where, len(where))
    return f"result={result} errno={ctypes.get_errno()}"


def call(kind, address, port):
    with socket.socket(socket.AF_INET6 if kind.startswith("tcp6") else socket.AF_INET) as s:
        try:
            s.connect((address, port))
        except OSError as failed:
            return "error " + errno.errorcode[failed.errno]
        return "called {} {}".format(*s.getpeername()[:2])


def main():
    kind, address, port, *options = sys.argv[1:]
    family = socket.AF_INET6 if kind.startswith("tcp6") else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM if kind == "udp4" else socket.SOCK_STREAM)
    if kind.startswith("tcp6"):
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, kind == "tcp6only")
    if "reuseport" in options:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if "errno" in options:
        return errno_after_bind(s)
    try:
        if address != "unbound":
            s.bind((address, int(port)))
        if "listen" in options:
            s.listen()
    except OSError as failed:
        return "error " + errno.errorcode[failed.errno]
    if "calls" in options:
        return call(kind, options[options.index("calls") + 1], int(port))
    return describe(s)


print(main())
