import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import ROOT, Box, end_all  # noqa: E402

REAL = pathlib.Path(os.environ["CORRAL_REAL_DIR"])


class LlamaBox(Box):
    """Corral with llama.cpp's real server behind it, and a model whose every word is known (tiny_model.py)."""

    def __init__(self, folder, parallel=1, context=16384, model="", file="tiny.gguf", projector="", family="chatml"):
        self.wanted = {"parallel": parallel, "context": context, "file": file, "projector": projector, "family": family}
        super().__init__(folder, package=REAL, model=model)

    def config_text(self, extra, model, *_):
        return (f'log_level = "debug"\nprofiles = ["{ROOT / "vendor"}"]\n{extra}\n'
                f'[[models]]\nname = "sim"\nprofile = "llama-server"\npackage = "{REAL}"\nfamily = "{self.wanted["family"]}"\n{model}\n'
                f'[models.variables]\nprogram = "{REAL / "llama-server"}"\nmodel_file = "{self.wanted["file"]}"\n'
                f'projector = "{self.wanted["projector"]}"\n'
                f'context = {self.wanted["context"]}\nparallel = {self.wanted["parallel"]}\nthreads = 1\n')


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with LlamaBox(tmp_path_factory.mktemp("box")) as running:
        yield running


@pytest.fixture(autouse=True, scope="session")
def leave_nothing_running():
    yield
    end_all()
