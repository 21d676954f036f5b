// Any bytes are a ring of keys or complaints with their lines; a name is in it once, and no key but its own opens.

#include <set>

#include "corral/config/key_ring.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto read = config::key_ring::parse(text, "keys");
    tests::demand(read.value.has_value() == read.errors.empty(), "a ring, or errors");
    for (const auto& wrong : read.errors) {
        tests::demand(!wrong.message.empty() && wrong.line > 0, "a complaint has its line");
    }
    if (!read.value) {
        return 0;
    }
    std::set<std::string> names;
    for (const auto& each : read.value->all()) {
        tests::demand(config::is_key_name(each.name), "a name is one");
        tests::demand(names.insert(each.name).second, "a name is there once");
        tests::demand(read.value->find(each.name) == nullptr, "a name opens nothing");
    }
    tests::demand(read.value->find("") == nullptr, "no key opens nothing");
    static_cast<void>(read.value->find(text));
    return 0;
}
