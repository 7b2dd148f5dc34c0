"""Signals end a command by an exception."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from pcakd.utils.signals import Terminated, clean_termination

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_and_the_old_answer_comes_back(number):
    outer = signal.signal(number, signal.SIG_DFL)  # a test run under nohup ignores some
    try:
        with pytest.raises(Terminated) as caught, clean_termination():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, outer)
    assert caught.value.exit_status == 128 + number
    assert caught.value.name == number.name


def test_an_ignored_signal_stays_ignored():
    code = (
        "import os, signal\n"
        "from pcakd.utils.signals import clean_termination\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with clean_termination():\n    os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_other_threads_may_use_it():
    seen = []

    def work():
        with clean_termination():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
