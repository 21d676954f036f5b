"""Sixty typical mistakes of people, as data: what is typed where, the exit status, and words of the next step that must be read."""

from dataclasses import dataclass, field

@dataclass
class Mistake:
    title: str
    words: list            # behind "corral"
    step: str              # a regular expression: the next step in the words of the screen
    status: int = 1
    config: str | None = None   # a corral.toml of its own in place of the good one
    model: tuple | None = None  # what becomes what in the manifest
    where: str = "down"         # "down": nothing runs; "up": the daemon of the good one does; "fails": its model can't start
    user: bool = False          # as another user
    prepare: list = field(default_factory=list)


def of_file(title, text, step, **more):
    """A mistake in corral.toml."""
    return Mistake(title, ["check"], step, 2, config=text, **more)


def of_manifest(title, old, new, step, status=2):
    """One in a manifest that import made: `old`, a regular expression, becomes `new`."""
    return Mistake(title, ["check"], step, status, model=(old, new))


MISTAKES = [
    # What is typed
    Mistake("a command with a typo", ["statsu"], r"status", 2),
    Mistake("a word that is no command", ["bogus"], r"corral help", 2),
    Mistake("an option with a typo", ["status", "--wach"], r"did you mean '--watch'", 2),
    Mistake("an option before its command", ["--socket", "here", "status"], r"put --socket after 'corral status'", 2),
    Mistake("an option of another command", ["list", "--follow"], r"corral help list|corral list --help", 2),
    Mistake("a model left out", ["run"], r"corral run MODEL|corral help run|corral run --help", 2),
    Mistake("a word too many", ["status", "everything"], r"corral help status|corral status --help", 2),
    Mistake("a shell that has no completion", ["completion", "csh"], r"bash", 2),
    Mistake("a number that is none", ["logs", "--crash", "first"], r"nothing has crashed"),
    # Nothing runs
    Mistake("no daemon: status", ["status"], r"corral serve"),
    Mistake("no daemon: a question", ["run", "sim", "hi"], r"corral serve"),
    Mistake("no daemon: a chat", ["run", "sim"], r"corral serve"),
    Mistake("no daemon: ps", ["ps"], r"corral serve"),
    Mistake("no daemon: stop", ["stop", "sim"], r"corral serve"),
    Mistake("no daemon: reload", ["reload"], r"corral serve"),
    Mistake("no daemon: upgrade", ["upgrade"], r"corral serve"),
    Mistake("no daemon: logs", ["logs", "sim"], r"corral serve"),
    Mistake("no daemon at an address", ["run", "--url", "http://127.0.0.1:9", "sim", "hi"], r"check the address and port"),
    Mistake("an address that is none", ["run", "--url", "box", "sim", "hi"], r"http://HOST:PORT", 2),
    Mistake("a name with a typo, nothing runs", ["show", "smi"], r"'sim'|sim:latest|corral list"),
    Mistake("a manifest that is not there", ["rm", "nobody"], r"corral list|sim"),
    Mistake("an id that is none", ["explain", "request.que-full"], r"did you mean 'request.queue-full'"),
    Mistake("an archive in place of a folder", ["import", "corral.toml"], r"Unpack it", 2),
    Mistake("a socket that is not there", ["status", "--socket", "/nope"], r"without --socket"),
    # Another configuration, another user
    Mistake("the wrong folder: no configuration there", ["check", "elsewhere/corral.toml"], r"check its name", 2),
    Mistake("a doctor for a file that is not there", ["doctor", "--config", "missing.toml"], r"check its name", 3),
    Mistake("serve with a file that is not there", ["serve", "--config", "missing.toml"], r"missing.toml", 2),
    Mistake("a folder in place of a file", ["check", "models.d"], r"name the file itself", 2),
    Mistake("two daemons", ["serve"], r"stop that program|stop it", where="up"),
    Mistake("the port is taken", ["serve", "--config", "second.toml"], r"listen|OLLAMA_HOST|ss -tlnp", prepare=["second"], where="up"),
    Mistake("the daemon of another configuration", ["status", "--config", "second.toml"], r"corral serve --config", prepare=["second"],
            where="up"),
    Mistake("another user: status", ["status"], r"sudo", where="up", user=True),
    Mistake("another user: an unreadable configuration", ["check"], r"sudo", 2, user=True, prepare=["closed"]),
    # Names while it runs
    Mistake("a model that is not there", ["stop", "nobody"], r"corral list|sim", where="up"),
    Mistake("a model with a typo", ["restart", "smi"], r"did you mean 'sim", where="up"),
    Mistake("a service with a typo", ["restart", "sim/tokeniser"], r"tokenizer", where="up"),
    Mistake("a question to no model", ["run", "nobody", "hi"], r"corral list|sim", where="up"),
    Mistake("lines of no model", ["logs", "nobody"], r"sim|corral list", where="up"),
    Mistake("a crash that was none", ["logs", "--crash", "99"], r"nothing has crashed", where="up"),
    Mistake("a benchmark of no model", ["bench", "nobody"], r"sim", where="up"),
    Mistake("a benchmark's set that is none", ["bench", "sim", "--set", "fast"], r"corral, rk3588, lengths", where="up", status=2),
    Mistake("doctor for no model", ["doctor", "nobody"], r"sim|corral list", where="up", status=3),
    Mistake("a reload with a mistake", ["reload"], r"max_queue", where="up", prepare=["broken"]),
    # The configuration
    of_file("an unknown key", "max_que = 4\n", r"max_queue"),
    of_file("a text without quotation marks", "listen = 0.0.0.0:11434\n", r'strings must be quoted: listen = "\.\.\."'),
    of_file("a quotation mark left out", 'listen = "127.0.0.1:0\n', r"corral.toml:1"),
    of_file("a number in quotes", 'max_queue = "4"\n', r"number"),
    of_file("a number that is too large", "max_queue = 100000000\n", r"between"),
    of_file("a time without its unit", 'request_deadline = "600"\n', r"30s"),
    of_file("a table with a typo", "[acess]\n", r"access"),
    of_file("an address without a port", 'listen = "127.0.0.1"\n', r"127.0.0.1:11434"),
    of_file("a name to listen on", 'listen = "mybox.lan:11434"\n', r"IP address"),
    of_file("the whole network without a key", 'listen = "0.0.0.0:0"\n', r"keys"),
    of_file("a certificate that is not there", '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n', r"cert.pem"),
    of_file("a file that is no certificate", '[tls]\ncertificate = "corral.toml"\nkey = "corral.toml"\n', r"BEGIN CERTIFICATE"),
    of_manifest("a profile with a typo", "axera-poll", "axera-pol", r"axera-poll"),
    of_manifest("a package that is not there", 'package = "[^"]*"', 'package = "/srv/nothing"', r"Check 'package'", status=1),
    of_manifest("a family with a typo", 'family = "[^"]*"', 'family = "qwen25"', r"qwen2.5"),
    of_manifest("a name with a blank", 'name = "sim:latest"', 'name = "my model"', r"NAME:TAG"),
    of_manifest("a name left out", 'name = "sim:latest"', "", r"'name' is missing"),
    of_manifest("an ability that the family lacks", "capabilities = .*", 'capabilities = ["vision", "completion"]', r"vision"),
    of_manifest("a time that a model stays", 'name = "sim:latest"', 'name = "sim:latest"\nkeep_alive = "long"', r"forever"),
    of_manifest("the variables left out", r"(?s)\n\[variables\].*?(?=\n\[|$)", "\n", r"corral import"),
    of_manifest("a variable with a point", r"(\[variables\]\n)", r"\1strange = 4.0\n", r"must be a string or a whole number, not a decimal number"),
    of_manifest("a key of the file below a table", r"(\[variables\]\n)", r"\1pinned = true\n", r"before the first"),
    # A package
    Mistake("a package that is not there: import", ["import", "Qwen3-4B"], r"name", 2),
    Mistake("a file in place of a package", ["import", "corral.toml"], r"folder", 2),
    Mistake("an empty folder", ["import", "empty"], r"run scripts", 2),
    Mistake("a hub's name", ["import", "AXERA-TECH/Qwen3-4B"], r"corral pull hf\.co/AXERA-TECH/Qwen3-4B", 2),
    Mistake("a name of the catalogue", ["import", "qwen3:4b"], r"corral pull qwen3:4b", 2),
    Mistake("a folder in place of a name", ["pull", "./package"], r"corral import \./package", 1),
    Mistake("half a download: LFS pointers", ["import", "package"], r"git-lfs|hf download", prepare=["pointers"]),
    Mistake("half a download: a layer is missing", ["import", "package"], r"Fetch it again", prepare=["hole"]),
    Mistake("a web page in place of a file", ["import", "package"], r"Fetch it again", prepare=["page"]),
    Mistake("the server of another machine", ["import", "package"], r"[Uu]se the [-a-z0-9]+ build of the program", prepare=["other machine"]),
    Mistake("no execute bit", ["import", "package"], r"--fix|chmod", prepare=["bit"]),
    Mistake("imported already", ["import", "package", "--name", "sim"], r"--force|--name", 2, prepare=["imported"]),
    # Keys, disk, card
    Mistake("a key's name with a blank", ["key", "new", "my key", "--file", "keys"], r"letters"),
    Mistake("what to do with a key left out", ["key"], r"new, list, remove", 2),
    Mistake("a key that is not there", ["key", "remove", "anna", "--file", "keys"], r"corral key new"),
    Mistake("no place for keys", ["key", "new", "anna"], r"keys = "),
    Mistake("a full disk", ["import", "package"], r"df -h", 2, prepare=["full"]),
    Mistake("the card is gone", ["doctor"], r"seat the card", 1, prepare=[]),
    Mistake("the model can't start", ["start", "sim", "--wait"], r"corral logs|corral doctor", where="fails"),
    Mistake("a question to a model that can't start", ["run", "sim", "hi"], r"corral status|corral logs|corral doctor", where="fails"),
]
