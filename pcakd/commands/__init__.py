"""The subcommands of ``pcakd``, one module each: ``add_arguments(parser)`` and ``run(args)``."""
