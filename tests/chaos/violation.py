"""What a check found. Kinds are counted in the report, so that it also says what was looked for and not found."""

KINDS = ("answer", "foreign text", "ends", "lost", "ready", "lease", "orphan", "zombie", "exit", "descriptors", "memory", "cpu",
         "log", "sanitizer", "disk", "clock", "device", "upgrade", "reload", "operator", "page", "checker")


class Violation(Exception):
    def __init__(self, kind, what):
        super().__init__(what)
        assert kind in KINDS, kind
        self.kind = kind
