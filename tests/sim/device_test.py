"""The simulated card: what axcl-smi says of it, and who holds its memory."""
import json
import os
import signal
import subprocess

import pytest

from simulated import BINARY, FAST, wait_for

PUBLISHED = """\
+------------------------------------------------------------------------------------------------+
| AXCL-SMI  V3.4.0_20250423020139                                  Driver  V3.4.0_20250423020139 |
+-----------------------------------------+--------------+---------------------------------------+
| Card  Name                     Firmware | Bus-Id       |                          Memory-Usage |
| Fan   Temp                Pwr:Usage/Cap | CPU      NPU |                             CMM-Usage |
|=========================================+==============+=======================================|
|    0  AX650N                     V3.4.0 | 0000:01:00.0 |                153 MiB /      945 MiB |
|   --   37C                      -- / -- | 2%        0% |                 18 MiB /     7040 MiB |
+-----------------------------------------+--------------+---------------------------------------+

+------------------------------------------------------------------------------------------------+
| Processes:                                                                                     |
| Card      PID  Process Name                                                   NPU Memory Usage |
|================================================================================================|
+------------------------------------------------------------------------------------------------+
"""


@pytest.fixture
def device(tmp_path):
    class Device:
        path = tmp_path / "device.json"
        environment = {**os.environ, "CORRAL_SIM_DEVICE": str(path)}

        def set(self, **settings):
            fresh = tmp_path / "device.new"
            fresh.write_text(json.dumps(settings))
            fresh.rename(self.path)

        def smi(self, *args, program=(BINARY, "axcl-smi"), timeout=10):
            return subprocess.run([*program, *args], env=self.environment, capture_output=True, timeout=timeout)

        def table(self):
            return self.smi().stdout.decode()

    return Device()


def test_an_idle_card_is_shown_as_published(device):
    assert device.table() == PUBLISHED
    assert all(len(line) in (0, 98) for line in device.table().splitlines())


def test_the_name_of_the_program_is_enough(device, tmp_path):
    link = tmp_path / "axcl-smi"
    link.symlink_to(BINARY)
    assert device.smi(program=(link,)).stdout.decode() == PUBLISHED


def test_the_memory_alone(device):
    device.set(total_mib=3072, idle_mib=18, bus="0000:81:00.0")
    assert device.smi("info", "--cmm", "-d", "0").stdout.decode() == (
        "Device ID           : 129 (0x81)\n"
        "CMM Total           :  3145728 KiB\n"
        "CMM Used            :    18432 KiB\n"
        "CMM Remain          :  3127296 kiB\n")
    summary = device.smi("sh", "cat", "/proc/ax_proc/mem_cmm_info", "-d", "0").stdout.decode()
    assert summary.startswith(" total size=3145728KB(3072MB),used=18432KB(18MB + 0KB),remain=3127296KB(")
    assert device.smi("info", "--temp").stdout == b"temperature: 37000\n"


def test_faults(device):
    device.set(fault="hang")
    with pytest.raises(subprocess.TimeoutExpired):
        device.smi(timeout=0.5)
    device.set(fault="fail")
    assert device.smi().returncode == 1
    device.set(fault="no_card")
    assert device.table() == "\n".join(PUBLISHED.split("\n")[:6] + PUBLISHED.split("\n")[8:])
    device.set(fault="garbage")
    assert b"MiB / MiB" in device.smi().stdout
    device.set(fualt="hang")
    failed = device.smi()
    assert failed.returncode == 2 and b"nearest is 'fault'" in failed.stderr


def rows(device):
    return [line for line in device.table().splitlines() if line.endswith("KiB |")]


@pytest.mark.parametrize("end,give_back_ms,left", [(signal.SIGINT, -1, 0), (signal.SIGKILL, 0, 0), (signal.SIGKILL, -1, 1)])
def test_a_runtime_takes_memory_and_gives_it_back_as_told(device, pair, end, give_back_ms, left):
    device.set(model_mib=4000, give_back_ms=give_back_ms)
    p = pair({"timing": FAST}, env={"CORRAL_SIM_DEVICE": str(device.path)})
    assert f"{p.runtime.process.pid:9d}  " in rows(device)[0] and "4096000 KiB |" in rows(device)[0]
    assert "4018 MiB /     7040 MiB" in device.table()
    assert b"remain_cmm(3022 MB)" in p.runtime.out
    p.runtime.process.send_signal(end)
    p.runtime.process.wait(20)
    wait_for(lambda: len(rows(device)) == left, "as many holders as told")


def test_what_does_not_fit_is_not_loaded(device, pair):
    device.set(model_mib=8000)
    p = pair({"timing": FAST}, wait=False, env={"CORRAL_SIM_DEVICE": str(device.path)})
    wait_for(lambda: b"AX_ENGINE_CreateHandle" in p.runtime.out, "a layer that finds no room")


def test_without_a_card_the_runtime_does_not_start(device, pair):
    device.set(fault="no_card")
    p = pair({"timing": FAST}, wait=False, env={"CORRAL_SIM_DEVICE": str(device.path)})
    wait_for(lambda: b"Get AXCL device failed{" in p.runtime.out, "the library finds no card")
