"""Called as `python3 tests/bench/harness`."""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from harness.main import main  # noqa: E402 - the path comes first

sys.exit(main())
