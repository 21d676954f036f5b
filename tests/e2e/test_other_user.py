"""A Corral that another user runs: whoever asks is told whose it is, and of none that does not run. And what another user may do with a
Corral that asks for no keys."""

import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from admin_cli import done
from harness import BIN, Box, bin_for_others, free_port, started, wait_until

NOBODY = 65534
# What of a package is closed, and the command that opens it.
CLOSED = [("above", "sudo mkdir -p /srv/models && sudo mv {0} /srv/models/"), ("inside", "sudo chmod -R a+rX {0}")]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def home():
    """A folder that any user can reach, which those of the tests are not."""
    folder = Path(tempfile.mkdtemp(prefix="corral-user-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def surroundings(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CORRAL_", "OLLAMA_"))}
    return {**kept, "HOME": str(home)}


def status_of(home, user):
    return subprocess.run([bin_for_others() / "corral", "status", "--config", home / "corral.toml"], capture_output=True, text=True,
                          user=user, group=user, cwd=home, env=surroundings(home), timeout=60)


@contextlib.contextmanager
def their_corral(home, more="", closed=()):
    """One that NOBODY runs; its folder. `closed`: files there that are root's alone."""
    theirs = home / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, -1)
    (theirs / "corral.toml").write_text(f'listen = "127.0.0.1:{free_port()}"\nstate_directory = "{theirs}/state"\n{more}')
    for name in closed:
        (theirs / name).write_text("# corral keys 1\n")
        (theirs / name).chmod(0o600)
    log = home / "log"
    with open(log, "wb") as out:
        daemon = subprocess.Popen([bin_for_others() / "corral", "serve", "--config", theirs / "corral.toml"], stdout=out, stderr=out,
                                  user=NOBODY, group=NOBODY, stdin=subprocess.DEVNULL, cwd=theirs, env=surroundings(theirs))
    started.append(daemon)
    try:
        wait_until(lambda: "event=listening" in log.read_text(), what="the other user's Corral listens")
        yield theirs
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)


def test_whoever_asks_is_told_which_user_runs_one(home):
    with their_corral(home):
        (home / "corral.toml").write_text(f'state_directory = "{home}/state"\n')
        asked = status_of(home, 0)
        assert asked.returncode == 1 and "Corral is running as '" in asked.stderr, asked.stderr
        assert "sudo -u " in asked.stderr, asked.stderr


def test_a_file_in_place_of_a_folder_is_not_called_closed(home):
    (home / "package.zip").write_bytes(b"PK")
    asked = subprocess.run([bin_for_others() / "corral", "import", "package.zip"], capture_output=True, text=True, user=NOBODY, group=NOBODY,
                           cwd=home, env=surroundings(home), timeout=60)
    assert asked.returncode != 0 and "Unpack it" in asked.stderr, asked.stderr


@pytest.mark.parametrize(("closed", "command"), CLOSED)
def test_root_imports_nothing_that_the_serving_user_cant_read(home, closed, command):
    package = home / "models" / "Qwen3-4B"
    subprocess.run([BIN / "corral-sim", "package", package, "--layers", "2"], check=True, stdout=subprocess.DEVNULL)
    locked = package.parent if closed == "above" else package / "model"
    if closed == "inside" and not locked.is_dir():
        locked = next(one for one in package.iterdir() if one.is_dir())
    locked.chmod(0o700)
    with their_corral(home) as theirs:
        def root(*words):
            return subprocess.run([BIN / "corral", *words, "--config", theirs / "corral.toml"], capture_output=True, text=True, cwd=home,
                                  env=surroundings(home), timeout=60)
        refused = root("import", package)
        assert refused.returncode == 2, refused
        assert f"{locked} is closed to the user" in refused.stderr and command.format(package) in refused.stderr, refused.stderr
        assert not (theirs / "models.d").exists()
        locked.chmod(0o755)
        assert "is closed to the user" not in root("import", package).stderr
        locked.chmod(0o700)
        checked = root("check")
        assert checked.returncode != 0 and f"{locked} is closed to the user" in checked.stderr, checked


def test_the_command_that_opens_a_package_names_what_a_link_leads_to(home):
    package = home / "models" / "Qwen3-4B"
    subprocess.run([BIN / "corral-sim", "package", package, "--layers", "2"], check=True, stdout=subprocess.DEVNULL)
    locked = next(one for one in package.iterdir() if one.is_dir())
    locked.chmod(0o700)
    (home / "link").symlink_to(package)
    with their_corral(home) as theirs:
        refused = subprocess.run([BIN / "corral", "import", home / "link", "--config", theirs / "corral.toml"], capture_output=True, text=True,
                                 cwd=home, env=surroundings(home), timeout=60)
        assert refused.returncode == 2 and f"sudo chmod -R a+rX {package}" in refused.stderr, refused.stderr


@pytest.mark.parametrize(("closed", "command"), CLOSED)
def test_the_page_says_what_opens_a_folder_to_the_serving_user(home, closed, command):
    package = home / "models" / "Qwen3-4B"
    subprocess.run([BIN / "corral-sim", "package", package, "--layers", "2"], check=True, stdout=subprocess.DEVNULL)
    locked = package.parent if closed == "above" else next(one for one in package.iterdir() if one.is_dir())
    locked.chmod(0o700)
    with their_corral(home) as theirs:
        port = re.search(r"127\.0\.0\.1:(\d+)", (theirs / "corral.toml").read_text())[1]
        run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "60", f"http://127.0.0.1:{port}{API}/models/import", "-H",
                              "X-Corral-Action: 1", "-d", json.dumps({"folder": str(package)})], check=True, capture_output=True, text=True)
        found = json.loads(run.stdout)["findings"]
        assert [one["id"] for one in found] == ["package.closed"], found
        assert f"{locked} is closed to the user" in found[0]["what"] and command.format(package) in found[0]["fix"], found
        assert not list(theirs.glob("models.d/*"))


def test_root_follows_no_links_that_the_serving_user_made_where_packages_are_pulled(home):
    source = home / "source" / "pkg"
    subprocess.run([BIN / "corral-sim", "package", source, "--layers", "2"], check=True, stdout=subprocess.DEVNULL)
    files = [file.relative_to(source) for file in sorted(source.rglob("*")) if file.is_file()]
    (source / "SHA256SUMS").write_text("".join(f"{hashlib.sha256((source / file).read_bytes()).hexdigest()}  {file}\n" for file in files))
    ours = home / "ours"
    ours.mkdir()
    (ours / "precious").write_text("root's")
    with their_corral(home, f'[pull]\ndirectory = "{home}/theirs/models"\n') as theirs:
        stage = theirs / "models" / ".corral-pull" / "pkg" / "package"
        stage.parent.mkdir(parents=True)
        stage.symlink_to(ours)
        for folder in (theirs / "models", stage.parent.parent, stage.parent):
            os.chown(folder, NOBODY, -1)
        pull = [BIN / "corral", "pull", f"file://{source}", "--no-import", "--config", theirs / "corral.toml"]
        pulled = subprocess.run(pull, capture_output=True, text=True, cwd=home, env=surroundings(home), timeout=60)
        assert [file.name for file in ours.iterdir()] == ["precious"]
        assert pulled.returncode == 1, pulled.stdout
        stage.unlink()
        pulled = subprocess.run(pull, capture_output=True, text=True, cwd=home, env=surroundings(home), timeout=60)
        assert pulled.returncode == 0, pulled.stderr
        assert (theirs / "models" / "pkg" / "post_config.json").stat().st_uid == NOBODY, "it became that user"
        # Manifests that are root's it could not write then.
        (theirs / "models.d").mkdir(exist_ok=True)
        os.chown(theirs / "models.d", 0, -1)
        pulled = subprocess.run([word for word in pull if word != "--no-import"], capture_output=True, text=True, cwd=home,
                                env=surroundings(home), timeout=60)
        assert pulled.returncode == 1 and "make both that user's, or both root's" in pulled.stderr, pulled.stderr


def test_a_key_that_root_makes_is_read_by_the_serving_user(home):
    with their_corral(home) as theirs:
        config = theirs / "corral.toml"
        config.write_text(config.read_text() + '[access]\nkeys = "keys"\n')

        def make(name):
            return subprocess.run([BIN / "corral", "key", "new", name, "--config", config], capture_output=True, text=True, cwd=home,
                                  env=surroundings(home), timeout=60)
        made = make("anna")
        facts = (theirs / "keys").stat()
        assert made.returncode == 0 and (facts.st_uid, facts.st_mode & 0o777) == (NOBODY, 0o600), made
        assert "within seconds" in made.stderr
        # One that an earlier command left to root.
        os.chown(theirs / "keys", 0, 0)
        made = make("bert")
        assert made.returncode == 0 and "It does not count yet." in made.stderr and f"{theirs}/keys" in made.stderr, made
        assert re.search(r"sudo chown \S+ ", made.stderr) and "within seconds" not in made.stderr, made


def test_a_file_of_keys_that_is_roots_alone_is_told_with_the_command_that_opens_it(home):
    with their_corral(home, '[access]\nkeys = "keys"\n', ["keys"]) as theirs:
        told = subprocess.run([BIN / "corral", "status", "--json", "--config", theirs / "corral.toml"], capture_output=True, text=True, cwd=home,
                              env=surroundings(home), timeout=60, check=True)
        closed = json.loads(told.stdout)["closed"]
        assert len(closed) == 1 and f": sudo chown {pwd.getpwuid(NOBODY).pw_name} {theirs}/keys;" in closed[0], closed


def test_a_reload_that_a_closed_file_of_keys_refuses_names_the_command_that_opens_it(home):
    with their_corral(home) as theirs:
        config = theirs / "corral.toml"
        config.write_text(config.read_text() + '[access]\nkeys = "keys"\n')
        (theirs / "keys").write_text("# corral keys 1\n")
        (theirs / "keys").chmod(0o600)
        told = subprocess.run([BIN / "corral", "reload", "--config", config], capture_output=True, text=True, cwd=home,
                              env=surroundings(home), timeout=60)
        assert told.returncode == 1 and f": sudo chown {pwd.getpwuid(NOBODY).pw_name} {theirs}/keys" in told.stderr, told.stderr


def test_root_is_told_what_of_the_configuration_the_serving_user_cant_read(home):
    with their_corral(home) as theirs:
        config = theirs / "corral.toml"

        def root(*words):
            return subprocess.run([BIN / "corral", *words, "--config", config], capture_output=True, text=True, cwd=home,
                                  env=surroundings(home), timeout=60)
        good = root("check")
        assert good.returncode == 0 and "is closed to the user" not in good.stderr, good
        os.chown(config, 0, 0)
        config.chmod(0o600)
        (theirs / "models.d").mkdir(mode=0o700)
        checked = root("check")
        assert checked.returncode == 1, checked
        assert f"sudo chmod a+r {config}" in checked.stderr and f"sudo chmod a+rx {theirs}/models.d" in checked.stderr, checked.stderr
        found = json.loads(root("check", "--json").stdout)["files"]
        assert [one["id"] for one in found] == ["configuration.closed"] * 2, found


def test_the_daemons_own_word_on_a_manifest_that_it_cant_read_is_told_to_root(home):
    with their_corral(home) as theirs:
        config = theirs / "corral.toml"
        package = home / "models" / "Qwen3-4B"
        subprocess.run([BIN / "corral-sim", "package", package, "--layers", "2"], check=True, stdout=subprocess.DEVNULL)

        def root(*words):
            return subprocess.run([BIN / "corral", *words, "--config", config], capture_output=True, text=True, cwd=home,
                                  env=surroundings(home), timeout=60)
        root("import", package, "--name", "closed")
        manifest = next((theirs / "models.d").glob("*.toml"))
        os.chown(manifest, 0, 0)
        manifest.chmod(0o600)
        root("reload")
        found = {one["id"]: one for one in json.loads(root("doctor", "--json").stdout)}
        assert "daemon.left-out" in found and f"{manifest}: cannot be read" in found["daemon.left-out"]["what"], found
        assert f"{manifest}: cannot be read" in root("list", "--json").stdout


def test_a_closed_folder_alone_is_no_daemon(home):
    """Its owner runs none: what is said of a running Corral must be true."""
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, NOBODY - 1, -1)
    (home / "corral.toml").write_text(f'admin_socket = "{closed}/corral.sock"\n')
    asked = status_of(home, NOBODY)
    # Where another program of this machine is a Corral, that is named.
    assert asked.returncode == 1 and ("not running" in asked.stderr or "is running as" in asked.stderr), asked.stderr
    assert "runs as another user" not in asked.stderr, asked.stderr


API = "/corral/v1"
OPERATED = {"GET": ("/session", "/status", "/requests", "/speeds", "/settings", "/incidents", "/keys", "/events", "/logs/stream", "/openapi.json"),
            "POST": ("/models/import", "/models/unload", "/models/load", "/models/restart", "/models/pin", "/models/remove", "/drain", "/undrain",
                     "/reload", "/upgrade", "/page-link", "/doctor", "/keys")}


def curl(box, user, method, path, *words, body="{}"):
    """Status and body, asked by that user's own program."""
    run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "20", "-w", "\n%{http_code}", "-X", method,
                          f"http://127.0.0.1:{box.port}{path}", "-H", "X-Corral-Action: 1", *(["-d", body] if method == "POST" else []), *words],
                         capture_output=True, text=True, user=user, group=user, extra_groups=[], timeout=60, cwd="/")
    text, _, status = run.stdout.rpartition("\n")
    return int(status or 0), text


def test_another_user_asks_models_and_operates_nothing(tmp_path):
    """On a box without keys; whoever runs Corral may as before."""
    with Box(tmp_path, {"directives": True}) as box:
        for method, paths in OPERATED.items():
            for path in paths:
                assert curl(box, NOBODY, method, API + path)[0] == 403, path
        told = json.loads(curl(box, NOBODY, "GET", API + "/session")[1])
        assert "sudo corral ui" in told["advice"] and "root" in told["error"], told
        for path in ("/api/tags", "/api/ps", "/readyz", "/healthz", "/v1/models", "/metrics"):
            assert curl(box, NOBODY, "GET", path)[0] == 200, path
        words = json.dumps({"model": "sim", "prompt": "[[text=as before]]", "stream": False})
        status, text = curl(box, NOBODY, "POST", "/api/generate", body=words)
        assert status == 200 and json.loads(text)["response"] == "as before", text
        assert curl(box, 0, "GET", API + "/status")[0] == 200
        assert box.get(API + "/status").json["models"][0]["state"] == "ready"


def test_a_link_opens_the_page_once_for_the_user_whose_browser_takes_it(tmp_path):
    def link():
        return done(box, "ui", "--json")

    def take(user, url):
        return curl(box, user, "GET", url.split(str(box.port), 1)[1], "-D", "-", "-o", "/dev/null")

    with Box(tmp_path) as box:
        url = json.loads(link())["url"]
        assert url.startswith(f"http://127.0.0.1:{box.port}/ui/open/")
        status, head = take(NOBODY, url)
        cookie = next(line.split(": ", 1)[1].split(";")[0] for line in head.splitlines() if line.lower().startswith("set-cookie"))
        assert status == 302 and "HttpOnly" in head and "SameSite=Strict" in head, head
        assert curl(box, NOBODY, "GET", API + "/status", "-H", f"Cookie: {cookie}")[0] == 200
        assert curl(box, NOBODY, "POST", API + "/models/unload", "-H", f"Cookie: {cookie}", body='{"model": "sim"}')[0] == 200
        assert curl(box, NOBODY, "GET", API + "/status")[0] == 403, "without it"
        assert curl(box, NOBODY - 1, "GET", API + "/status", "-H", f"Cookie: {cookie}")[0] == 403, "stolen by another user"
        assert curl(box, NOBODY, "POST", API + "/drain", "-H", f"Cookie: {cookie}", "-H", "Origin: http://localhost:3000")[0] == 403
        assert take(NOBODY, url)[0] == 403, "the same link again"
        assert take(NOBODY, url.rsplit("/", 1)[0] + "/" + "0" * 64)[0] == 403


def test_a_group_of_users_may_operate(tmp_path):
    with Box(tmp_path, config='[access]\noperators = "nogroup"\n') as box:
        assert curl(box, NOBODY, "GET", API + "/status")[0] == 200
        assert curl(box, NOBODY, "POST", API + "/drain")[0] == 200
        assert curl(box, NOBODY - 1, "GET", API + "/status")[0] == 403


def test_a_proxy_lends_nobody_its_user(tmp_path):
    """What it says of its client's machine is said of another one."""
    with Box(tmp_path, config='[fleet]\nproxy_protocol_from = ["127.0.0.2"]\n') as box:
        assert curl(box, 0, "GET", API + "/status", "-H", "X-Forwarded-For: 192.168.1.7")[0] == 403
        assert curl(box, 0, "GET", API + "/status", "--interface", "127.0.0.2", "--haproxy-protocol")[0] == 403
        assert curl(box, 0, "GET", API + "/status")[0] == 200
