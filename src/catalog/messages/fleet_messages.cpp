#include "corral/catalog/message.hpp"

#include <array>

namespace corral::catalog {

namespace {

constexpr auto fleet_reader = message_reader::operators;

constexpr std::array fleet_table{
    message{
        "fleet.boxes-file", fleet_reader,
        "there is no box; write a table [[box]] with name and address for each, or [discover] to find them\n"
        "there are more than … boxes; give them several edges, with a file each\n"
        "'…' is the … of the box in line … already; each box has its own\n"
        "'…' must not hold quotes or control characters; rename the file\n"
        "'…' is not the name of a model; write it as 'corral list' does\n"
        "'…' needs 'tls = true' in the same …\n"
        "[discover] needs either 'srv' with a name or 'mdns = true'\n"
        "'resolver' is for 'srv': mDNS asks all of the network\n"
        "'key_file' with 'mdns' needs 'tls' and 'ca_file', or anybody in the network could get the key\n"
        "'mdns' with 'key_variable' of [edge] needs 'tls' and 'ca_file', or anybody in the network could get "
        "the edge's key\n"
        "'resolver' must be an IPv4 address with a port, such as \"127.0.0.1:8600\"\n"
        "'tls' with an IP address needs 'ca_file', or the name of the host in 'address'\n"
        "'key_variable' must be the name of an environment variable, such as CORRAL_EDGE_KEY\n"
        "'key_variable' needs 'keys': the edge has a key of its own only where it checks those of clients",
        "The list of boxes has a mistake at the place that is named.",
        "Mend the line; docs/fleet.md has a table of all keys."},
    message{"fleet.no-models", fleet_reader,
            "box '…' has no list of models; give it 'models', or let it be asked by --ask\n"
            "it does not tell its models: …; see that it runs, or give it 'models' in the list of boxes",
            "The edge routes by model, so it has to know which box serves which.",
            "Write 'models' in the [[box]], or run 'corral fleet render --ask' while all boxes are up."},
    message{"fleet.not-written", fleet_reader,
            "can't write all of it to standard output; see whether the disk is full",
            "The text that was printed is not whole.", "Make room, and run the command again."},
    message{
        "fleet.haproxy-away", fleet_reader,
        "HAProxy can't be asked at …: …; see that it runs with the configuration of 'corral fleet render', "
        "and that this user may use its socket\n"
        "'lists' of [edge] is no ADDRESS:PORT: …",
        "HAProxy goes on with what it was told last; models and boxes that come or go are not heard of.",
        "Start HAProxy with what 'corral fleet render' writes, and run 'corral fleet sync' as the owner of "
        "'socket'."},
    message{"fleet.discovery", fleet_reader,
            "can't find out which boxes … names: …\n"
            "the answer of the DNS server …\n"
            "DNS knows no box by the name …; see that its SRV records are there\n"
            "no box announces itself by mDNS in this network; see that each has Avahi with a service "
            "_corral._tcp\n"
            "the found host … has a name of more than … characters; list it as a [[box]]",
            "The boxes of [discover] are not known now; sync goes on with those that it found last.",
            "Ask the DNS server yourself, such as 'dig SRV _corral._tcp.example.net', and mend its records "
            "or 'resolver'."},
    message{"fleet.trouble", fleet_reader, "the fleet has trouble: …",
            "A box, HAProxy or the list of the boxes could not be read; the routes stay as they were.",
            "Mend what is named; the log says when it is well again."},
    message{"fleet.render-again", fleet_reader,
            "HAProxy can't be kept right as it runs: …\n"
            "HAProxy refuses '…': …; render its configuration again and reload it",
            "Some changes can't be made while HAProxy runs: backends, for one, are only read at its start.",
            "Run 'corral fleet render --ask boxes.toml' into its configuration, then 'systemctl reload "
            "haproxy'."},
    message{"fleet.upgrade-stopped", fleet_reader,
            "…; nothing was begun\n"
            "the list has no box '…'\n"
            "it does not answer: …\n"
            "it is drained already; 'corral undrain' there, or leave it out\n"
            "it could not be drained: …\n"
            "it could not be emptied within …: …\n"
            "it is not drained any more, and nothing on it was changed\n"
            "the command failed: …\n"
            "it did not serve again within …: …\n"
            "it could not be undrained: …",
            "The upgrade of a fleet stops at the first box that fails; the others are as they were, or done.",
            "Mend that box, take back its drain where it is left drained, and run the command again with "
            "--box for "
            "those that are not done."},
};

}  // namespace

std::span<const message> fleet_messages() {
    return fleet_table;
}

}  // namespace corral::catalog
