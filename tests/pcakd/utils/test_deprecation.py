"""Warnings about renamed options."""

from pcakd.utils.deprecation import warn_renamed


def test_a_renamed_option_is_one_line_on_standard_error(capsys):
    warn_renamed("--only pair", "--only ratio")
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        "warning: --only pair is now --only ratio; the old name works for one more release\n"
    )
