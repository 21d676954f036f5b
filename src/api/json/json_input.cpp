#include "api/json/json_input.hpp"

#include <array>

#include "api/json/json_scanner.hpp"
#include "corral/core/say.hpp"

namespace corral::api {

json_limits request_limits() noexcept {
    constexpr std::size_t any = SIZE_MAX;
    constexpr std::size_t rendered = 20'000;  // goes into the prompt at each attempt
    static constexpr std::array<field_limit, 9> fields{{{"stop", 256, 256},
                                                        {"stop_sequences", 256, 256},
                                                        {"tools", 1'024, rendered},
                                                        {"format", 256, rendered},
                                                        {"response_format", 256, rendered},
                                                        {"output_config", 256, rendered},
                                                        {"tool_calls", 1'024, any},
                                                        {"images", 256, any},
                                                        {"input", 10'000, any}}};
    constexpr std::size_t as_go = 10'000;  // docs/facts/ollama_wire.md#json-input
    json_limits out;
    out.skipped_depth = as_go;
    out.fields = fields;
    return out;
}

core::result<nlohmann::ordered_json> read_json(std::string_view body, const json_limits& limits,
                                               http::memory_charge* memory) {
    json_scanner scanner(body, limits);
    core::result<std::string> repaired = scanner.scan();
    if (!repaired) {
        return repaired.error();
    }
    if (memory != nullptr && !memory->take(scanner.tree_bytes())) {
        return core::make_failure(core::errc::unavailable, core::say("request.no-memory"));
    }
    auto tree = nlohmann::ordered_json::parse(*repaired, nullptr, false);
    if (tree.is_discarded()) {
        // The scanner has accepted the grammar, so what is left is a number beyond a double's range.
        return core::make_failure(core::errc::invalid, core::say("request.wrong-type/json-number"));
    }
    for (const std::string& key : scanner.skipped()) {
        auto& member = tree[nlohmann::json::parse(key).get<std::string>()];
        if (member.is_null()) {  // no other of that name came behind it
            member = nlohmann::ordered_json::binary({});
        }
    }
    return tree;
}

}  // namespace corral::api
