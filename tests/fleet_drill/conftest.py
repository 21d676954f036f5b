import os
import pathlib
import sys

os.environ.setdefault("CORRAL_BIN_DIR", ".")  # nothing is started here
tests = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(tests / "fleet_drill"), str(tests / "chaos"), str(tests / "e2e")]
