"""A box of a new user whose catalogue has the simulator's package, in a folder of this machine."""

import hashlib
import json
import subprocess

from test_import import NewUser

NAME = "qwen3:4b"


class PullBox(NewUser):
    def __init__(self, folder, more=""):
        super().__init__(folder)
        self.store = self.folder / "store"
        self.store.mkdir()
        with open(self.config / "corral.toml", "a") as text:
            text.write(f'{more}\n[pull]\ndirectory = "{self.store}"\nfrom_clients = true\n')
        # What stands at the source: the package with its list of hashes.
        sums = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.relative_to(self.package)}"
                for one in sorted(self.package.rglob("*")) if one.is_file()]
        (self.package / "SHA256SUMS").write_text("\n".join(sums) + "\n")
        self.files = len(sums)
        (self.config / "catalogue.d").mkdir()
        (self.config / "catalogue.d" / "sim.toml").write_text(
            f'[[models]]\nname = "{NAME}"\nfamily = "qwen3"\n[[models.packages]]\nboxes = ["cpu"]\nprofile = "axera-poll"\n'
            f'local = "{self.package}"\nlicense = "MIT"\nfacts = "the simulator"\n')

    def __enter__(self):
        self.url = self.serve()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def ask(self, method, path, body=None, *words):
        run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "120", "-w", "\n%{http_code}", "-X", method,
                              f"{self.url}{path}", *words] + ([] if body is None else ["-d", json.dumps(body)]), check=True,
                             capture_output=True, text=True)
        text, _, status = run.stdout.rpartition("\n")
        return int(status), text

    def tags(self):
        return [one["name"] for one in json.loads(self.ask("GET", "/api/tags")[1])["models"]]
