"""Runs the commands of the pages for a box's maker, for tools/check_package: what they say has to work on an installed package."""

import re

from package_box import ROOT, answered, step

PAGES = ("README.md", "docs/appliance.md", "docs/first_steps.md#An LLM8850 in a Raspberry Pi 5")
# What can't be run on a box without hardware, network or this tree, and where else it is tried.
LEFT_OUT = {
    r"tools/quickstart": "tools/check_fresh runs it",
    r"tools/test": "the tests themselves",
    r"tools/package|sudo tools/package": "it made what is installed here",
    r"sudo tools/image|--driver|sudo dd|sudo tools/check_image": "tools/check_image runs it",
    r"corral import --machine": "test_import.py does it with an image that is there",
    r"sha256sum|minisign|sudo corral pull assistant": "test_pulled_packages.py keeps such a channel",
    r"sudo apt install ./build/package/": "the first step of this drill",
    r"tools/chaos": "a test of its own",
    r"/usr/bin/axcl/axcl-smi": "it comes with the card's driver",
    r"sudo systemctl disable --now llm-openai-api": "M5Stack's service is not here",
    r"sudo python3 -m venv": "the box has no network, which pip needs",
    r"sudo /opt/corral-python/bin/pip": "the box has no network",
}
# A box may have findings: there is no card here.
MAY_FAIL = r"sudo corral doctor|corral doctor"


def text_of(page):
    name, _, section = page.partition("#")
    text = (ROOT / name).read_text()
    return text.split(f"\n## {section}\n")[1].split("\n## ")[0] if section else text


def blocks_of(page):
    """(language, text) of each block of the page."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.M | re.S)


def mentions_of(page):
    """What stands in the page's sentences as code."""
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)
    return [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose)]


def commands_of(page):
    """Each line of the page's shell blocks, without its comment, and each whole command of its sentences, by its sudo."""
    blocks = [text for kind, text in blocks_of(page) if kind == "sh"]
    lines = [re.sub(r"\s+#\s.*$", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")] + \
        [one for one in mentions_of(page) if one.startswith("sudo ")]


def as_user(command, models):
    """For one who needs no sudo and has the packages of models in a folder of that name."""
    command = re.sub(r"^sudo (-u \w+ )?", "", command)
    return command.replace("~/", models).replace("/srv/models/", models)


def as_root(command):
    """As the drill's machine has it, which has no sudo and no home with packages."""
    command = re.sub(r"^sudo -u (\w+) ", r"runuser -u \1 -- ", command)
    return as_user(command, "/srv/models/")


def all_of_them(machine):
    # What the pages' packages are called, of the simulator.
    for name in ("Qwen3-4B", "Qwen3-1.7B"):
        machine.sh(f"corral-sim package /srv/models/{name} --layers 4 --name {name}")
    for page in PAGES:
        with step(f"the commands of {page}") as notes:
            ran, left_out = 0, []
            for command in commands_of(page):
                reason = next((why for begin, why in LEFT_OUT.items() if re.match(begin, command)), None)
                if reason:
                    left_out.append(f"{command.split('  ')[0]} ({reason})")
                    continue
                done = machine.sh(as_root(command), check=False, timeout=300)
                if done.returncode != 0 and not re.match(MAY_FAIL, command):
                    raise RuntimeError(f"{command}: status {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
                if command.startswith("curl") and "/api/chat" in command and '"done":true' not in done.stdout:
                    raise RuntimeError(f"{command}: {done.stdout[-1500:]}{done.stderr[-500:]}")
                ran += 1
            notes.append(f"{ran} run; not run: {', '.join(left_out) or 'none'}")
    for name in ("qwen3:4b", "qwen3:1.7b"):
        machine.sh(f"corral rm {name} --yes")
    machine.sh("rm -rf /srv/models/Qwen3-4B /srv/models/Qwen3-1.7B && systemctl daemon-reload && systemctl restart corral")
    answered(machine)
