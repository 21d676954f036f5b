#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto pull_reader = message_reader::operators;

inline constexpr std::array pull_table{
    message{
        "pull.name", pull_reader,
        "names-package| '{typed}' names no package: {why}; write {how}\n"
        "name-catalogue| '{typed}' is a name for the catalogue\n"
        "here| '{typed}' is a place on this machine; to make a model of it, run: corral import {place}\n"
        "the source's address is not a web address\n"
        "source-address| the source's address is not a web address; see 'endpoint' of [pull], or the name "
        "that was typed",
        "What was typed after corral pull is not a source, or its address is invalid.",
        "Write hf.co/OWNER/REPO, https://HOST/FOLDER/, file:///FOLDER, or a name that corral search lists."},
    message{"pull.library", pull_reader,
            "libcurl-installed| libcurl is not installed, and nothing can be fetched without it; install it: "
            "sudo apt install libcurl4 ca-certificates\n"
            "libcurl has no memory for a request; make some free",
            "The library that fetches is missing, or has no memory.",
            "Run 'sudo apt install libcurl4 ca-certificates'."},
    message{
        "pull.certificate", pull_reader,
        "certificate-one| the certificate of '{host}' is not trusted by this machine; check its clock and "
        "'ca-certificates', or name a certificate file in the variable SSL_CERT_FILE",
        "Nobody that this machine trusts vouches for the source, so nothing was taken from it.",
        "Look at the clock with 'date', run 'sudo apt install ca-certificates'; behind a proxy that opens "
        "TLS, name its certificate in SSL_CERT_FILE."},
    message{
        "pull.led-elsewhere", pull_reader,
        "leads-address| '{host}' leads to {address}, an address inside this network, while the source is "
        "outside it; nothing was fetched, so tell whoever runs the source\n"
        "sends-from| '{host}' redirects more than {redirects:d} times, probably in a loop; try again later\n"
        "sends-without| '{host}' redirects to '{other}' without TLS, where anyone could tamper with the "
        "download; nothing was fetched, so tell whoever runs the source",
        "The source redirected into this network, to an address without TLS, or in a loop.",
        "Tell whoever runs the source; a mirror of one's own network is named in endpoint of [pull]."},
    message{"pull.proxy", pull_reader,
            "password| the proxy blocks '{host}' ({status:d}) and asks for a user name and password; set the "
            "variable https_proxy to http://NAME:PASSWORD@PROXY:PORT\n"
            "closed| the proxy blocks '{host}' ({status:d}); ask whoever runs it to allow it, or list the "
            "host in the variable no_proxy\n"
            "name-proxy| the name of the proxy can't be resolved; see the variables https_proxy, http_proxy "
            "and all_proxy",
            "The proxy that the environment names is not found, or refuses the way to the source.",
            "Look at 'env | grep -i proxy'; a service has its variables with 'systemctl edit corral', "
            "[Service] Environment=."},
    message{"pull.refused", pull_reader, "source-refuses| the source refuses {what} ({status:d}): {advice}",
            "The source answered, and does not give what was asked for. What has come is kept.",
            "See the name and its page at the source; for a model that asks for consent a token in "
            "token_file of [pull]."},
    message{"pull.cut", pull_reader,
            "kept| {what} can't be fetched, {why}; what has come is kept, so check the network, then pull "
            "again to go on\n"
            "nothing-kept| {what} can't be fetched, {why}; check the network and the name, then retry\n"
            "early| the answer ended early\n"
            "no-part| the source does not have the part of the file that was asked for",
            "The connection was cut or silent eight times one after another. What has come is kept.",
            "See the network, then the same command once more."},
    message{"pull.stopped", pull_reader,
            "the pull was stopped; what has come is kept, and the same command resumes it",
            "It was stopped on request.", "Run the same command again: it goes on where it stopped."},
    message{"pull.lies", pull_reader,
            "file-came| the file {name} was downloaded completely more than once, but does not match its "
            "checksum; it was discarded, so tell whoever publishes the package, or try another network\n"
            "file-fetched| the file {name} can't be fetched: {lie}; nothing of it is kept, so tell whoever "
            "runs the source\n"
            "source-sends| the source sends {what}\n"
            "source-file| the source's file '{what}' has another {part} than the catalogue states; the "
            "catalogue may be older than the package, or the source is not to be trusted",
            "What came does not match its checksum or list, so it was discarded.",
            "Try again from another network; then tell whoever publishes the package."},
    message{"pull.list", pull_reader,
            "hub-list| the hub's list of files can't be read: {why}; ask again later, or see whether "
            "'endpoint' of [pull] is a hub\n"
            "the hub's list of files leads away from it or never ends; see whether 'endpoint' of [pull] is a "
            "hub\n"
            "sends-list| the source sends more than a list may have for {what}; see whether it is what it "
            "should be\n"
            "file-catalogue| the source has no file '{expected}', which the catalogue names; the package may "
            "have changed, so see whether there is a newer catalogue\n"
            "source-file| the source has no file that is wanted; see its page for what it holds\n"
            "list-sha| '{file}' is listed in SHA256SUMS but is not a file there; the copy is incomplete, so "
            "make it again\n"
            "read-folder| can't read '{list}': {why}; a folder to pull from needs such a list: sha256sum "
            "writes it\n"
            "source-unknown| a source of an unknown kind\n"
            "source-sends| the source sends more than a list may have for '{file}'; see whether it is what "
            "it should be",
            "The source's list of files is none, or not that of this package.",
            "See the source's page; endpoint of [pull] or HF_ENDPOINT must be a hub."},
    message{
        "pull.bad-package", pull_reader,
        "package-file| the package's file '{what}' is refused: {why}; tell whoever publishes the package, "
        "and take another\n"
        "package-files| the package has more than {files:d} files, which no package of a model has; take "
        "another, or a part of it by --include\n"
        "package-says| the package says that it is larger than 4 TB, which no model is; the source's list is "
        "wrong, so take another\n"
        "repository-files| the repository {what} has more than {listed:d} files, which no package of a "
        "model has; take another",
        "A name in the package's list would harm this machine, or there are too many. Nothing was fetched.",
        "Take another package, or a part of it by --include."},
    message{
        "pull.room", pull_reader,
        "disk| the disk of '{folder}' has no room for the package: {needed} are still to come and {reserve} "
        "must stay free, but {free} are free: {missing} short{removable}\n"
        "quota| the quota of [pull] has no room for the package: {needed} are still to come, {used} of "
        "{quota} are taken{removable}\n"
        "quota-small| the quota of [pull] is smaller than the package: {needed} are still to come, and it is "
        "{quota}; raise 'quota'\n"
        "disk-full| the disk is full while {name} is written; what has come is kept, so make room and "
        "pull again",
        "The package does not fit. What has come is kept.",
        "Remove unused models with 'corral rm --files', name a larger disk as directory of [pull], or "
        "raise its quota."},
    message{
        "pull.disk", pull_reader,
        "disk-fails| the disk fails while {name} is written ({why}); see 'dmesg' for what is "
        "wrong with it\n"
        "see-who| can't {what} {name}: {why}; see who owns the folder 'directory' of [pull]\n"
        "stick| can't write to the folder '{folder}' that --to-stick names: {why}; see with 'ls -ld' "
        "whether it "
        "is there, and who owns it\n"
        "copy-make| can't copy '{from}': {what}; make room, and pull again\n"
        "read-see| can't read '{from}': {why}; see whether the disk is still there, and pull again\n"
        "file-fetched| a file can't be fetched: {what}\n"
        "write-below| can't write below {directory}; see who owns the folder 'directory' of [pull]\n"
        "not-root| '{folder}' belongs to '{owner}', whose links could lead root elsewhere, and '{manifests}' "
        "does not: make both that user's, or both root's; 'sudo -u {user} corral pull NAME --no-import' "
        "fetches the package alone",
        "The folder of the packages can't be written to, or its disk fails.",
        "Look at that folder with 'ls -ld': it must belong to the user who pulls; 'dmesg' tells errors of "
        "the disk."},
    message{"pull.in-the-way", pull_reader,
            "pull-made| '{target}' already exists and was not made by a pull; move it away, import it as it "
            "is, or set another 'directory' in [pull]",
            "A folder of the package's name is there, and is somebody's. It was left alone.",
            "Run 'corral import' of that folder, or move it away."},
    message{"pull.token", pull_reader,
            "hub-token| the hub's token can't be read: {file}; see 'token_file' of [pull]\n"
            "file-hub| the file of the hub's token holds more than one word; write the token alone into it, "
            "see 'token_file' of [pull]",
            "The token file does not hold a token.",
            "Write the token alone into that file, readable by Corral's user."},
    message{"package.fetch", pull_reader,
            "Fetch it again from where the package came from.\n"
            "large| Fetch the package with a tool that gets large files, such as git with git-lfs installed, "
            "or 'hf "
            "download'.\n"
            "lfs| Run: git -C {folder} lfs pull\n"
            "install-lfs| Run: sudo apt install git-lfs && git -C {folder} lfs pull\n"
            "checkout| Run: git -C {folder} checkout --{files}\n"
            "hub| Run: hf download {repository}{files} --local-dir {folder}\n"
            "name| Check the name in the model. If it is right: {advice}",
            "Files of the package never came, or are damaged.",
            "Do so, then look again with 'corral check' or 'corral import'."},
    message{"package.folder", pull_reader,
            "open| the folder '{folder}' can't be opened: {why}\n"
            "kind| '{folder}' is not a folder\n"
            "closed| the folder '{folder}' may not be read by this user\n"
            "read| the package's file '{file}' can't be read: {why}",
            "The package, or a file of it, can't be read.",
            "Look at its owner and permissions with 'ls -l'; 'dmesg' tells errors of the disk."},
    message{"package.name", pull_reader,
            "none| '{name}' is not a file name\n"
            "path-too-long| '{name}' is longer than a path may be\n"
            "absolute| '{name}' is an absolute path; only files inside the package are taken\n"
            "leads-out| '{name}' in a path leads out of the package\n"
            "too-long| '{name}' is longer than a file's name may be\n"
            "control| '{name}' holds control characters\n"
            "model| '{name}' is not a model name.\n"
            "why-model| Clients could not ask for it.\n"
            "do-model| Write NAME or NAME:TAG, such as qwen3:4b.",
            "A name of a file could not be meant, or would leave the package's folder.",
            "Tell whoever publishes the package, and take another."},
    message{"package.sums", pull_reader,
            "unusable| SHA256SUMS can't be used: {why}\n"
            "long| it is longer than a list of checksums may be\n"
            "break| line {line:d} names a file with a line break or a backslash in its name\n"
            "form| line {line:d} is not a SHA-256 and a name, as sha256sum writes them\n"
            "refused| line {line:d} is refused: {why}\n"
            "itself| line {line:d} names the folder itself\n"
            "twice| line {line:d} names '{file}' for the second time\n"
            "many| it names more than {files:d} files\n"
            "none| it names no file",
            "The list of checksums is none that can be relied on, so nothing is taken for good.",
            "Fetch the list again, or make it anew: sha256sum FILES >SHA256SUMS."},
    message{"package.record", pull_reader,
            "damaged| the record of an import is damaged\n"
            "newer| a newer version of Corral wrote the record of an import\n"
            "unreadable| the record of an import, '{file}', can't be read: {why}\n"
            "unusable| the record of an import, '{file}', can't be used{>: }",
            "Changes of the package since its import can't be detected.",
            "Run 'corral import --force DIR' once more."},
    message{"package.script", pull_reader,
            "large| line 1: more than 1 MiB: is it a run script?\n"
            "words| line {line:d}: more than {words:d} words: is it a run script?\n"
            "word| line {line:d}: a word of more than {bytes:d} bytes\n"
            "values| line {line:d}: its variables put more than {bytes:d} bytes into the script\n"
            "zero| line {line:d}: a zero byte: it is not text\n"
            "pipe| line {line:d}: a pipe or an '||': what runs is known only when the script runs\n"
            "function| line {line:d}: a function or a sub-shell, which only a run could follow\n"
            "input| line {line:d}: text in the script for a program's input, which only a run could follow\n"
            "single| line {line:d}: a ' without its end\n"
            "double| line {line:d}: a \" without its end\n"
            "output| line {line:d}: the output of another command, which is known only when the script runs\n"
            "follows| line {line:d}: '{word}': what follows is known only when the script runs",
            "The vendor's run script does more than name a program and its options, so they can't be read "
            "from it.",
            "Write a manifest by hand (docs/manifests.md)."},
    message{"package.modules", pull_reader,
            "venv| '{command}' could not be started. Install Python's venv: sudo apt install python3-venv.\n"
            "offline| '{command}' reached no package index. On a machine with a network run 'pip download -d "
            "wheels {modules}', bring the folder here, and import again with PIP_NO_INDEX=1 and "
            "PIP_FIND_LINKS=/path/to/wheels.\n"
            "late| '{command}' did not end in its time, or was killed.\n"
            "failed| '{command}' failed. It said: {words}",
            "Python packages that the model's tokenizer needs were not installed.",
            "Do what the sentence says, then import again."},
    message{"pull.went-back", pull_reader,
            "before| {model} is served from the previous revision: with the new one it is not ready, {why}\n"
            "no-import| the new revision is not a model\n"
            "stopped| the update was stopped while {model} was loaded with it; the revision before serves\n"
            "not-back| with the new revision {model} is not ready, {why}; the revision before can't be put "
            "back: {problem}",
            "The new revision was whole, but no model came of it, so the one before took its place again.",
            "Read the reason with 'corral logs --crash'; tell whoever publishes the package, and pull again "
            "later."},
    message{"pull.words", pull_reader,
            "time-wait| '{patience}' is not a valid time to wait for a silent source; write 1s to 1h\n"
            "rate| '{rate}' is not a rate per second; write it as 10MB or 500kB\n"
            "configuration| the configuration can't be read; 'corral check' says what is wrong with it\n"
            "cant-start| the package is in {folder} and has a manifest, but it can't start: {why}\n"
            "not-taken| the package is in {folder} and has a manifest, but the running Corral did not accept "
            "it: {why}\n"
            "no-model| the package is in {folder}, but it is not a model yet: {why}",
            "The words of the command, or what import says of the package.",
            "Read 'corral help pull', or run 'corral import DIR'."},
};

}  // namespace corral::core::messages
