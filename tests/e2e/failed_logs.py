"""The logs of a test that failed, for a conftest to import."""

import pathlib

import pytest


@pytest.fixture(autouse=True)
def show_log_on_failure(request, tmp_path):
    """The daemon's own words are the best explanation of a failed test."""
    yield
    report = getattr(request.node, "outcome_of_call", None)
    if report is not None and report.failed:
        shared = [each.log_file for each in request.node.funcargs.values() if hasattr(each, "log_file")]
        for log in sorted({*tmp_path.rglob("corral.log"), *filter(pathlib.Path.exists, shared)}):
            print(f"--- {log.relative_to(tmp_path.parent)}\n" + log.read_text(errors="replace")[-8000:])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.outcome_of_call = outcome.get_result()
