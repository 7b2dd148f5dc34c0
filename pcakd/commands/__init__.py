"""The commands of ``pcakd``, a module or folder each: ``add_arguments(parser)``, ``run(args)``."""
