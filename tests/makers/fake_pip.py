"""Python code in the place of pip."""

import subprocess
import sys


def fake_pip(monkeypatch, code):
    """Run Python code in pip's place, with pip's arguments."""
    start = subprocess.Popen

    def popen(command, **options):
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert "--require-hashes" in command
        return start([sys.executable, "-c", code, *command], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
