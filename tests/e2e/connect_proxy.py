"""A proxy for CONNECT on this machine, as companies have it: it looks up names itself, and may want a name and a password."""

import contextlib
import select
import socket
import socketserver
import threading


class ConnectProxy:
    """`status`: what every CONNECT is answered with; None: the way is opened."""

    def __init__(self):
        self.asked = []  # "host:port" of each CONNECT
        self.status = None
        self.wanted = None  # the header of who may pass; None: all may
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    outer.serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, to):
        method, target, _ = to.rfile.readline().decode().split(" ", 2)
        fields = {}
        while (line := to.rfile.readline().decode().strip()):
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        assert method == "CONNECT", method
        self.asked.append(target)
        if self.wanted and fields.get("proxy-authorization") != self.wanted:
            return self.refuse(to, 407, 'Proxy-Authenticate: Basic realm="test"\r\n')
        if self.status:
            return self.refuse(to, self.status)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as there:
            to.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ways = {to.connection: there, there: to.connection}
            while True:
                for one in select.select(list(ways), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return None
                    ways[one].sendall(data)

    @staticmethod
    def refuse(to, status, field=""):
        to.wfile.write(f"HTTP/1.1 {status} No\r\n{field}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
