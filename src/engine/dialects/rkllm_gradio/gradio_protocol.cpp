#include "engine/dialects/rkllm_gradio/gradio_protocol.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "engine/dialects/rkllm_gradio/gradio_reader.hpp"
#include "engine/streaming/event_answer.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::rkllm_gradio {

namespace {

constexpr std::string_view newer_prefix = "/gradio_api";
constexpr std::size_t longest_event = 64;
constexpr unsigned ok = 200;
constexpr unsigned not_found = 404;

// It becomes a part of a path.
bool is_event(std::string_view name) {
    return !name.empty() && name.size() <= longest_event && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
}

bool go_on(http::stream_call& call, unsigned status, std::string_view body) {
    if (status == not_found && call.target.starts_with(newer_prefix)) {
        call.target.erase(0, newer_prefix.size());
        return true;
    }
    if (status != ok || streaming::values_in(body) > 2) {
        return false;
    }
    const nlohmann::json reply = core::parse_json(body);
    const std::string event = reply.is_object() ? streaming::text_in(reply, "event_id") : std::string();
    if (!is_event(event)) {
        return false;
    }
    call.method = "GET";
    call.target += "/" + event;
    call.body.clear();
    return true;
}

}  // namespace

core::result<streaming::stream_request> gradio_protocol::request_for(const run_spec& spec) const {
    if (spec.prompt.verbatim) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    std::string text = streaming::single_message(spec.prompt);
    std::erase(text, '\0');  // it would end the C string that the library gets
    const nlohmann::json turn = nlohmann::json::array({text, nullptr});
    nlohmann::json body = nlohmann::json::object();
    body["data"] = nlohmann::json::array({nlohmann::json::array({turn})});
    return streaming::stream_request{traits_.chat_target, streaming::body_bytes(body), {}};
}

streaming::next_call gradio_protocol::next() const {
    return &go_on;
}

std::unique_ptr<streaming::answer_reader> gradio_protocol::reader(const run_spec& /*what*/) const {
    return std::make_unique<gradio_reader>();
}

streaming::error_part gradio_protocol::error_of(unsigned status, std::string_view body) const {
    return {.status = status, .message = streaming::sentence_of_error(body), .context = std::nullopt};
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    std::unique_ptr<streaming::stream_protocol> made =
        std::make_unique<gradio_protocol>(model.runtime.traits);
    return made;
}

}  // namespace corral::engine::rkllm_gradio
