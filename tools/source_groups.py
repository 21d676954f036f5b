#!/usr/bin/env python3
"""Which source files may be compiled as one unit: nearly all of a compiler's time goes into reading the same headers and
instantiating the same templates again for each file. Only files that define no name twice at their left margin share a unit.

usage: tools/source_groups.py LINES FILE...      a unit has at most LINES lines, or one file; prints a line per file: its unit,
                                                 a blank, the file
"""
import pathlib
import re
import sys

# Names that a file defines at its left margin: functions, constants, types, aliases. Members of a class are qualified.
DEFINED = re.compile(r"^(?:(?:struct|class|enum class|enum|union)\s+(?P<type>\w+)(?=[^;]*$|[^;]*\{)|using\s+(?P<alias>\w+)\s*=|"
                     r"(?:namespace\s+(?P<short>\w+)\s*=)|"
                     r"(?![#/}\s])(?!namespace|using|template|return|case|public|private|struct|class|enum|friend)"
                     r"[\w:<>,&*\s\[\]]*?[\s&*>](?P<name>\w+)\s*(?:[({=;]|\[\w*\]))")
# A name that one file brings in whole may be another's own.
BROUGHT = re.compile(r"^using (?:namespace )?[\w:]*?(?P<name>\w+);")

# What a file calls by its bare name, and what types and values it names in front of something.
CALLED = re.compile(r"(?<![\w.:>\"])([a-z]\w+)(?=[({&*,)]| [a-z&*])")
# Brings in names that nobody sees here.
ALL_OF = re.compile(r"^using enum ", re.MULTILINE)
COMMENT = re.compile(r"//.*|\"(?:[^\"\\\n]|\\.)*\"")


class source:
    def __init__(self, path: pathlib.Path):
        self.path = path
        text = path.read_text(encoding="utf-8")
        self.lines = text.count("\n")
        self.alone = bool(ALL_OF.search(text))
        self.names = dict(self.defined(text))
        # Those in its unnamed namespaces: there they would hide what a neighbour means by them.
        parts = re.findall(r"^namespace \{$(.*?)^\}  // namespace$", text, re.MULTILINE | re.DOTALL)
        self.own = {found["name"] for part in parts for found in map(DEFINED.match, part.splitlines()) if found and found["name"]}
        self.called = set(CALLED.findall(COMMENT.sub("", text)))

    def defined(self, text):
        """(name, what it means): an alias may be said twice in one unit if both mean the same."""
        for line in text.splitlines():
            found = DEFINED.match(line)
            if found and found["alias"]:
                yield found["alias"], line
            elif found and not found["short"]:
                yield found["type"] or found["name"], str(self.path)
            found = BROUGHT.match(line)
            if found and not line.startswith(("using core::", "using std::", "using ::testing", "using testing")):
                yield found["name"], line

    def minds(self, other):
        return bool(self.own & other.called or other.own & self.called or
                    any(self.names[name] != other.names[name] for name in self.names.keys() & other.names.keys()))


def groups_of(files, most):
    """The longest file first, each into the fullest unit that has room and where neither minds the other's names."""
    units, alone = [], []
    for one in sorted(map(source, files), key=lambda one: (-one.lines, str(one.path))):
        if one.alone:
            alone.append([one.path])
            continue
        fitting = [unit for unit in units
                   if sum(member.lines for member in unit) + one.lines <= most and not any(one.minds(member) for member in unit)]
        if fitting:
            max(fitting, key=lambda unit: sum(member.lines for member in unit)).append(one)
        else:
            units.append([one])
    return [sorted(member.path for member in unit) for unit in units] + alone


def main(most, *files):
    for number, members in enumerate(groups_of([pathlib.Path(name) for name in files], int(most))):
        for path in members:
            print(number, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
