import os
import pathlib
import pty
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(autouse=True)
def show_log_on_failure(request, tmp_path):
    """The daemon's own words are the best explanation of a failed test."""
    yield
    report = getattr(request.node, "outcome_of_call", None)
    if report is not None and report.failed:
        for log in sorted(tmp_path.rglob("corral.log")):
            print(f"--- {log.relative_to(tmp_path)}\n" + log.read_text(errors="replace")[-8000:])


@pytest.fixture(autouse=True, scope="session")
def skip_without_terminals():
    """A test that is a person at a terminal can't be one where the system gives none."""
    import running

    if not running.has_terminals():
        os.openpty = pty.openpty = lambda: pytest.skip("no pseudo terminal")
    yield


@pytest.fixture(autouse=True, scope="session")
def leave_nothing_running():
    """A failed test may not reach the end of its box."""
    import harness

    yield
    harness.end_all()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.outcome_of_call = outcome.get_result()
