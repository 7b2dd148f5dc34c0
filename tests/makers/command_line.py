"""Checks of what a command prints."""


def one_line(capsys, *parts):
    """Check that standard error has one line with these parts."""
    text = capsys.readouterr().err.strip().splitlines()
    assert len(text) == 1, text
    for part in parts:
        assert str(part) in text[0]
