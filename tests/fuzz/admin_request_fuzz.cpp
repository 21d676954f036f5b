// A line of the admin socket is an object of harmless depth, or a sentence for the asker.

#include "corral/control/admin_request.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input from(data, size);
    const std::size_t depth = from.choice() % 40;
    const auto asked = control::read_admin_request(from.rest(), depth);
    if (!asked) {
        tests::demand(!asked.error().message.empty(), "a failure says why");
        return 0;
    }
    tests::demand(asked->is_object(), "a request is an object");
    const std::string written = asked->dump(-1, ' ', false, control::admin_json::error_handler_t::replace);
    tests::demand(control::read_admin_request(written, depth).has_value(), "what was read can be read again");
    // As every verb looks at it.
    static_cast<void>(asked->value("allow_empty", control::admin_json(false)) == true);
    static_cast<void>(
        control::admin_refusal(written).dump(-1, ' ', false, control::admin_json::error_handler_t::replace));
    return 0;
}
