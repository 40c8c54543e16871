"""Run a service that dies at a point of points.py: python -m tests.faults POINT[@N] services.ppo.main"""

import importlib
import sys

from tests.faults.points import arm

if __name__ == "__main__":
    point, module = sys.argv[1:]
    arm(point)
    importlib.import_module(module).main()
