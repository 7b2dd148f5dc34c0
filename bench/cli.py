"""``python -m bench``: the command line; each subcommand is a module of `bench.commands`."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType

from pcakd.commands.parser import OneLineParser, replace_unprintable
from pcakd.errors import MissingExtraError, PcakdError
from pcakd.utils.deprecation import warn_renamed
from pcakd.utils.extras import check_extra
from pcakd.utils.out_of_memory import is_out_of_memory

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "measure cost and quality of subjects and write a report",
        "ratio": "time two subjects in turn and give the ratio of their speeds",
        "profile": "tell where a subject's time goes, stage by stage, and write a trace",
        "quality": "score subjects over content-style pairs",
        "score": "score a folder of anyone's stylized images",
        "capacity": "find the largest image of each subject within a memory",
        "report": "render tables and plots of a run folder",
        "claims": "check the claims of the paper against the records of a run folder",
        "check": "compare parameters and multiply-adds with committed records",
        "train": "train the decoder of a peer, so that it can be scored",
        "draw": "draw content-style pairs from a folder of photographs",
        "ablations": "distil with one setting changed at a time and compare",
        "card": "write scores into the card of a student file",
    }
)
_RENAMED: Mapping[str, str] = MappingProxyType({"pair": "ratio", "levers": "ablations"})
"""Commands by their names before 0.2; they keep working for one release."""

_BAD_INPUT = 2
_INTERRUPTED = 130
_RESUMABLE = {  # how a command goes on after an interruption
    "run": "`bench run … --resume` goes on",
    "train": "`bench train … --resume` goes on",
    "ablations": "the same command goes on",
}
_TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    0 is success, 1 a regression that ``check`` found, 2 bad input (one line says which).
    """
    replace_unprintable()
    given = _rename_command(list(sys.argv[1:] if arguments is None else arguments))
    try:
        if any(each in COMMANDS for each in given):  # --help works without the extra
            check_extra("bench", "pcakd-bench")
    except MissingExtraError as error:
        sys.stderr.write(f"bench: error: {error}\n")
        return _BAD_INPUT
    parser = _create_parser(given)
    options = parser.parse_args(given)
    try:
        with _cleanup_on_sigterm():
            status: int = import_module(f"bench.commands.{options.command}").run(options)
    except (PcakdError, OSError) as error:
        sys.stderr.write(f"bench: error: {error}\n")
        return _BAD_INPUT
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        sys.stderr.write("bench: error: out of memory; use smaller images or another --device\n")
        return _BAD_INPUT
    except KeyboardInterrupt:
        advice = _RESUMABLE.get(options.command)
        sys.stderr.write(f"bench: interrupted{f'; {advice}' if advice else ''}\n")
        return _INTERRUPTED
    return status


def _rename_command(given: list[str]) -> list[str]:
    """Replace the former name of a command, with a warning."""
    if given and given[0] in _RENAMED:
        name = _RENAMED[given[0]]
        warn_renamed(f"`bench {given[0]}`", f"`bench {name}`")
        return [name, *given[1:]]
    return given


@contextmanager
def _cleanup_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that children are ended and temporary files removed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def end(number: int, frame: object) -> None:
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _create_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; only the module of the command that is used is imported."""
    parser = OneLineParser(
        prog="bench",
        description="Measures what photorealistic style transfer costs and how good it is.",
        epilog="example: python -m bench run --profile quick",
    )
    chosen = next((each for each in given if each in COMMANDS), None)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        if name == chosen:
            import_module(f"bench.commands.{name}").add_arguments(command)
    return parser
