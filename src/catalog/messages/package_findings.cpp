#include "corral/catalog/message.hpp"

#include <array>

namespace corral::catalog {

namespace {

constexpr std::array package_finding_table{
    package_finding{
        "package.missing", severity::error,
        "the folder that the model names is not there, is a file, may not be read, or can't be opened"},
    package_finding{
        "package.not-a-folder", severity::error,
        "the folder that the model names is not there, is a file, may not be read, or can't be opened"},
    package_finding{
        "package.closed", severity::error,
        "the folder that the model names is not there, is a file, may not be read, or can't be opened"},
    package_finding{
        "package.unusable", severity::error,
        "the folder that the model names is not there, is a file, may not be read, or can't be opened"},
    package_finding{"package.unfinished-download", severity::warning,
                    "a downloader left its own file behind ('.incomplete', '.aria2', '.part' ...)"},
    package_finding{
        "package.changed", severity::warning,
        "a file was changed or replaced since it was imported with checksums. An error for 'corral "
        "import' and 'corral check', which compare the content, and where the import required a "
        "signature"},
    package_finding{"package.seal", severity::warning,
                    "the record of an import with checksums can't be read"},
    package_finding{"tree.link-outside", severity::warning,
                    "a link in the folder leads out of it, and is not followed. Links inside are fine, and "
                    "so are those of a hub's snapshot into the same repository's 'blobs'"},
    package_finding{"tree.special-file", severity::warning,
                    "a FIFO, a socket or a device lies in the folder; it is never opened"},
    package_finding{"tree.too-many", severity::warning,
                    "more than 20,000 entries, folders more than 8 deep, or a folder that may not be read: "
                    "the rest is not looked at"},
    package_finding{"tree.too-deep", severity::warning,
                    "more than 20,000 entries, folders more than 8 deep, or a folder that may not be read: "
                    "the rest is not looked at"},
    package_finding{"tree.folder-closed", severity::warning,
                    "more than 20,000 entries, folders more than 8 deep, or a folder that may not be read: "
                    "the rest is not looked at"},
    package_finding{"file.missing", severity::error,
                    "a file is not there, or only under a name with other capital letters"},
    package_finding{"file.other-spelling", severity::error,
                    "a file is not there, or only under a name with other capital letters"},
    package_finding{"file.lfs-pointer", severity::error,
                    "git fetched the note about a large file, not the file; says how many, how large the "
                    "real ones are, and the command that fetches them"},
    package_finding{"file.html", severity::error,
                    "a web page, a hub's refusal, JSON or text was saved under the file's name"},
    package_finding{"file.hub-error", severity::error,
                    "a web page, a hub's refusal, JSON or text was saved under the file's name"},
    package_finding{"file.json-instead", severity::error,
                    "a web page, a hub's refusal, JSON or text was saved under the file's name"},
    package_finding{"file.text-instead", severity::error,
                    "a web page, a hub's refusal, JSON or text was saved under the file's name"},
    package_finding{"file.empty", severity::error, "nothing is in it, or it begins with nothing but zeros"},
    package_finding{"file.zeros", severity::error, "nothing is in it, or it begins with nothing but zeros"},
    package_finding{"file.truncated", severity::error,
                    "it is shorter than vocabulary, hidden size and the like imply, than its neighbours "
                    "(pointers tell theirs), or than any whole one"},
    package_finding{"file.wrong-size", severity::error, "it is longer than that"},
    package_finding{"file.hole", severity::warning,
                    "it has its full length, but the disk has nothing for a quarter of it or more, up to its "
                    "end: a download that reserved its space"},
    package_finding{"file.unfinished", severity::error, "its downloader's own file is still beside it"},
    package_finding{"file.archive", severity::error, "it is something else than a model file"},
    package_finding{"file.program-instead", severity::error, "it is something else than a model file"},
    package_finding{"file.folder", severity::error, "it is something else than a model file"},
    package_finding{"file.special", severity::error, "it is something else than a model file"},
    package_finding{"file.unreadable", severity::error, "this user may not read it"},
    package_finding{"path.refused", severity::error,
                    "a name with '..' or control characters, a link out of the package, a link to nowhere. "
                    "The Python of an environment in the package may be the system's"},
    package_finding{"path.outside", severity::error,
                    "a name with '..' or control characters, a link out of the package, a link to nowhere. "
                    "The Python of an environment in the package may be the system's"},
    package_finding{"path.broken-link", severity::error,
                    "a name with '..' or control characters, a link out of the package, a link to nowhere. "
                    "The Python of an environment in the package may be the system's"},
    package_finding{"layers.missing", severity::error,
                    "files of the numbered set are not there, with their numbers"},
    package_finding{"layers.none", severity::error,
                    "files of the numbered set are not there, with their numbers"},
    package_finding{"layers.extra", severity::error, "there are more than the model counts"},
    package_finding{
        "layers.uneven", severity::warning,
        "a few are more than a tenth smaller than their neighbours; less than half is 'file.truncated'"},
    package_finding{"variable.not-a-number", severity::error, "a value of the model can't be meant"},
    package_finding{"variable.absurd", severity::error, "a value of the model can't be meant"},
    package_finding{"variable.bad-pattern", severity::error, "a value of the model can't be meant"},
    package_finding{"variable.empty", severity::error, "a value of the model can't be meant"},
    package_finding{"program.not-in-path", severity::error, "a program named without '/' is not in PATH"},
    package_finding{"program.wrong-architecture", severity::error,
                    "it is built for another machine; names the package's program that fits"},
    package_finding{"program.truncated", severity::error, "it is no whole program"},
    package_finding{"program.object-file", severity::error, "it is no whole program"},
    package_finding{"program.is-library", severity::error, "it is no whole program"},
    package_finding{"program.not-a-program", severity::error, "it is no whole program"},
    package_finding{"program.not-executable", severity::error,
                    "the execute bit is missing, or the file system forbids it"},
    package_finding{"program.noexec-mount", severity::error,
                    "the execute bit is missing, or the file system forbids it"},
    package_finding{"program.loader-missing", severity::error, "what would start it is not there"},
    package_finding{"program.interpreter-missing", severity::error, "what would start it is not there"},
    package_finding{"program.library-missing", severity::error,
                    "a shared library, of the program or of one of its libraries, would not be found by the "
                    "loader (RPATH, LD_LIBRARY_PATH of the service, RUNPATH, ld.so.cache or ld.so.conf, "
                    "default folders). A warning where the program is emulated"},
    package_finding{"program.library-not-searched", severity::error,
                    "a shared library, of the program or of one of its libraries, would not be found by the "
                    "loader (RPATH, LD_LIBRARY_PATH of the service, RUNPATH, ld.so.cache or ld.so.conf, "
                    "default folders). A warning where the program is emulated"},
    package_finding{"program.library-wrong-machine", severity::error,
                    "a shared library, of the program or of one of its libraries, would not be found by the "
                    "loader (RPATH, LD_LIBRARY_PATH of the service, RUNPATH, ld.so.cache or ld.so.conf, "
                    "default folders). A warning where the program is emulated"},
    package_finding{"script.not-text", severity::error,
                    "it is no Python script, not of the kind that the runtime needs, or does not know an "
                    "option that its command gives it"},
    package_finding{"script.wrong-generation", severity::error,
                    "it is no Python script, not of the kind that the runtime needs, or does not know an "
                    "option that its command gives it"},
    package_finding{"script.option-unknown", severity::error,
                    "it is no Python script, not of the kind that the runtime needs, or does not know an "
                    "option that its command gives it"},
    package_finding{"script.module-missing", severity::error,
                    "the Python that runs it lacks modules that it needs ('No module named ...'); that "
                    "Python is asked, and nothing "
                    "of the package is run"},
    package_finding{"script.folder-missing", severity::error,
                    "the folder that it loads its tokenizer from is not there (a warning where the name may "
                    "be a hub's), or has no vocabulary in it"},
    package_finding{"script.folder-empty", severity::error,
                    "the folder that it loads its tokenizer from is not there (a warning where the name may "
                    "be a hub's), or has no vocabulary in it"},
    package_finding{"json.truncated", severity::error,
                    "a file of the tokenizer ends early or is not JSON (a warning where only the folder's "
                    "look says that it is one)"},
    package_finding{"json.malformed", severity::error,
                    "a file of the tokenizer ends early or is not JSON (a warning where only the folder's "
                    "look says that it is one)"},
    package_finding{"config.missing", severity::warning,
                    "a file is not there that the runtime can do without"},
    package_finding{"config.malformed", severity::error,
                    "a file that the runtime reads by itself is wrong, with what follows"},
    package_finding{"config.keys-missing", severity::error,
                    "a file that the runtime reads by itself is wrong, with what follows"},
};

}  // namespace

std::span<const package_finding> package_findings() {
    return package_finding_table;
}

}  // namespace corral::catalog
