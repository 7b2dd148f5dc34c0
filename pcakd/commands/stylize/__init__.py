"""``pcakd stylize``: give photographs the style of another one."""

from pcakd.commands.stylize.command import run
from pcakd.commands.stylize.options import add_arguments

__all__ = ["add_arguments", "run"]
