#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto finding_reader = message_reader::operators;

// Findings (catalog::finding_of). What a message means is why the finding matters, unless the check says otherwise.
inline constexpr std::array finding_table{
    message{"package.missing", finding_reader, "The package folder {folder} is not there.",
            "A disk may not be mounted.", "Check 'package' of the model."},
    message{"package.not-a-folder", finding_reader, "{folder} is not a folder.",
            "The model names a file as the folder of its package.",
            "Write the folder of the package into 'package' of the model."},
    message{
        "package.closed", finding_reader,
        "The package folder {folder} can't be read by this user.\n"
        "user| {path} is closed to the user '{user}'.\n"
        "serves| {path} is closed to the user '{user}', who runs Corral.\n"
        "root| You are root and can read it; the model could not be loaded.\n"
        "move| Run: sudo mkdir -p /srv/models && sudo mv {folder} /srv/models/; then import it from there.\n"
        "open| Run: sudo chmod -R a+rX {folder}",
        "The model could not be loaded.",
        "Let the user that runs Corral read it and what is in it, with chmod or chown."},
    message{"package.unusable", finding_reader, "{what}", "The folder of the package can't be opened.",
            "Check the disk and 'package' of the model."},
    message{"package.unfinished-download", finding_reader,
            "A download was not finished ({file}).\n"
            "more| {count:d} downloads were not finished ({file}).",
            "Files may be missing or old.", "Let the downloader finish, or fetch the package again."},
    message{"package.changed", finding_reader,
            "one| {files} was changed or replaced since the import.\n"
            "more| {files} were changed or replaced since the import.\n"
            "sums| Different from the list of checksums: {files}.\n"
            "gone| Listed with a checksum, but missing or unreadable: {files}.\n"
            "damaged| A download was damaged, or somebody changed the file.\n"
            "not-whole| The package is not whole.\n"
            "compare| 'corral check' compares the content; {command}",
            "The model would be started from other files than those whose checksums were good.",
            "Fetch what is named again, or the whole package."},
    message{"package.seal", finding_reader,
            "{what}\n"
            "import| Run: corral import --force {folder}",
            "Changes of the package since its import can't be detected.",
            "Import the package again by --force."},
    message{"package.unlisted", finding_reader,
            "signed| Not in the signed list of the package: {files}.\n"
            "Without a checksum in the list: {files}.\n"
            "why-signed| A required signature vouches for every file that the model's programs may read.\n"
            "do-signed| Remove what does not belong to the package; {command}",
            "No checksum vouches for these files.", "Remove them, or ask the maker for a list with them."},
    message{"tree.link-outside", finding_reader,
            "This is {link}, and is not followed.\n"
            "why| Corral looks only at what lies inside the package.",
            "A link in the folder leads out of it. Links inside are fine, and so are those of a hub's "
            "snapshot into the same repository's 'blobs'.",
            "Replace the link with the file itself."},
    message{"tree.special-file", finding_reader, "This is a FIFO, a socket or a device, and is not opened.",
            "Such a thing lies in the folder; it is never opened.", "Remove it."},
    message{"tree.too-many", finding_reader, "The folder holds more than {count:d} entries.",
            "The rest is not looked at.", "Name the folder of the package itself."},
    message{"tree.too-deep", finding_reader,
            "Folders are nested deeper than {depth:d} here; what is below is not looked at.",
            "The rest is not looked at.", "Name the folder of the package itself."},
    message{"tree.folder-closed", finding_reader, "This folder can't be read: {why}.",
            "The folder is not looked at.", "Give the user that runs Corral the right to read it."},
    message{"file.missing", finding_reader,
            "{file} is not there.\n"
            "more| {files} are not there.",
            "The model needs a file that is not there.", "Fetch it again, or correct its name in the model."},
    message{"file.other-spelling", finding_reader, "{file} is not there, but {other} is.",
            "The file is there under a name with other capital letters.",
            "Write the name as it is, or rename the file."},
    message{"file.lfs-pointer", finding_reader,
            "{file} is a git-LFS pointer, not the file itself.\n"
            "more| {files} are git-LFS pointers, not the files themselves.\n"
            "listed| Git-LFS pointers, not the files that the list of checksums means: {files}.\n"
            "clone| git clone without git-lfs fetches a small text for each of the large files, but not the "
            "files.",
            "Git fetched the notes about the large files, but not the files.",
            "Run 'git lfs install && git lfs pull' in the package's folder, or fetch it again."},
    message{"file.html", finding_reader,
            "{file} is a web page, not the file itself.\n"
            "more| {files} are web pages, not the files themselves.",
            "Something went wrong when it was downloaded.", "Fetch it again."},
    message{"file.hub-error", finding_reader,
            "{file} holds an error message of the download instead of the file.\n"
            "more| {files} hold an error message of the download instead of the file.",
            "The source wanted to be signed in to, or does not have the file.",
            "Sign in, then fetch it again."},
    message{"file.empty", finding_reader,
            "{file} is empty.\n"
            "more| {files} are empty.",
            "Something went wrong when it was downloaded.", "Fetch it again."},
    message{"file.zeros", finding_reader,
            "{file} begins with nothing but zeros.\n"
            "more| {files} begin with nothing but zeros.",
            "The space was reserved, but the content never came, or the disk lost it.", "Fetch it again."},
    message{"file.json-instead", finding_reader,
            "{file} is JSON text, probably an error message, not the file itself.\n"
            "more| {files} are JSON texts, probably error messages, not the files themselves.",
            "Something went wrong when it was downloaded.", "Fetch it again."},
    message{"file.text-instead", finding_reader,
            "{file} is text, not the file itself.\n"
            "more| {files} are texts, not the files themselves.",
            "Something went wrong when it was downloaded.", "Fetch it again."},
    message{"file.archive", finding_reader,
            "{file} is a packed archive.\n"
            "more| {files} are packed archives.",
            "The runtime can't unpack it.", "Unpack it, and put what is inside in its place."},
    message{"file.program-instead", finding_reader,
            "{file} is a program or library, not a model file.\n"
            "more| {files} are programs or libraries, not model files.",
            "The runtime can't load it as its model.",
            "Check the variables of the model: two of them may be swapped."},
    message{"file.folder", finding_reader,
            "{file} is a folder, not a file.\n"
            "more| {files} are folders, not files.",
            "The model needs a file of that name.", "Name the file inside."},
    message{"file.special", finding_reader,
            "{file} is a FIFO, a socket or a device, not a file.\n"
            "more| {files} are FIFOs, sockets or devices, not files.",
            "Whoever opens it may wait for ever.", "Remove it, and fetch the file again."},
    message{"file.unreadable", finding_reader,
            "{file} can't be read by this user.\n"
            "more| {files} can't be read by this user.",
            "The runtime is started as this user, or another that may not read it either.",
            "Let the user that runs Corral read it, with chmod or chown."},
    message{
        "file.unfinished", finding_reader,
        "{file} was not downloaded to its end: its downloader's own file is still beside it.\n"
        "more| {files} were not downloaded to their end: their downloader's own files are still beside them.",
        "The download goes on, or was interrupted.", "Let the downloader finish, or fetch it again."},
    message{"file.truncated", finding_reader,
            "{file} is cut off.\n"
            "more| {files} are cut off.\n"
            "tensor| {file} has {size}, but its last tensor begins at {end}.\n"
            "rest| The rest of the download is missing.",
            "The download was interrupted.", "Download it again."},
    message{"file.wrong-size", finding_reader, "{file} is larger than the model says: {figures}.",
            "It belongs to another model, or the numbers do.",
            "Compare the numbers with the package's run script."},
    message{"file.hole", finding_reader,
            "{file} has its full length, but much of it was never written.\n"
            "more| {files} have their full length, but much of them was never written.",
            "A downloader that reserves the space first leaves this when it is interrupted.",
            "Fetch it again."},
    message{"path.outside", finding_reader,
            "{file} leads out of the package.\n"
            "more| {files} lead out of the package.",
            "Corral follows no link out of a package.",
            "Copy the package with 'cp -rL', which puts files in the place of links, or name the file by its "
            "absolute path in the model."},
    message{"path.broken-link", finding_reader,
            "{file} is a link that leads nowhere.\n"
            "more| {files} are links that lead nowhere.",
            "What it leads to was moved or never downloaded.", "Fetch it again."},
    message{"path.refused", finding_reader,
            "{file} is not a valid name inside the package.\n"
            "more| {files} are not valid names inside the package.",
            "The name has '..' or control characters, or is too long.",
            "Name a file inside the package without '..', or any other file by its absolute path."},
    message{"layers.none", finding_reader, "None of the {count:d} files {pattern} is there.",
            "The numbered files of the model are not there.", "Check their name in the model."},
    message{"layers.missing", finding_reader,
            "{missing:d} of {count:d} files {pattern} is missing: number {numbers}.\n"
            "more| {missing:d} of {count:d} files {pattern} are missing: numbers {numbers}.",
            "The runtime may start without it and crash at the first request.", "Fetch what is missing."},
    message{"layers.extra", finding_reader,
            "There are {count:d} files {pattern}, and the variable '{name}' says {said:d}.\n"
            "set| Set '{name}' to {count:d}, or remove the files if they belong to another model.",
            "A model without its last layers answers nonsense.", "Correct the number of layers."},
    message{"layers.uneven", finding_reader,
            "{file} is smaller than the neighbours: {size} and {usual}.\n"
            "more| {file} and {count:d} more are smaller than the neighbours: {size} and {usual}.",
            "The download may have been interrupted.", "Compare its size with that at the source."},
    message{"variable.not-a-number", finding_reader,
            "The variable '{name}' is {value}, not a whole number above 0.",
            "The runtime would be started with nonsense.", "Take the number from the package's run script."},
    message{"variable.absurd", finding_reader,
            "The variable '{name}' is {value}, and can be 1 to {most:d}.\n"
            "sizes| The sizes {sizes} make a file larger than any disk.\n"
            "numbers| Take the numbers from the package's run script.",
            "The runtime would be started with nonsense.", "Take the number from the package's run script."},
    message{"variable.bad-pattern", finding_reader, "The variable '{name}' is {value}, which {problem}.",
            "The runtime would be started with nonsense.",
            "Write the name of the files with %d in the place of their number."},
    message{"variable.empty", finding_reader, "The variable '{name}' is empty.",
            "The runtime would be started with nonsense.", "Write its value into the model."},
    message{"program.not-in-path", finding_reader,
            "There is no program {program} in PATH.\n"
            "here| Write './{program}' for the one in the package.",
            "A program named without '/' is looked for in the folders of PATH.",
            "Install it, or name it with its full path."},
    message{"program.wrong-architecture", finding_reader,
            "{file} is built for {machine}, and this machine is {here}.\n"
            "build| Use the {machine} build of the program.\n"
            "other| Name './{file}' instead, which is built for {machine}.",
            "The system refuses to start it.", "Use the build for this machine."},
    message{"program.truncated", finding_reader,
            "{file} is cut off: it has {size}, and its own headers ask for {whole}.",
            "The download was interrupted.", "Fetch it again."},
    message{"program.not-a-program", finding_reader,
            "{file} is not a program that this system can run.\n"
            "more| {files} are not programs that this system can run.",
            "The service can't be started.", "Fetch it again."},
    message{"program.object-file", finding_reader, "{file} is an object file or a core dump, not a program.",
            "The service can't be started.", "Name the program file itself."},
    message{"program.is-library", finding_reader, "{file} is a shared library, not a program.",
            "The service can't be started.", "Name the program file itself."},
    message{"program.not-executable", finding_reader,
            "{file} may not be executed: its execute bit is missing.\n"
            "run| Run: chmod +x {file}",
            "Downloads from a hub come without it.", "Give it that bit with chmod +x."},
    message{"program.noexec-mount", finding_reader,
            "{file} lies on a file system that is mounted with noexec.",
            "The system starts no program from it.",
            "Move the package to another file system, or mount this one without noexec."},
    message{"program.loader-missing", finding_reader,
            "{file} needs the program loader {loader}, which is not there.\n"
            "emulated| An emulated program looks for it below QEMU_LD_PREFIX.\n"
            "prefix| Set QEMU_LD_PREFIX in the service's environment to a tree that has it.",
            "It is built for another system's C library.",
            "Use the build made for this system, or install the C library that has the loader."},
    message{"program.interpreter-missing", finding_reader, "{what}",
            "The interpreter of a script is not there.",
            "Install it, or correct the first line of the script."},
    message{"program.library-missing", finding_reader,
            "{file} needs the shared library {library}{more}, which this system does not have.\n"
            "machine| {file} needs the shared library {library}{more}, which was not found for its machine.\n"
            "emulated| An emulated program looks for libraries of its own machine below QEMU_LD_PREFIX.\n"
            "prefix| Set QEMU_LD_PREFIX in the service's environment to a tree that has them.\n"
            "loader| The dynamic loader would end it with status 127 before it says a word.",
            "A shared library, of the program or of one of its libraries, is nowhere that the loader looks "
            "(RPATH, LD_LIBRARY_PATH of the service, RUNPATH, ld.so.cache or ld.so.conf, default folders).",
            "Install the package that has it."},
    message{"program.library-not-searched", finding_reader,
            "{file} needs the shared library {library}{more}, which is in {folder}, where the loader does "
            "not look.\n"
            "set| Add LD_LIBRARY_PATH = \"{folder}\" to the service's environment.",
            "A shared library is there, where the loader does not look.",
            "Name its folder by LD_LIBRARY_PATH in the service's environment."},
    message{"program.library-wrong-machine", finding_reader,
            "{file} needs the shared library {library}{more}, and {found} is for another machine or broken.",
            "A shared library is built for another machine.",
            "Install the library's build for this machine."},
    message{"script.not-text", finding_reader, "{file} is not the text of a Python script.",
            "The tokenizer can't be started.", "Fetch it again."},
    message{"script.wrong-generation", finding_reader, "{file} does not serve '{words}'.",
            "The script is of another generation than the runtime.",
            "Take the script of a package of the runtime's own generation."},
    message{"script.option-unknown", finding_reader,
            "{file} does not know the option {options}, which the command gives it.",
            "Python would end it with status 2.",
            "Take a script that has it, or change the service's command."},
    message{"script.module-missing", finding_reader,
            "{file} needs the Python module {modules}, which {python} does not have.\n"
            "more| {file} needs the Python modules {modules}, which {python} does not have.\n"
            "install| Run: {python} -m pip install{modules}\n"
            "make| Run: {python} -m venv --system-site-packages {folder} && {folder}/bin/pip "
            "install{modules} && corral import {package} --force --fix",
            "The script ends with ModuleNotFoundError ('No module named …').",
            "Install them with pip for a Python of their own, and name it as the model's."},
    message{"script.folder-empty", finding_reader,
            "{file} loads its tokenizer from {folder}, which holds no vocabulary.",
            "There is no tokenizer.json, vocab.json or tokenizer.model in it.", "Fetch it again."},
    message{"script.folder-missing", finding_reader,
            "{file} loads its tokenizer from {folder}, which is not there.\n"
            "hub| It would try to fetch it from a hub.",
            "It takes the name for a hub's then.", "Fetch it again."},
    message{"json.truncated", finding_reader,
            "{file} ends in the middle of its JSON.\n"
            "more| {files} end in the middle of their JSON.",
            "The download was interrupted.", "Fetch it again."},
    message{"json.malformed", finding_reader,
            "{file} is not JSON.\n"
            "more| {files} are not JSON.",
            "The tokenizer can't read it.", "Fetch it again."},
    message{"config.missing", finding_reader, "{what}",
            "A file is not there that the runtime reads by itself.", "Fetch it again."},
    message{"config.malformed", finding_reader,
            "{what}\n"
            "large| {file} is too large to be what it should be.\n"
            "original| Take the {file} of the original package.",
            "A file that the runtime reads by itself is wrong.", "Take that of the original package."},
    message{"config.keys-missing", finding_reader,
            "{file} lacks the key {keys}.\n"
            "more| {file} lacks the keys {keys}.",
            "A file that the runtime reads by itself is wrong.", "Take that of the original package."},
};

}  // namespace corral::core::messages
