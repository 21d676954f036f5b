#include "corral/catalog/message.hpp"

#include <array>

namespace corral::catalog {

namespace {

constexpr auto command_reader = message_reader::operators;

constexpr std::array command_table{
    message{"command.not-running", command_reader,
            "Corral is not running. Start it: 'corral serve' or 'sudo systemctl start corral'.",
            "No daemon answers in the usual places.",
            "Start it; --verbose names the places that were tried."},
    message{"command.other-daemon", command_reader, "The Corral that runs serves another configuration",
            "A daemon answers, but not that of --config.",
            "corral serve --config FILE, or leave --config out."},
    message{"command.unknown", command_reader,
            "there is no command '…'\n"
            "has no option '…'\n"
            "is a word too many for 'corral…\n"
            "needs one of these words behind it: …\n"
            "model '…' has no service '…'",
            "The word is no command, option or service; the nearest is named.", "corral help"},
    message{"command.no-model-there", command_reader, "there is no model '…' at …",
            "The server that was asked lists other names.", "One of the names behind it."},
    message{"command.key-wanted", command_reader, "it wants a key. Give it by --key-file or OLLAMA_API_KEY.",
            "The server answers nobody without a key.", "--key-file FILE"},
    message{"command.not-trusted", command_reader, "the certificate of … is not trusted: …",
            "Nothing was sent: the server could not prove who it is.",
            "--ca-file FILE with its certificate, for one that is self-signed."},
    message{"configuration.unknown-key", command_reader, "unknown key '…' in …",
            "A word in the file is no key; the nearest is named. At a start nothing is served, at a reload "
            "all stays.",
            "corral check names file, line and column of every mistake."},
    message{"configuration.open-door", command_reader, "without [tls] the API keys cross the network",
            "The keys can be read on the way.", "[tls], or a proxy that speaks it."},
    message{"command.other-user", command_reader, "Corral runs as another user, '…'. Ask it as that one",
            "The admin socket is open to Corral's own user and root.", "sudo corral …"},
    message{"command.socket-off", command_reader, "the configuration switches the admin socket off",
            "admin_socket = \"\" in the file.", "Take it out to be able to ask."},
    message{"command.cant-ask", command_reader, "Corral can't be asked at …",
            "The socket is there, but answers with an error.", "corral doctor"},
    message{"command.already-serves", command_reader, "another Corral… already answers at '",
            "One runs with this socket.", "corral status; corral stop, or another admin_socket."},
    message{"command.not-yes", command_reader, "; say --yes where nobody can be asked",
            "The command would remove something and has no terminal to ask on.", "--yes"},
    message{"command.nothing-to-ask", command_reader,
            "there is nothing to ask: 'corral run MODEL \"question\"'", "Neither words nor input came.",
            "corral run MODEL \"question\""},
    message{"configuration.open-network", command_reader,
            "would let every machine of the network in without a key; …",
            "listen reaches other machines, and no key is asked for. Corral does not start so.",
            "[access] keys, or listen on 127.0.0.1."},
    message{"configuration.no-key", command_reader,
            "holds no key, so nobody gets in; 'corral key new NAME' makes one", "The file of keys is empty.",
            "corral key new NAME"},
    message{"configuration.readable-keys", command_reader,
            "every user of this machine can read or change '…'; chmod o-rw is in order",
            "The file of keys is open.", "chmod o-rw FILE"},
    message{"configuration.certificate-old", command_reader, "expired on …; clients will refuse it",
            "The certificate is over.", "Renew it; it is read again by itself."},
    message{"configuration.not-an-address", command_reader, "is not an address to listen on; write …",
            "listen must be an IP address or localhost, with a port.",
            "corral check names file, line and key."},
    message{"configuration.not-a-name", command_reader,
            "is not a model name; write NAME or NAME:TAG, such as qwen3:4b", "The value can't be meant.",
            "corral check names file, line and key."},
    message{"configuration.cant-claim-tools", command_reader,
            "can't claim 'tools': its family '…' has no form for calling them",
            "The chat family writes no tool calls.", "Another family, or capabilities without tools."},
    message{"configuration.cant-claim-thinking", command_reader,
            "can't claim 'thinking': its family '…' does not write <think>",
            "The chat family writes no thoughts apart.", "Another family, or capabilities without thinking."},
    message{"configuration.keys-kept", command_reader, "the API keys stay as they were: …",
            "A changed file of keys is wrong; the old keys stay in force.",
            "Mend the file; it is read again by itself."},
    message{"configuration.certificate-kept", command_reader, "the TLS certificate stays as it was: …",
            "A changed certificate or key is wrong; the old pair stays in force.",
            "Mend the files; they are read again by themselves."},
};

}  // namespace

std::span<const message> command_messages() {
    return command_table;
}

}  // namespace corral::catalog
