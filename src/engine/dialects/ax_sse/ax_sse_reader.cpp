#include "engine/dialects/ax_sse/ax_sse_reader.hpp"

#include <utility>

#include "corral/core/say.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::ax_sse {

namespace {

using nlohmann::json;
using streaming::answer_part;

void take_choice(const json& choice, std::vector<answer_part>& out) {
    for (const char* key : {"delta", "message"}) {
        const auto message = choice.find(key);
        if (message == choice.end() || !message->is_object()) {
            continue;
        }
        if (std::string content = streaming::text_in(*message, "content"); !content.empty()) {
            out.emplace_back(streaming::text_part{std::move(content)});
        }
    }
    streaming::take_finish(choice, out);
}

}  // namespace

core::result<void> ax_sse_reader::take(const json& event, const std::string& data,
                                       std::vector<answer_part>& out) {
    if (event.contains("error")) {
        out.emplace_back(streaming::error_part{.message = streaming::sentence_of_error(data)});
        return {};
    }
    const auto choices = event.find("choices");
    if (choices == event.end() || !choices->is_array()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/runtime-sent"));
    }
    for (const json& choice : *choices) {
        if (choice.is_object()) {
            take_choice(choice, out);
        }
    }
    return {};
}

}  // namespace corral::engine::ax_sse
