"""``python -m pcakd`` is ``pcakd``."""

import sys

from pcakd.cli import main

sys.exit(main())
