// A list of boxes is read or refused with a place; what it makes of HAProxy's configuration has no line of the list's own making.

#include <set>
#include <sstream>

#include "corral/boxes/boxes_file.hpp"
#include "corral/boxes/haproxy.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;

bool is_known(const std::string& word) {
    static const std::set<std::string> words{"#",
                                             "global",
                                             "log",
                                             "user",
                                             "group",
                                             "chroot",
                                             "stats",
                                             "maxconn",
                                             "defaults",
                                             "mode",
                                             "option",
                                             "retries",
                                             "retry-on",
                                             "timeout",
                                             "frontend",
                                             "bind",
                                             "backend",
                                             "balance",
                                             "http-check",
                                             "http-request",
                                             "http-response",
                                             "server",
                                             "server-template",
                                             "nameserver",
                                             "accepted_payload_size",
                                             "mworker-max-reloads",
                                             "http-error",
                                             "acl",
                                             "hash-type",
                                             "use_backend",
                                             "default-server",
                                             "capture",
                                             "resolvers",
                                             "hold",
                                             "tune.bufsize",
                                             "default_backend",
                                             "unique-id-format",
                                             "parse-resolv-conf",
                                             "hash-balance-factor",
                                             "ssl-default-bind-options"};
    return words.contains(word);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    boxes::boxes_reading read = boxes::parse_boxes(text, "boxes.toml", "/etc/corral");
    tests::demand(read.value.has_value() == read.errors.empty(), "a list, or what is wrong with it");
    if (!read.value || read.value->boxes.empty()) {
        return 0;
    }
    for (boxes::box_entry& box : read.value->boxes) {
        if (!box.models) {
            box.models = {"sim:latest"};
        }
    }
    const auto rendered = boxes::render_haproxy(*read.value, {});
    tests::demand(bool(rendered), "a good list makes a configuration");
    std::istringstream lines(*rendered);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string first;
        tests::demand(!(words >> first) || is_known(first), "each line begins with a word of HAProxy's");
    }
    return 0;
}
