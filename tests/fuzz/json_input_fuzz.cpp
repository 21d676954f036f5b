// A request's body: what the reader makes of it can be written and read again, and it takes whatever is JSON.

#include "api/json/json_input.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto tree = api::read_json(body);
    if (tree) {
        const std::string written = tree->dump();
        const auto again = api::read_json(written);
        tests::demand(again.has_value(), "what was read can be read again");
        tests::demand(*again == *tree && again->dump() == written, "reading again gives the same");
    } else {
        tests::demand(!tree.error().message.empty(), "a failure says why");
        const bool bounded = tree.error().code == core::make_error_code(core::errc::limit_exceeded);
        tests::demand(bounded || !nlohmann::ordered_json::accept(body), "what is JSON is read");
    }
    const api::json_limits narrow{.depth = 3, .values = 10, .members = 2};
    const auto small = api::read_json(body, narrow);
    tests::demand(!small || tree, "narrow bounds take nothing that wide ones refuse");
    // What is too deep is not there; all else is the same.
    const api::json_limits skipping{.depth = 3, .skipped_depth = 8};
    const auto kept = api::read_json(body, skipping);
    if (kept && tree && kept->is_object()) {
        for (const auto& [key, value] : kept->items()) {
            tests::demand(api::is_too_deep(value) || tree->at(key) == value, "what is kept is as it was");
        }
    }
    return 0;
}
