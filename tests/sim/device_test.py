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


BOARD = """\
+--------------------------------------------------------------------------------------------------------+
| npu-smi 23.0.0                                   Version: 23.0.0                                       |
+-------------------------------+-----------------+------------------------------------------------------+
| NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
+===============================+=================+======================================================+
| 0       310B4                 | Alarm           | 0.0          65                15    / 15            |
| 0       0                     | NA              | 0            3628 / 15609                            |
+===============================+=================+======================================================+
"""


def test_the_same_card_as_ascends_tool_shows_it(device):
    device.set(temperature=65, total_mib=15609, idle_mib=3628)
    assert device.smi("info", program=(BINARY, "npu-smi")).stdout.decode() == BOARD
    health = device.smi("info", "-t", "health", "-i", "0", "-c", "0", program=(BINARY, "npu-smi")).stdout.decode()
    assert "Health Status                  : Alarm" in health and "Error Code                     : 80E3A203" in health
    device.set(name="910B3", bus="0000:C1:00.0", temperature=36, total_mib=65536, idle_mib=3314)
    table = device.smi("info", program=(BINARY, "npu-smi")).stdout.decode().splitlines()
    assert "| 0     910B3               | OK            | 92.2        36                0    / 0             |" in table
    assert "| 0                         | 0000:C1:00.0  | 0           0    / 0          3314 / 65536         |" in table


def test_its_faults_are_those_of_the_card(device):
    device.set(fault="hang")
    with pytest.raises(subprocess.TimeoutExpired):
        device.smi("info", program=(BINARY, "npu-smi"), timeout=0.5)
    device.set(fault="fail")
    failed = device.smi("info", program=(BINARY, "npu-smi"))
    assert failed.returncode == 1 and b"dcmi module initialize failed" in failed.stderr
    device.set(fault="no_card")
    assert b"310B4" not in device.smi("info", program=(BINARY, "npu-smi")).stdout


def test_a_run_keeps_the_compute_busy_and_a_silent_fallback_does_not(device, pair):
    device.set(model_mib=4000)
    p = pair({"directives": True, "timing": {"tokens_per_second": 50}}, env={"CORRAL_SIM_DEVICE": str(device.path)})
    load = lambda: device.smi(program=(BINARY, "rknpu-load")).stdout.decode()  # noqa: E731
    assert load() == "NPU load:  Core0:  0%, Core1:  0%, Core2:  0%,\n"
    p.reset()
    p.generate("[[never_end]]")
    wait_for(lambda: "Core0: 78%" in load(), "the run is seen")
    assert "      78%" in device.table() and "| 78           " in device.smi("info", program=(BINARY, "npu-smi")).stdout.decode()
    p.get("/api/stop")
    p.idle()
    assert "Core0:  0%" in load()
    p.runtime.fault("cpu_fallback", threads=1)
    p.reset()
    p.generate("[[never_end]]")
    wait_for(lambda: p.state()["phase"] == "decode", "it decodes")
    assert "Core0:  0%" in load()
    p.get("/api/stop")
    p.idle()
