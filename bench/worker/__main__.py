"""Entry point of ``python -m bench.worker``: one job on standard input."""

import sys

from bench.worker.child import serve
from bench.worker.jobs import JOBS

if __name__ == "__main__":
    sys.exit(serve(JOBS))
