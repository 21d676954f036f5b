"""The service's unit: how far it is shut, and the drop-in that shuts the device files."""

import json
import re
import shlex
import shutil
import subprocess

import pytest

from harness import BIN, ROOT

SHUT_ENOUGH = 2.5
WITHOUT_DEVICES = '[[models]]\nname = "far"\nprofile = "ollama-remote"\nfamily = "qwen3"\nvariables = { url = "http://127.0.0.1:1" }\n'


def analysed(*files, folder, form=(), name="corral.service"):
    root = folder / "root"
    shutil.copytree(ROOT / "systemd", root / "etc/systemd/system", dirs_exist_ok=True)
    for file in files:
        place = root / "etc/systemd/system/corral.service.d"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={root}", *form, name],
                          capture_output=True, text=True, timeout=60)


def exposure(*files, folder, **more):
    said = analysed(*files, folder=folder, **more)
    last = [line for line in said.stdout.splitlines() if "Overall exposure level" in line]
    assert last, said.stdout + said.stderr
    return float(last[0].split(": ")[1].split()[0])


def configure(folder, text=""):
    file = folder / "corral.toml"
    file.write_text(f'profiles = ["{ROOT / "vendor"}"]\n' + text)
    return file


def unit(folder, *words, models=WITHOUT_DEVICES):
    return subprocess.run([BIN / "corral", "unit", "--config", configure(folder, models), "--folder", folder / "drop-ins", *words],
                          capture_output=True, text=True, timeout=30)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_shut_and_the_drop_in_shuts_it_further(tmp_path):
    shipped = exposure(folder=tmp_path)
    assert shipped <= SHUT_ENOUGH
    assert unit(tmp_path, "--write").returncode == 0
    assert exposure(tmp_path / "drop-ins/devices.conf", folder=tmp_path) < shipped - 0.3


def page_rows():
    """The settings of the page's first table, `PrivateDevices=` of a row that names several."""
    table = (ROOT / "docs/security.md").read_text().split("## What is left open, and why")[1].split("\n\n")[1]
    names = set()
    for row in table.splitlines()[2:]:
        cell = re.split(r"(?<!\\)\|", row)[1].replace("\\|", "|")
        found = re.findall(r"`([^`]+)`", cell)
        # `A=~x`, `~y` are two values of the same setting.
        names |= {name if "=" in name else found[0].split("=")[0] + "=" + name for name in found}
    return names


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_page_gives_a_reason_for_each_line_that_is_left_open(tmp_path):
    said = analysed(folder=tmp_path, form=("--json=short",))
    lines = json.loads(said.stdout)
    open_lines = {line["name"].split("/")[0] for line in lines if line["set"] is False and float(line["exposure"] or 0) > 0}
    assert open_lines, said.stdout + said.stderr
    assert page_rows() == open_lines


def starts_of_unit(key, name="corral.service"):
    text = (ROOT / "systemd" / name).read_text()
    return [line.split("=", 1)[1] for line in text.splitlines() if line.startswith(key + "=")]


def test_the_check_before_a_start_names_the_mistake_and_keeps_nothing_from_starting(tmp_path):
    (words,) = starts_of_unit("ExecStartPre")
    assert words.startswith("-"), "systemd heeds its status"
    command = shlex.split(words[1:])
    assert command[0] == "/usr/bin/timeout" and float(command[1]) < 30, "no bound below TimeoutStartSec"
    served = shlex.split(starts_of_unit("ExecStart")[0])
    assert command[-1] == served[served.index("--config") + 1], "another file is served"
    shipped = {"/usr/bin/corral": BIN / "corral", "/etc/corral/corral.toml": configure(tmp_path)}
    for text, status in (("", 0), ("no_such_key = 1\n", 2)):
        configure(tmp_path, text)
        done = subprocess.run([shipped.get(word, word) for word in command], capture_output=True, text=True, timeout=30)
        assert done.returncode == status, done
        assert ("corral.toml:2" in done.stderr) == (status == 2), done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_names_its_pages(tmp_path):
    (line,) = starts_of_unit("Documentation")
    assert {"man:corral(1)", "man:corral.toml(5)"} <= set(line.split())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_of_the_fleet_is_shut_and_starts_what_there_is(tmp_path):
    name = "corral-fleet.service"
    assert exposure(folder=tmp_path, name=name) <= SHUT_ENOUGH
    program, *words = shlex.split(starts_of_unit("ExecStart", name)[0])
    (file,) = starts_of_unit("AssertPathExists", name)
    assert program == "/usr/bin/corral" and file in words
    words = [tmp_path / "boxes.toml" if word == file else word for word in words]
    done = subprocess.run([BIN / "corral", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "boxes.toml" in done.stderr, done


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name, status, becomes_another_user", [("corral-report.service", 0, 0), ("corral-pull@.service", 1, 0.3)])
def test_the_units_of_timers_are_shut_and_start_what_there_is(tmp_path, name, status, becomes_another_user):
    assert exposure(folder=tmp_path, name=name.replace("@", "@model")) <= SHUT_ENOUGH + becomes_another_user
    assert (ROOT / "systemd" / name.replace(".service", ".timer")).exists()
    program, *words = shlex.split(starts_of_unit("ExecStart", name)[0])
    assert program == "/usr/bin/corral"
    words = [{"/etc/corral/corral.toml": configure(tmp_path), "%i": "no-such-model"}.get(word, word) for word in words]
    done = subprocess.run([BIN / "corral", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == status, done
    assert ("nothing is sent" in done.stdout) if status == 0 else ("no-such-model" in done.stderr), done


def test_the_drop_in_is_printed_and_written_alike(tmp_path):
    printed = unit(tmp_path)
    assert printed.returncode == 0 and "PrivateDevices=yes" in printed.stdout, printed
    assert not (tmp_path / "drop-ins").exists()
    for _ in range(2):  # a second time replaces the first
        written = unit(tmp_path, "--write")
        assert written.returncode == 0 and "systemctl daemon-reload" in written.stdout, written
        assert (tmp_path / "drop-ins/devices.conf").read_text() == printed.stdout


def test_before_its_first_model_a_box_keeps_its_devices(tmp_path):
    printed = unit(tmp_path, models="")
    assert printed.returncode == 0 and "no model yet" in printed.stdout and "Devices" not in printed.stdout, printed


def test_a_folder_that_is_not_to_be_written_is_named(tmp_path):
    (tmp_path / "drop-ins").write_text("a file")
    refused = unit(tmp_path, "--write")
    assert refused.returncode == 1 and "drop-ins" in refused.stderr, refused


@pytest.mark.skipif(shutil.which("dh_installsystemd") is None, reason="debhelper is not installed")
def test_an_upgrade_of_the_package_restarts_the_fleet_s_where_it_runs(tmp_path):
    shutil.copytree(ROOT / "debian", tmp_path / "debian")
    units = tmp_path / "debian/corral/lib/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(ROOT / "systemd/corral-fleet.service", units)
    (line,) = [line for line in (ROOT / "debian/rules").read_text().splitlines() if line.endswith("corral-fleet.service")]
    subprocess.run(shlex.split(line), cwd=tmp_path, check=True, capture_output=True, timeout=60)
    scripts = "\n".join(file.read_text() for file in (tmp_path / "debian").rglob("*") if file.is_file() and ".debhelper" in str(file))
    orders = re.findall(r"deb-systemd-invoke (\S+) 'corral-fleet.service'", scripts)
    assert orders == ["try-restart"], "it is ended by an upgrade, or started where it was not"
