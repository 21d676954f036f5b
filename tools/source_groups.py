#!/usr/bin/env python3
"""Which source files may be compiled as one unit: nearly all of a compiler's time goes into reading the same Boost headers again
for each file. Only files of one folder that define no name twice at their left margin share a unit.

usage: tools/source_groups.py MOST FILE...      prints a line per file: its group, a blank, the file
"""
import pathlib
import re
import sys

# Names that a file defines at its left margin: functions, constants, types, aliases. Members of a class are qualified.
DEFINED = re.compile(r"^(?:(?:struct|class|enum class|enum|union)\s+(?P<type>\w+)(?=[^;]*$)|using\s+(?P<alias>\w+)\s*=|"
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


def defined_names(path: pathlib.Path):
    names = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        found = DEFINED.match(line)
        if found and not found["short"]:
            names.add(found["type"] or found["alias"] or found["name"])
        found = BROUGHT.match(line)
        if found and not line.startswith(("using core::", "using std::", "using ::testing", "using testing")):
            names.add(found["name"])
    return names


def own_names(path: pathlib.Path):
    """Those in its unnamed namespaces: there they would hide what a neighbour means by them."""
    text = path.read_text(encoding="utf-8")
    parts = re.findall(r"^namespace \{$(.*?)^\}  // namespace$", text, re.MULTILINE | re.DOTALL)
    return {found["name"] for part in parts for found in map(DEFINED.match, part.splitlines()) if found and found["name"]}


def called_names(path: pathlib.Path):
    return set(CALLED.findall(COMMENT.sub("", path.read_text(encoding="utf-8"))))


def groups_of(files, most):
    """Each file joins the first group of its folder that has room and where neither minds the other's names."""
    open_groups, alone = {}, []
    for path in files:
        if ALL_OF.search(path.read_text(encoding="utf-8")):
            alone.append([path])
            continue
        names, own, called = defined_names(path), own_names(path), called_names(path)
        mine = open_groups.setdefault(path.parent, [])
        for members, taken, hidden, used in mine:
            if len(members) < most and not (names & taken or own & used or hidden & called):
                members.append(path)
                taken |= names
                hidden |= own
                used |= called
                break
        else:
            mine.append(([path], names, own, called))
    return [members for mine in open_groups.values() for members, *_ in mine] + alone


def main(most, *files):
    for number, members in enumerate(groups_of([pathlib.Path(name) for name in files], int(most))):
        for path in members:
            print(number, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
