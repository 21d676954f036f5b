import os
import pathlib
import pty
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from failed_logs import pytest_runtest_makereport, show_log_on_failure  # noqa: E402, F401


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
