// What stands where a call should: calls are of declared tools and can be written out again, and repairing
// changes nothing that was whole.

#include "chat/answer/tool_filter.hpp"
#include "chat/json/json_search.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    const auto choice = input.choice();
    const auto end = (choice & 1U) != 0 ? chat::text_end::maybe_cut : chat::text_end::certain;
    const chat::call_rules rules{{"f", "get_weather"}, (choice & 2U) != 0};
    for (const auto& call : chat::calls_in(input.rest(), rules, end)) {
        tests::demand(call.name == "f" || call.name == "get_weather", "only declared tools are called");
        tests::demand(call.arguments.is_object(), "arguments are an object");
        tests::demand(!call.arguments.dump().empty(), "arguments can be written");
    }
    const auto tree = chat::read_bounded_json(input.rest());
    if (tree) {
        const auto repaired = chat::repair_json(input.rest(), end);
        tests::demand(repaired && repaired->values.size() == 1, "good JSON needs no repairing");
        tests::demand(chat::read_bounded_json(repaired->values.front()) == tree,
                      "repairing changes no good JSON");
    }
    return 0;
}
