#include "corral/catalog/message.hpp"

#include <array>

namespace corral::catalog {

namespace {

constexpr auto pull_reader = message_reader::operators;

constexpr std::array pull_table{
    message{
        "pull.name", pull_reader,
        "'…' names no package: …; write …\n"
        "'…' is a name for the catalogue\n"
        "the source's address is no address of the web",
        "What was typed after corral pull is no source, or its address is none.",
        "Write hf.co/OWNER/REPO, https://HOST/FOLDER/, file:///FOLDER, or a name that corral search lists."},
    message{"pull.library", pull_reader,
            "libcurl is not installed, and nothing can be fetched without it; install it: sudo apt install "
            "libcurl4 "
            "ca-certificates\n"
            "libcurl has no memory for a request; make some free",
            "The library that fetches is missing, or has no memory.",
            "Run 'sudo apt install libcurl4 ca-certificates'."},
    message{"pull.certificate", pull_reader,
            "the certificate of '…' is not one that this machine trusts; see the machine's clock and "
            "'ca-certificates', or name the file of certificates in the variable SSL_CERT_FILE",
            "Nobody that this machine trusts vouches for the source, so nothing was taken from it.",
            "Look at the clock by 'date', run 'sudo apt install ca-certificates'; behind a proxy that opens "
            "TLS, name its certificate in SSL_CERT_FILE."},
    message{
        "pull.led-elsewhere", pull_reader,
        "'…' leads to …, an address inside of this network, and the source is outside of it; nothing is "
        "asked "
        "there, so tell whoever runs the source\n"
        "'…' sends us from one address to the next more than … times; its way to the file is a circle, so "
        "ask "
        "again later\n"
        "'…' sends us to '…' without TLS, where anybody could change what comes; nothing is taken from "
        "there, so "
        "tell whoever runs the source",
        "The source sent us where nothing is fetched from: into this network, out of TLS, or in a circle.",
        "Tell whoever runs the source; a mirror of one's own network is named in endpoint of [pull]."},
    message{
        "pull.proxy", pull_reader,
        "the proxy lets nothing through to '…' (…); …\n"
        "the name of the proxy can't be resolved; see the variables https_proxy, http_proxy and all_proxy",
        "The proxy that the environment names is not found, or refuses the way to the source.",
        "Look at 'env | grep -i proxy'; a service has its variables by 'systemctl edit corral', "
        "[Service] Environment=."},
    message{"pull.refused", pull_reader, "the source refuses …",
            "The source answered, and does not give what was asked for. What has come is kept.",
            "See the name and its page at the source; for a model that asks for consent a token in "
            "token_file of [pull]."},
    message{"pull.cut", pull_reader,
            "… can't be fetched, …; what has come is kept, so see the network, and pull again to go on\n"
            "… can't be fetched, …; see the network and the name, and ask again\n"
            "the answer ended early\n"
            "the source does not have the part of the file that was asked for",
            "The connection was cut or silent eight times one after another. What has come is kept.",
            "See the network, then the same command once more."},
    message{"pull.stopped", pull_reader,
            "the pull was stopped; what has come is kept, and the same command goes on with it",
            "Somebody stopped it.", "Run the same command again: it goes on where it stopped."},
    message{
        "pull.lies", pull_reader,
        "the file … came whole more than once, and it is not the one that its list promises; nothing of it "
        "is "
        "kept, so tell whoever publishes the package, or try another network\n"
        "the file … can't be fetched: …; nothing of it is kept, so tell whoever runs the source\n"
        "the source sends …\n"
        "the source's file '…' has another … than the catalogue states; the catalogue may be older than the "
        "package, or the source is not to be trusted",
        "What came is not what was promised, so it was thrown away.",
        "Try again from another network; then tell whoever publishes the package."},
    message{
        "pull.list", pull_reader,
        "the hub's list of files can't be read: …; ask again later, or see whether 'endpoint' of [pull] is a "
        "hub\n"
        "the hub's list of files leads away from it or never ends; see whether 'endpoint' of [pull] is a "
        "hub\n"
        "the source sends more than a list may have for …; see whether it is what it should be\n"
        "the source has no file '…', which the catalogue names; the package may have changed, so see whether "
        "there is a newer catalogue\n"
        "the source has no file that is wanted; see its page for what it holds\n"
        "'…' is in the list SHA256SUMS and is no file there; the copy is not whole, so make it again\n"
        "can't read '…': …; a folder to pull from needs such a list: sha256sum writes it\n"
        "a source of an unknown kind",
        "The source's list of files is none, or not that of this package.",
        "See the source's page; endpoint of [pull] or HF_ENDPOINT must be a hub."},
    message{
        "pull.bad-package", pull_reader,
        "the package's file '…' is refused: …; tell whoever publishes the package, and take another\n"
        "the package has more than … files, which no package of a model has; take another, or a part of it "
        "by "
        "--include\n"
        "the package says that it is larger than 4 TB, which no model is; the source's list is wrong, so "
        "take "
        "another\n"
        "the repository … has more than … files, which no package of a model has; take another",
        "A name in the package's list would harm this machine, or there are too many. Nothing was fetched.",
        "Take another package, or a part of it by --include."},
    message{"pull.room", pull_reader,
            "the disk of '…' has no room for the package: … are still to come, … are free, … are missing…\n"
            "the quota of [pull] has no room for the package: … are still to come, … of … are taken…\n"
            "the disk is full while … is written; what has come is kept, so make room and pull again",
            "The package does not fit. What has come is kept.",
            "Remove what nobody needs by 'corral rm --files', name a larger disk as directory of [pull], or "
            "raise its quota."},
    message{"pull.disk", pull_reader,
            "the disk fails while … is written (…); see 'dmesg' for what is wrong with it\n"
            "can't … …: …; see who owns the folder 'directory' of [pull]\n"
            "can't copy '…': …; make room, and pull again\n"
            "can't read '…': …; see whether the disk is still there, and pull again\n"
            "…a file can't be fetched: …",
            "The folder of the packages can't be written to, or its disk fails.",
            "Look at that folder by 'ls -ld': it must belong to the user who pulls; 'dmesg' tells errors of "
            "the disk."},
    message{"pull.in-the-way", pull_reader,
            "'…' is there already, and no pull made it; move it away or import it as it is, or set another "
            "'directory' in [pull]",
            "A folder of the package's name is there, and is somebody's. It was left alone.",
            "Run 'corral import' of that folder, or move it away."},
    message{"pull.token", pull_reader,
            "the hub's token can't be read: …; see 'token_file' of [pull]\n"
            "the file of the hub's token holds more than one word; write the token alone into it, see "
            "'token_file' of "
            "[pull]",
            "The file of the token is no token.",
            "Write the token alone into that file, readable by Corral's user."},
    message{"pull.words", pull_reader,
            "'…' is no time to wait for a silent source; write 1s to 1h\n"
            "the configuration can't be read; 'corral check' says what is wrong with it\n"
            "the package is in … and has a manifest, but it can't start: …\n"
            "the package is in …, but it is no model yet: …",
            "The words of the command, or what import says of the package.",
            "Read 'corral help pull', or run 'corral import DIR'."},
};

}  // namespace

std::span<const message> pull_messages() {
    return pull_table;
}

}  // namespace corral::catalog
