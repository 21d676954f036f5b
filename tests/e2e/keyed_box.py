"""A box that asks for API keys, with or without TLS."""

import re
import ssl
import subprocess

from harness import BIN, Box

SCENARIO = {"directives": True, "timing": {"tokens_per_second": 100}}


def certificate(folder, name):
    """A self-signed pair for 127.0.0.1, put in place as a whole."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.new",
                    "-out", folder / "cert.new"], check=True, capture_output=True)
    (folder / "key.new").rename(folder / "key.pem")
    (folder / "cert.new").rename(folder / "cert.pem")


def trusting(folder):
    return ssl.create_default_context(cafile=folder / "cert.pem")


def new_key(box, name):
    made = subprocess.run([BIN / "corral", "key", "new", name, "--file", box.folder / "keys"], check=True,
                          capture_output=True, text=True)
    assert re.fullmatch(r"sk-corral-[A-Za-z0-9_-]{43}\n", made.stdout)
    return made.stdout.strip()


def scoped_key(folder, name, scopes):
    made = subprocess.run([BIN / "corral", "key", "new", name, "--scope", scopes, "--file", folder / "keys"], check=True,
                          capture_output=True, text=True)
    return made.stdout.strip()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def make_box(folder, tls=False, **more):
    """A box that asks for keys; box.key is the one of "anna", which every request shows."""
    config = '[access]\nkeys = "keys"\n'
    if tls:
        certificate(folder / "tls", "first.lan")
        config += '[tls]\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"\n'
    box = Box(folder, SCENARIO, config=config, **more)
    box.tls = trusting(folder / "tls") if tls else None
    box.key = new_key(box, "anna")
    box.headers = bearer(box.key)
    return box
