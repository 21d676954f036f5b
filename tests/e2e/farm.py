"""A corral with several models on simulated cards that remember who holds their memory."""

import json
import subprocess

from admin_cli import status
from harness import BIN, ROOT, Box, Stream, wait_until

SCENARIO = {"mode": "echo", "directives": True, "timing": {"load_ms": 30, "prefill_ms_per_chunk": 1, "tokens_per_second": 2000},
            "tokenizer": {"family": "qwen2.5"}}


class Farm(Box):
    """`models`: name -> {"package": its name (the model's own unless said), "mib": of the card, "said": what the configuration
    says it takes, else the same, "lines": of its table}.

    `device`: settings of the cards; `head`: lines at the top of the configuration."""

    log_level = "debug"

    def __init__(self, folder, models, device=None, head="", timing=None):
        self.models = models
        self.device_file = folder / "device.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = {}
        self.set_device(**(device or {}))
        scenario = {**SCENARIO, "timing": {**SCENARIO["timing"], **(timing or {})}}
        super().__init__(folder, scenario, package=folder)
        self.write(models, head)

    def set_device(self, **settings):
        self.settings.update(settings)
        fresh = self.device_file.with_suffix(".new")
        fresh.write_text(json.dumps(self.settings))
        fresh.rename(self.device_file)

    def write(self, models, head=""):
        self.models = models
        text = f'log_level = "{self.log_level}"\nprofiles = ["{ROOT / "vendor"}"]\n{head}\n'
        self.config_file.write_text(text + "".join(self.table(name, **what) for name, what in models.items()))

    def package_of(self, name, mib):
        folder = self.folder / f"package-{name}"
        if not folder.exists():
            subprocess.run([BIN / "corral-sim", "package", folder, "--layers", "2", "--name", name, "--device-mib", str(mib)],
                           check=True, stdout=subprocess.DEVNULL)
        return folder

    def table(self, name, package=None, mib=4779, lines="", said=None):
        sim = str(BIN / "corral-sim")
        tokenizer = [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"]
        runtime = [sim, "runtime", *self.runtime_flags(2)]
        runtime[runtime.index("--devices") + 1] = "{devices}"
        environment = (f'{{ CORRAL_SIM_SCENARIO = "{self.folder / "scenario.json"}", CORRAL_SIM_PORT = "{{port}}", '
                       f'CORRAL_SIM_BIND = "127.0.0.1", CORRAL_SIM_DEVICE = "{self.device_file}" }}')
        services = "".join(f"[models.services.{service}]\nport = 0\ncommand = {json.dumps(command)}\nenvironment = {environment}\n"
                           for service, command in (("tokenizer", tokenizer), ("runtime", runtime)))
        device = (f'[models.device]\nmemory_mb = {mib if said is None else said}\ncommand = ["{sim}", "axcl-smi"]\nenvironment = {{ CORRAL_SIM_DEVICE = "{self.device_file}" }}\n')
        return (f'[[models]]\nname = "{name}"\nprofile = "axera-poll"\npackage = "{self.package_of(package or name, mib)}"\n'
                f'family = "qwen2.5"\npackage_forbids_thinking = false\n{lines}\n{device}{services}\n')

    # -- asking -----------------------------------------------------------------------------------------------------------

    def ask(self, model, text, **more):
        return self.post("/api/chat", {"model": model, "stream": False, "messages": [{"role": "user", "content": text}], **more})

    def stream_of(self, model, text):
        connection = self.connect()
        connection.request("POST", "/api/chat", json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}))
        return Stream(connection, connection.getresponse())

    def who(self, model, mark="here"):
        """The name of the package that answered, which must have read `mark`."""
        reply = self.ask(model, f"[[model={mark}]]")
        assert reply.status == 200, reply.body
        name, _, rest = reply.json["message"]["content"].partition(" ")
        assert rest == mark, reply.body
        return name

    # -- looking ----------------------------------------------------------------------------------------------------------

    def loaded(self):
        return {model["name"]: model for model in self.get("/api/ps").json["models"]}

    def sets(self):
        """Label -> how that set of processes stands."""
        return {one["name"]: {**model, **one} for model in status(self)["models"] for one in model.get("instances", [model])}

    def swaps(self):
        return status(self)["swaps"]["loads"]

    def runtime_pids(self):
        """Label -> process of the runtime, of those that have one."""
        found = {label: service["pid"] for label, model in self.sets().items() for service in model["services"]
                 if service["name"] == "runtime"}
        return {label: pid for label, pid in found.items() if pid}

    def wait_set(self, label, state="ready", timeout=40):
        wait_until(lambda: self.sets()[label]["state"] == state, timeout, f"{label} is {state}\n" + self.log()[-3000:])
