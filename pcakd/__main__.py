"""``python -m pcakd``, the same as ``pcakd``."""

import sys

from pcakd.cli import main

sys.exit(main())
