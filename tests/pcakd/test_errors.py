"""Classes of errors."""

from pcakd.errors import PcakdError, StudentFileError


def test_errors_share_one_base():
    assert issubclass(StudentFileError, PcakdError)
