#include "engine/dialects/rkllm_flask/flask_protocol.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "engine/dialects/rkllm_flask/flask_reader.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::rkllm_flask {

namespace {

// The server hands the text on as a C string, which a NUL would end.
std::string without_nul(std::string text) {
    std::erase(text, '\0');
    return text;
}

}  // namespace

core::result<streaming::stream_request> flask_protocol::request_for(const run_spec& spec) const {
    if (spec.prompt.verbatim) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    nlohmann::json body = nlohmann::json::object();
    body["messages"] = nlohmann::json::array(
        {{{"role", "user"}, {"content", without_nul(streaming::single_message(spec.prompt))}}});
    body["stream"] = traits_.streams;
    if (const auto added = streaming::add_profile_fields(body, traits_, spec.prompt); !added) {
        return added.error();
    }
    return streaming::stream_request{traits_.chat_target, streaming::body_bytes(body), {}};
}

std::unique_ptr<streaming::answer_reader> flask_protocol::reader(const run_spec& /*what*/) const {
    return std::make_unique<flask_reader>(traits_.cumulative);
}

streaming::error_part flask_protocol::error_of(unsigned status, std::string_view body) const {
    const auto& busy = traits_.busy_statuses;
    return {.status = status,
            .message = streaming::sentence_of_error(body),
            .context = std::nullopt,
            .busy = std::find(busy.begin(), busy.end(), status) != busy.end()};
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    std::unique_ptr<streaming::stream_protocol> made = std::make_unique<flask_protocol>(model.runtime.traits);
    return made;
}

}  // namespace corral::engine::rkllm_flask
