"""Subcommands of ``python -m bench``: each module has ``add_arguments`` and ``run``."""
