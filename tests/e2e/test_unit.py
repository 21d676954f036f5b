"""The service's unit: how far it is shut, and the drop-in that shuts the device files."""

import shutil
import subprocess

import pytest

from harness import BIN, ROOT

SHUT_ENOUGH = 2.5


def exposure(*files, folder):
    root = folder / "root"
    shutil.copytree(ROOT / "systemd", root / "etc/systemd/system", dirs_exist_ok=True)
    for file in files:
        place = root / "etc/systemd/system/corral.service.d"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    said = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={root}", "corral.service"],
                          capture_output=True, text=True, timeout=60)
    last = [line for line in said.stdout.splitlines() if "Overall exposure level" in line]
    assert last, said.stdout + said.stderr
    return float(last[0].split(": ")[1].split()[0])


def configure(folder, text=""):
    file = folder / "corral.toml"
    file.write_text(f'profiles = ["{ROOT / "vendor"}"]\n' + text)
    return file


def unit(folder, *words):
    return subprocess.run([BIN / "corral", "unit", "--config", configure(folder), "--folder", folder / "drop-ins", *words],
                          capture_output=True, text=True, timeout=30)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_shut_and_the_drop_in_shuts_it_further(tmp_path):
    shipped = exposure(folder=tmp_path)
    assert shipped <= SHUT_ENOUGH
    assert unit(tmp_path, "--write").returncode == 0
    assert exposure(tmp_path / "drop-ins/devices.conf", folder=tmp_path) < shipped - 0.3


def test_the_drop_in_is_printed_and_written_alike(tmp_path):
    printed = unit(tmp_path)
    assert printed.returncode == 0 and "PrivateDevices=yes" in printed.stdout, printed
    assert not (tmp_path / "drop-ins").exists()
    for _ in range(2):  # a second time replaces the first
        written = unit(tmp_path, "--write")
        assert written.returncode == 0 and "systemctl daemon-reload" in written.stdout, written
        assert (tmp_path / "drop-ins/devices.conf").read_text() == printed.stdout


def test_a_folder_that_is_not_to_be_written_is_named(tmp_path):
    (tmp_path / "drop-ins").write_text("a file")
    refused = unit(tmp_path, "--write")
    assert refused.returncode == 1 and "drop-ins" in refused.stderr, refused
