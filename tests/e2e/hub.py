"""A hub in the style of Hugging Face (docs/facts/other_wires.md) on this machine, with TLS by a certificate of its own, a second
host for storage, and faults that a test asks for."""

import email.utils
import hashlib
import http.server
import json
import pathlib
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

COMMIT = "1" * 40
LARGE = 1000  # bytes from which a file is in LFS


def certificate(folder, address="127.0.0.1"):
    """(certificate, key), which whoever trusts the certificate takes for that address."""
    folder = pathlib.Path(folder)
    if not (folder / "hub.pem").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=hub", "-addext", f"subjectAltName=IP:{address},DNS:localhost", "-keyout", folder / "hub.key",
                        "-out", folder / "hub.pem"], check=True, capture_output=True)
    return folder / "hub.pem", folder / "hub.key"


def size_of(file):
    """Of a part that may just have come to its name; then 0."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    """`fault(kind, path, number)` may name what goes wrong with that request; `number` counts those of the path from 0."""

    def __init__(self, folder, files, *, address="127.0.0.1", tls=True, storage=None, page=1000):
        self.files = dict(files)
        self.commit = COMMIT
        self.page = page
        self.fault = lambda kind, path, number: None
        self.token = None      # that is asked for
        self.listed = None     # instead of the tree that is made of the files
        self.requests = []     # (host, method, path, range, authorization)
        self.sent = 0          # bytes of files, counted before they go: who has them finds them counted
        self.serving = 0       # connections that are open
        self.counts = {}
        self.guard = threading.Lock()
        self.address = address
        self.tls = tls
        self.certificate, self.key = certificate(folder, address)
        self.hub = self.listen("hub")
        self.storage = self.listen("storage")
        self.storage_url = storage or self.url(self.storage)

    def listen(self, name):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            host = name

            def do_GET(self):  # noqa: N802
                outer.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def process_request(self, *connection):
                with outer.guard:
                    outer.serving += 1
                super().process_request(*connection)

            def shutdown_request(self, connection):
                try:
                    super().shutdown_request(connection)
                finally:
                    with outer.guard:
                        outer.serving -= 1

            def handle_error(self, *_):
                pass  # whoever asked has gone

        server = Server((self.address, 0), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def url(self, server):
        return f"{'https' if self.tls else 'http'}://{self.address}:{server.server_address[1]}"

    @property
    def endpoint(self):
        return self.url(self.hub)

    def close(self):
        for one in (self.hub, self.storage):
            one.shutdown()
            one.server_close()

    def tree(self):
        out = []
        for path, data in sorted(self.files.items()):
            entry = {"type": "file", "oid": git_blob(data), "size": len(data), "path": path}
            if len(data) >= LARGE:
                entry["oid"] = git_blob(b"pointer")
                entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            out.append(entry)
        return [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "model"}] + out

    def answer(self, to):
        path, _, query = to.path.partition("?")
        path = urllib.parse.unquote(path)
        with self.guard:
            self.requests.append((to.host, to.command, path, to.headers.get("Range"), to.headers.get("Authorization")))
            number = self.counts.get((to.host, path), 0)
            self.counts[to.host, path] = number + 1
        if to.host == "storage":
            known = path.lstrip("/") in self.files
            return self.send_file(to, path.lstrip("/"), number) if known else self.refuse(to, 404)
        if self.token and to.headers.get("Authorization") != f"Bearer {self.token}":
            return self.refuse(to, 401, "GatedRepo")
        if m := re.fullmatch(r"/api/models/[^/]+/[^/]+/(revision|tree)/(.+)", path):
            return self.send_list(to, m[1], m[2], dict(urllib.parse.parse_qsl(query)), number)
        if m := re.fullmatch(r"/[^/]+/[^/]+/resolve/([0-9a-f]{40})/(.+)", path):
            if m[1] != self.commit or m[2] not in self.files:
                return self.refuse(to, 404, "EntryNotFound")
            what = self.fault("resolve", m[2], number)
            if what and what.startswith("to:"):
                return self.redirect(to, what[3:])
            if what and what.isdigit():
                return self.refuse(to, int(what), retry=0)
            if what == "later":
                return self.refuse(to, 503, retry=email.utils.formatdate(time.time() + 3, usegmt=True))
            if what == "loop":
                return self.redirect(to, to.path)
            if len(self.files[m[2]]) >= LARGE:
                return self.redirect(to, self.storage_url + "/" + urllib.parse.quote(m[2]))
            return self.send_file(to, m[2], number)
        return self.refuse(to, 404, "RepoNotFound")

    def send_list(self, to, kind, revision, query, number):
        what = self.fault(kind, revision, number)
        if what and what.isdigit():
            return self.refuse(to, int(what), retry=0)
        if what and what.startswith("after:"):
            return self.refuse(to, 429, retry=what[6:])
        if what == "cut":
            return self.cut(to)
        if kind == "revision":
            if revision not in ("main", self.commit):
                return self.refuse(to, 404, "RevisionNotFound")
            return self.send(to, {"id": "o/r", "sha": self.commit})
        if what == "garbage":
            return self.send(to, b'[{"type":"file"')
        if revision != self.commit:
            return self.refuse(to, 404, "RevisionNotFound")
        all_files = self.listed if self.listed is not None else self.tree()
        begin = int(query.get("cursor", 0))
        more = {}
        if begin + self.page < len(all_files):
            more["Link"] = f'<{self.endpoint}{to.path.partition("?")[0]}?recursive=true&cursor={begin + self.page}>; rel="next"'
        return self.send(to, all_files[begin:begin + self.page], more)

    def send(self, to, content, fields=None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        to.send_response(200)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(fields or {})}.items():
            to.send_header(name, value)
        to.end_headers()
        to.wfile.write(body)

    def refuse(self, to, status, code="", retry=None):
        to.send_response(status)
        to.send_header("Content-Length", "0")
        if code:
            to.send_header("X-Error-Code", code)
        if retry is not None:
            to.send_header("Retry-After", str(retry))
        to.end_headers()

    def redirect(self, to, where):
        to.send_response(302)
        to.send_header("Location", where)
        to.send_header("Content-Length", "0")
        to.end_headers()

    def cut(self, to):
        to.close_connection = True
        to.connection.close()

    def send_file(self, to, path, number):
        data = self.files[path]
        what = self.fault("file", path, number)
        if what and what.isdigit():
            return self.refuse(to, int(what), retry=0)
        if what == "silent-head" and to.command == "HEAD":
            threading.Event().wait(30)
            return self.cut(to)
        if what == "wrong":
            data = bytes(b ^ 1 for b in data)
        begin, status = 0, 200
        etag = f'"{hashlib.md5(self.files[path]).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-", to.headers.get("Range") or "")
        if asked and what not in ("ignore-range", "same-cut") and to.headers.get("If-Range") in (None, etag):
            begin, status = int(asked[1]), 206
            if begin >= len(data):
                return self.refuse(to, 416)
        body = data[begin:]
        to.send_response(status)
        if status == 206:
            shift = 1 if what == "range-lie" else 0
            to.send_header("Content-Range", f"bytes {begin + shift}-{len(data) - 1}/{len(data)}")
        if what == "longer":
            body += b"more"
        if what == "shorter":
            body = body[:-1]
        to.send_header("Content-Length", str(len(body)))
        to.send_header("ETag", etag)
        to.end_headers()
        if to.command == "HEAD":
            return None
        if what in ("cut", "same-cut"):
            body = body[:len(body) // 2]
        if what == "drip":
            for byte in body:
                to.wfile.write(bytes([byte]))
                threading.Event().wait(0.3)
        with self.guard:
            self.sent += len(body)
        if what == "stall":
            to.wfile.write(body[:len(body) // 2])
            to.wfile.flush()
            threading.Event().wait(30)
            return self.cut(to)
        to.wfile.write(body)
        if what in ("cut", "same-cut"):
            to.wfile.flush()
            return self.cut(to)
        return None
