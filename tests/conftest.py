"""Settings of all tests, and the table of the slowest contracts at the end."""

import os

# scikit-learn skips its array API checks without this; it must be set before scipy is imported
os.environ["SCIPY_ARRAY_API"] = "1"

import hypothesis
import pytest

hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, max_examples=40, database=None)
hypothesis.settings.load_profile("tests")

N_SHOWN = 8


@pytest.fixture(autouse=True)
def _globals_as_found():
    """No test, and nothing that it calls, leaves torch's threads or default dtype changed."""
    import sys

    torch = sys.modules.get("torch")
    before = None if torch is None else (torch.get_num_threads(), torch.get_default_dtype())
    yield
    if before is not None:
        assert (torch.get_num_threads(), torch.get_default_dtype()) == before


def pytest_terminal_summary(terminalreporter):
    """The slowest entries that tests recorded with ``record_property("slowest", (seconds, name))``."""
    found = [
        value
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for key, value in report.user_properties
        if key == "slowest"
    ]
    if not found:
        return
    terminalreporter.section("slowest contracts and checks")
    for seconds, name in sorted(map(tuple, found), reverse=True)[: 2 * N_SHOWN]:
        terminalreporter.write_line(f"{seconds:7.2f} s  {name}")
