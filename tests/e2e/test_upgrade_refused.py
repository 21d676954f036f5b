"""A new program that is no good, or a drain that does not end, changes nothing."""

import signal
import stat

import pytest

from harness import BIN, descendants, processes, wait_until
from upgrade_box import box, install, UpgradeBox  # noqa: F401


BROKEN = {
    "exits": ("#!/bin/sh\necho 'error: something is missing' >&2\nexit 1\n", "something is missing"),
    "speaks nonsense": ("#!/bin/sh\necho hello\n", "does not answer as corral does"),
    "another version": ('#!/bin/sh\necho \'{"handover_version": 99, "version": "9", "models": {}}\'\n', "another version"),
    "no program": ("just words\n", ""),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_new_program_that_is_no_good_changes_nothing(box, how):
    before, open_before = box.services(), box.descriptors()
    install(box.program, BROKEN[how][0])
    assert BROKEN[how][1] in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"
    assert box.services() == before
    wait_until(lambda: box.descriptors() <= open_before, what="no descriptor is left open")


def test_a_program_that_is_not_executable_changes_nothing(box):
    install(box.program)
    box.program.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert "execut" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"


def test_a_program_whose_daemon_is_missing_changes_nothing(box):
    (box.program.parent / "corral-serve").unlink()
    assert "corral-serve" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"


def test_a_new_program_that_hangs_is_killed_and_changes_nothing(box):
    before = box.services()
    install(box.program, "#!/bin/sh\nsleep 1000\n")
    assert "did not answer within" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"
    assert box.services() == before
    assert not any("sleep 1000" in command for pid, (_, _, command) in processes().items() if pid in descendants(box.process.pid))


def test_a_configuration_with_a_mistake_is_seen_before_anything_changes(box):
    good = box.config_file.read_text()
    box.config_file.write_text("lisetn = 1\n" + good)
    assert "lisetn" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"
    box.config_file.write_text(good)
    box.upgrade()


def begin_that_drains(box):
    """An upgrade that an answer without end holds up; that answer, and an iterator over what it goes on to say."""
    endless = box.stream("[[never_end]]")
    lines = iter(endless)
    next(lines)
    box.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "event=upgrade.drain" in box.log(), what="it drains")
    return endless, lines


def test_an_answer_without_end_makes_the_upgrade_give_up_and_go_on(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}, config='upgrade_limit = "1s"') as box:
        endless, lines = begin_that_drains(box)
        waiting = box.connect()
        waiting.request("GET", "/api/version")
        wait_until(lambda: box.given_up() == 1, what="it is given up")
        assert waiting.getresponse().status == 200
        assert next(lines)["done"] is False
        endless.close()
        assert box.say("[[text=and on]]") == "and on"
        box.upgrade()


def test_a_reload_that_was_asked_for_meanwhile_is_made_when_it_is_given_up(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}, config='upgrade_limit = "1s"') as box:
        endless, _ = begin_that_drains(box)
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: box.given_up() == 1, what="it is given up")
        wait_until(lambda: "event=configuration.reloaded" in box.log(), what="it is read then")
        endless.close()


def test_an_exec_that_fails_is_undone(box):
    """The new program answers twice that it can take over, and is no program any more when it is to."""
    before, open_before = box.services(), box.descriptors()
    asked = box.folder / "asked"
    install(box.program, f"""#!/bin/sh
echo again >> {asked}
if [ $(wc -l < {asked}) -ge 2 ]; then
    printf '#!/no/such/interpreter\\n' > {box.program}.spoilt && chmod +x {box.program}.spoilt && mv {box.program}.spoilt {box.program}
fi
exec {BIN / "corral"} "$@"
""")
    idle = box.connect()
    idle.request("GET", "/api/version")
    assert idle.getresponse().read()
    assert "cannot execute" in box.fails_to_upgrade()
    assert len(asked.read_text().split()) == 2
    idle.request("GET", "/api/version")
    assert idle.getresponse().status == 200
    idle.close()
    assert box.say("[[text=as before]]") == "as before"
    assert box.services() == before
    wait_until(lambda: box.descriptors() <= open_before, what="no descriptor is left open")
    install(box.program)
    box.upgrade()
    assert box.services() == before


@pytest.mark.parametrize("value", ["0", "-1", "9999", "words", "5"])
def test_a_handover_that_is_none_is_no_obstacle(tmp_path, value):
    box = UpgradeBox(tmp_path, {"directives": True}).start(environment={"CORRAL_HANDOVER": value})
    try:
        assert box.logged("everything is started anew")
        assert box.say("[[text=well]]") == "well"
    finally:
        box.__exit__()
