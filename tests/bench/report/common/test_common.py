"""Examples in docstrings of the shared modules."""

import doctest

import pytest

from bench.report.common import rows, section, subjects


@pytest.mark.parametrize("module", [rows, section, subjects])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
