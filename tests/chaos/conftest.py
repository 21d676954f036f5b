import os
import pathlib
import sys

os.environ.setdefault("CORRAL_BIN_DIR", ".")  # nothing is started here
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "e2e")]
