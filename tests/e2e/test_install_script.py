"""The script that installs a release: what a server, honest or hostile, can make it do. apt is played by a program that notes how it
is called; signatures, hashes and downloads are real."""

import base64
import functools
import hashlib
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import tarfile
import threading

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "share/install/install.sh"
VERSION = "0.3.0"
RELEASES = {"bookworm": "deb12", "trixie": "deb13", "noble": "ubuntu24.04", "resolute": "ubuntu26.04"}
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "amd64")


def run(*command, **how):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=60, **how).stdout


def new_key(folder):
    folder.mkdir(mode=0o700)
    run("gpg", "--homedir", folder, "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "release@corral.invalid", "ed25519", "sign", "never")
    return folder


class Release:
    """A folder as tools/release makes it, with a package and an archive that hold next to nothing."""

    def __init__(self, place):
        self.folder = place / "release"
        self.folder.mkdir()
        self.home = new_key(place / "gpg")
        self.names = [f"corral_{VERSION}~{suffix}_{MACHINE}.deb" for suffix in RELEASES.values()]
        for name in self.names:
            (self.folder / name).write_bytes(b"a package " * 1000)
        self.archive = f"corral-{VERSION}-linux-{MACHINE}.tar.zst"
        (place / "tree/bin").mkdir(parents=True)
        (place / "tree/bin/corral").write_text("#!/bin/sh\necho it runs\n")
        (place / "tree/bin/corral").chmod(0o755)
        self.place = place
        self.pack()
        self.sign()

    def pack(self):
        with tarfile.open(self.place / "archive.tar", "w") as archive:
            archive.add(self.place / "tree", arcname=f"corral-{VERSION}")
        run("zstd", "-q", "-f", self.place / "archive.tar", "-o", self.folder / self.archive)

    def sign(self, home=None, version=VERSION):
        files = [*self.names, self.archive]
        lines = [f"{hashlib.sha256((self.folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
        (self.folder / "SHA256SUMS").write_text(f"# corral {version}\n" + "".join(lines))
        run("gpg", "--homedir", home or self.home, "--batch", "--yes", "--quiet", "--armor", "--detach-sign", "--output",
            self.folder / "SHA256SUMS.asc", self.folder / "SHA256SUMS")

    def script(self, to, url):
        key = base64.b64encode(run("gpg", "--homedir", self.home, "--export")).decode()
        to.write_text(SCRIPT.read_text().replace("@URL@", url).replace("@VERSION@", VERSION).replace("@KEY@", key))
        return to


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(name="box")
def make_box(tmp_path):
    if shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    release = Release(tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(release.folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    calls = tmp_path / "calls"

    def put(name, script):
        (bin_folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin_folder / name).chmod(0o755)

    for name in ("apt-get", "install"):
        put(name, f'echo {name} "$@" >>{calls}')
    put("systemctl", "true")
    put("sudo", 'exec "$@"')  # the real one has a PATH of its own, and with it the real apt-get

    class Box:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        place = tmp_path

        def __init__(self):
            self.release = release
            self.server = server
            self.put = put

        def install(self, *arguments, url=None, path=None):
            temporary = tmp_path / "temporary"
            temporary.mkdir(exist_ok=True)
            script = release.script(tmp_path / "install.sh", url or self.url)
            done = subprocess.run(["sh", str(script), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                                  env={"PATH": path or f"{bin_folder}:{os.environ['PATH']}", "TMPDIR": str(temporary), "no_proxy": "*"})
            assert list(temporary.iterdir()) == [], "the temporary folder was left behind"
            return done

        def calls(self):
            return calls.read_text().splitlines() if calls.exists() else []

    yield Box()
    server.shutdown()
    server.server_close()
    for keys in (release.home, tmp_path / "stranger"):
        if keys.exists():
            run("gpgconf", "--homedir", keys, "--kill", "gpg-agent")  # else it stays as long as its folder


def refused(box, why, *arguments, **how):
    done = box.install(*arguments, **how)
    assert done.returncode != 0, done.stdout
    assert why in done.stderr, done.stderr
    assert "Nothing was installed or changed." in done.stderr
    assert box.calls() == []


def this_system_is_known():
    return any(f"VERSION_CODENAME={name}" in pathlib.Path("/etc/os-release").read_text() for name in RELEASES)


@pytest.mark.skipif(not this_system_is_known(), reason="there is no package for this system")
def test_the_package_of_this_system_is_installed_and_apt_gets_its_source(box):
    done = box.install()
    assert done.returncode == 0, done.stderr
    apt, key, source = box.calls()
    assert f"/corral_{VERSION}~" in apt and apt.startswith("apt-get install -y --no-install-recommends ")
    assert key.endswith("/usr/share/keyrings/corral.gpg")
    assert source.endswith("/etc/apt/sources.list.d/corral.sources")
    assert "runs" in done.stdout
    box.put("systemctl", "exit 3")  # the port is taken, or there is no systemd
    done = box.install()
    assert done.returncode == 0 and "does not run" in done.stdout, done.stdout


@pytest.mark.skipif(not this_system_is_known(), reason="there is no package for this system")
def test_apt_asks_nothing_and_waits_its_turn_whoever_calls_it(box):
    box.put("id", "echo 1000")
    box.put("sudo", 'exec env -i PATH="$PATH" "$@"')  # the environment is dropped
    box.put("apt-get", f'echo "$DEBIAN_FRONTEND" "$@" >{box.place}/apt')
    done = box.install()
    assert done.returncode == 0, done.stderr
    said = (box.place / "apt").read_text()
    assert said.startswith("noninteractive install")
    assert "DPkg::Lock::Timeout=" in said, "another apt is waited for"
    assert "--force-confold" in said, "there is nobody to ask about a changed configuration"


def test_the_archive_runs_from_a_folder_of_any_user(box):
    done = box.install("--into", box.place / "opt")
    assert done.returncode == 0, done.stderr
    assert run(box.place / f"opt/corral-{VERSION}/bin/corral") == b"it runs\n"
    assert [path.name for path in (box.place / "opt").iterdir()] == [f"corral-{VERSION}"]
    refused(box, "already exists", "--into", box.place / "opt")


def test_an_archive_that_can_not_run_here_is_not_left_there(box):
    (box.place / "tree/bin/corral").write_text("#!/bin/sh\necho 'GLIBC_2.36 not found' >&2\nexit 1\n")
    box.release.pack()
    box.release.sign()
    refused(box, "GLIBC_2.36 not found", "--into", box.place / "opt")
    assert list((box.place / "opt").iterdir()) == []


def other_key(box):
    box.release.sign(home=new_key(box.place / "stranger"))


def older_release(box):
    box.release.sign(version="0.2.0")


def changed_list(box):
    with open(box.release.folder / "SHA256SUMS", "a", encoding="ascii") as out:
        out.write(f"{'0' * 64}  ../../etc/passwd\n")


def changed_files(box):
    for name in [*box.release.names, box.release.archive]:
        (box.release.folder / name).write_bytes(b"a package of somebody else")


def cut_files(box):
    for name in [*box.release.names, box.release.archive]:
        path = box.release.folder / name
        path.write_bytes(path.read_bytes()[:-1])


def no_signature(box):
    (box.release.folder / "SHA256SUMS.asc").unlink()


def portal(box):
    for path in box.release.folder.iterdir():
        path.write_text("<html>Please accept the terms of this hotel</html>")


def endless_list(box):
    (box.release.folder / "SHA256SUMS").write_bytes(b"#" * 2_000_000)


def missing_files(box):
    for name in [*box.release.names, box.release.archive]:
        (box.release.folder / name).unlink()


@pytest.mark.parametrize("into", [False, True], ids=["package", "archive"])
@pytest.mark.parametrize("change, why", [
    (other_key, "is not that of this release"), (older_release, "has another version"), (changed_list, "is not that of this release"),
    (changed_files, "its SHA-256 differs"), (cut_files, "its SHA-256 differs"), (no_signature, "can't be fetched"),
    (portal, "is not that of this release"), (endless_list, "can"), (missing_files, "can't be fetched")],
    ids=lambda value: getattr(value, "__name__", ""))
def test_nothing_is_installed_of_a_server_that_lies(box, change, why, into):
    if not into and not this_system_is_known():
        pytest.skip("there is no package for this system")
    change(box)
    target = box.place / "opt"
    refused(box, why, *(["--into", target] if into else []))
    assert not target.exists() or list(target.iterdir()) == []


def test_a_server_that_is_away_or_redirects_without_end(box):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused(box, "can't be fetched", url=f"http://127.0.0.1:{free.getsockname()[1]}")

    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.end_headers()

    box.server.RequestHandlerClass = type("Redirect", (Quiet,), {"do_GET": redirect})
    refused(box, "can't be fetched")


@pytest.mark.parametrize("client", ["curl", "wget"])
def test_an_answer_without_end_fills_no_disk(box, client):
    if shutil.which(client) is None:
        pytest.skip(f"{client} is not installed")
    programs = box.place / "programs"
    programs.mkdir()
    for folder in ("/bin", "/usr/bin"):
        for program in pathlib.Path(folder).iterdir():
            if program.name not in ("curl", "wget") and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    (programs / client).symlink_to(shutil.which(client))
    sent = 0

    def send(handler):
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        while sent < 200_000_000:
            sent += handler.wfile.write(b"#" * 100_000)

    box.server.RequestHandlerClass = type("Endless", (Quiet,), {"do_GET": send})
    box.server.handle_error = lambda *_: None  # it hangs up
    refused(box, "can't be fetched", path=f"{box.place / 'bin'}:{programs}")
    assert sent < 200_000_000


def test_a_script_that_was_cut_runs_nothing(box):
    whole = box.release.script(box.place / "whole.sh", box.url).read_text()
    for end in range(0, len(whole) - len("main\n"), 97):
        cut = subprocess.run(["sh"], input=whole[:end], capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"], "TMPDIR": str(box.place)})
        assert "SHA256SUMS" not in cut.stdout
    assert box.calls() == []
