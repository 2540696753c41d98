"""The benchmark: reflectors (reflectors.py) under workloads (workloads.py), measured (measure.py) and told (report.py, chart.py).

main.py runs it; tests/bench/run builds and calls it. Namespaces, processes and the speaker are those of tests/interop/lib.
"""

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "interop"))
