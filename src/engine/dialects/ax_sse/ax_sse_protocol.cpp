#include "engine/dialects/ax_sse/ax_sse_protocol.hpp"

#include <algorithm>
#include <charconv>

#include "corral/core/say.hpp"
#include "engine/sticky_sampling_policy.hpp"
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

namespace {

// The server answers its "LLM is running" in two spellings.
bool is_busy_sentence(std::string_view sentence) {
    constexpr std::string_view busy = "llm is running";
    return std::equal(sentence.begin(), sentence.end(), busy.begin(), busy.end(), [](char said, char meant) {
        return (said >= 'A' && said <= 'Z' ? static_cast<char>(said - 'A' + 'a') : said) == meant;
    });
}

// What an older build (0aafb9c) says to a list of messages: it takes one object, and keeps the history of its
// clients. Its reset is queued, skipped without a word when a prompt follows too soon, and can't be seen.
bool is_older_build(unsigned status, std::string_view sentence) {
    return status == 400 && sentence == "Invalid request format";
}

}  // namespace

core::result<streaming::stream_request> ax_sse_protocol::request_for(const run_spec& spec) const {
    if (spec.prompt.verbatim) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    nlohmann::json body = nlohmann::json::object();
    body["model"] = traits_.model_name;
    body["stream"] = traits_.streams;
    nlohmann::json& messages = body["messages"] = nlohmann::json::array();
    const std::vector<chat::role_text> spliced{{"system", spec.prompt.system}, {"user", spec.prompt.turns}};
    for (const chat::role_text& turn : spec.prompt.messages.empty() ? spliced : spec.prompt.messages) {
        messages.push_back({{"role", turn.role}, {"content", turn.text}});
    }
    write_sampling(body, complete_sampling(spec.sampling, defaults_, vocabulary_));
    if (const auto added = streaming::add_profile_fields(body, traits_, spec.prompt); !added) {
        return added.error();
    }
    return streaming::stream_request{traits_.chat_target, streaming::body_bytes(body), {}};
}

std::unique_ptr<streaming::answer_reader> ax_sse_protocol::reader(const run_spec& /*what*/) const {
    return std::make_unique<ax_sse_reader>();
}

streaming::stated_sizes ax_sse_protocol::sizes_in_line(std::string_view line) const {
    constexpr std::string_view key = "]: max_token_len : ";
    const std::size_t at = line.find("Init][") == std::string_view::npos ? line.npos : line.find(key);
    streaming::stated_sizes out;
    if (at != std::string_view::npos) {
        const std::string_view rest = line.substr(at + key.size());
        const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), out.context);
        out.context = read.ec == std::errc() ? out.context : 0;
    }
    return out;
}

streaming::error_part ax_sse_protocol::error_of(unsigned status, std::string_view body) const {
    streaming::error_part out{.status = status, .message = streaming::sentence_of_error(body)};
    const auto& busy = traits_.busy_statuses;
    out.busy = std::find(busy.begin(), busy.end(), status) != busy.end() && is_busy_sentence(out.message);
    if (is_older_build(status, out.message)) {
        out.message =
            "This build of the runtime takes one message and keeps the conversations of its clients, and its "
            "reset can get lost unseen, so Corral does not drive it; use a build of commit 355e18a or later";
    }
    return out;
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    auto traits = streaming::expanded_traits(model);
    if (!traits) {
        return traits.error();
    }
    std::unique_ptr<streaming::stream_protocol> made =
        std::make_unique<ax_sse_protocol>(std::move(*traits), model.sampling, model.context.vocabulary);
    return made;
}

}  // namespace corral::engine::ax_sse
