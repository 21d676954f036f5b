#include "engine/dialects/openai_sse/openai_reader.hpp"

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/core/utf8.hpp"
#include "engine/streaming/request_fields.hpp"
#include "engine/streaming/stated_logprobs.hpp"

namespace corral::engine::openai_sse {

namespace {

using nlohmann::json;
using streaming::answer_part;
using streaming::text_in;

constexpr core::milliseconds millisecond{1};

void take_llama_timings(const json& event, std::vector<answer_part>& out) {
    const auto timings = event.find("timings");
    if (timings == event.end() || !timings->is_object()) {
        return;
    }
    streaming::stages_part part;
    part.stages.prefill = core::stated_span(*timings, "prompt_ms", millisecond);
    part.stages.decode = core::stated_span(*timings, "predicted_ms", millisecond);
    out.emplace_back(part);
}

// How far it has read the prompt, before the first text.
void take_llama_progress(const json& event, std::vector<answer_part>& out) {
    const auto progress = event.find("prompt_progress");
    if (progress != event.end() && progress->is_object()) {
        const std::uint32_t total = core::stated_count(*progress, "total").value_or(0);
        if (total > 0) {
            out.emplace_back(
                streaming::prompt_part{total, core::stated_count(*progress, "cache").value_or(0)});
        }
    }
}

void take_step_timings(const json& event, std::vector<answer_part>& out) {
    const auto steps = event.find("decode_time_arr");
    if (!event.contains("prefill_time") && steps == event.end()) {
        return;
    }
    streaming::stages_part part;
    part.stages.prefill = core::stated_span(event, "prefill_time", millisecond);
    if (steps != event.end() && steps->is_array()) {
        constexpr auto in_a_millisecond = static_cast<double>(core::nanoseconds(millisecond).count());
        core::nanoseconds all{0};
        for (const json& step : *steps) {
            const auto took = core::stated_number(step, core::longest_stated.count(), in_a_millisecond);
            all = core::sum_of(all, core::nanoseconds(took.value_or(0)));
        }
        part.stages.decode = all;
    }
    out.emplace_back(part);
}

bool is_failure(const json& event) {
    const auto error = event.find("error");
    if (error != event.end() && !error->is_null()) {
        return true;
    }
    const bool told = event.contains("detail") || event.contains("message");
    return text_in(event, "object") == "error" || (told && !event.contains("choices"));
}

// Stands in JSON as it is.
bool is_plain(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = core::character_length(text);
        const bool special =
            static_cast<unsigned char>(text.front()) < 0x20 || text.front() == '"' || text.front() == '\\';
        if (length == 0 || special) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace

void text_frame::learn(std::string_view event, std::string_view text) {
    before_.clear();
    const std::string quoted = '"' + std::string(text) + '"';
    const std::size_t at = event.find(quoted);
    if (!is_plain(text) || at == std::string_view::npos ||
        event.find(quoted, at + 1) != std::string_view::npos) {
        return;
    }
    std::string_view name = event.substr(0, at);
    name.remove_suffix(name.ends_with(' ') ? 1 : 0);
    for (const std::string_view known :
         {R"("content":)", R"("text":)", R"("reasoning_content":)", R"("reasoning":)"}) {
        if (name.ends_with(known)) {
            before_ = event.substr(0, at + 1);
            after_ = event.substr(at + 1 + text.size());
        }
    }
}

std::string_view text_frame::text_of(std::string_view event) const noexcept {
    if (before_.empty() || event.size() <= before_.size() + after_.size() || !event.starts_with(before_) ||
        !event.ends_with(after_)) {
        return {};
    }
    event.remove_prefix(before_.size());
    event.remove_suffix(after_.size());
    return is_plain(event) ? event : std::string_view();
}

streaming::error_part error_in(std::string_view body) {
    streaming::error_part out;
    out.message = streaming::sentence_of_error(body);
    while (out.message.ends_with('.')) {
        out.message.pop_back();
    }
    const json whole = core::parse_json(body);
    const bool nested = whole.is_object() && whole.contains("error");
    out.context = streaming::context_refusal_in(nested ? whole["error"] : whole, out.message);
    return out;
}

bool openai_reader::take_unparsed(std::string_view data, std::vector<answer_part>& out) {
    const std::string_view text = frame_.text_of(data);
    if (text.empty()) {
        return false;
    }
    if (frame_thinks_) {
        out.emplace_back(streaming::thinking_part{std::string(text)});
    } else {
        out.emplace_back(streaming::text_part{std::string(text)});
    }
    return true;
}

void openai_reader::learn(std::string_view data, const answer_part& said) {
    if (const auto* text = std::get_if<streaming::text_part>(&said)) {
        frame_.learn(data, text->text);
        frame_thinks_ = false;
    } else if (const auto* thinking = std::get_if<streaming::thinking_part>(&said)) {
        frame_.learn(data, thinking->text);
        frame_thinks_ = true;
    }
}

core::result<void> openai_reader::take(const json& event, const std::string& data,
                                       std::vector<answer_part>& out) {
    const std::size_t before = out.size();
    if (is_failure(event)) {
        out.emplace_back(error_in(data));
        return {};
    }
    const auto choices = event.find("choices");
    const auto usage = event.find("usage");
    const bool has_usage = usage != event.end() && usage->is_object();
    // Before the text of the same event, which may be the last that is wanted.
    if (has_usage) {
        const auto details = usage->find("prompt_tokens_details");
        const bool detailed = details != usage->end() && details->is_object();
        out.emplace_back(
            streaming::usage_part{core::stated_count(*usage, "prompt_tokens").value_or(0),
                                  core::stated_count(*usage, "completion_tokens").value_or(0),
                                  detailed ? core::stated_count(*details, "cached_tokens").value_or(0) : 0});
    }
    if (choices != event.end() && choices->is_array()) {
        for (const json& choice : *choices) {
            if (choice.is_object()) {
                take_choice(choice, out);
            }
        }
    } else if (!has_usage) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/runtime-sent"));
    }
    if (timings_ == catalog::timing_source::llama_cpp) {
        take_llama_progress(event, out);
        take_llama_timings(event, out);
    } else if (timings_ == catalog::timing_source::mindie) {
        take_step_timings(event, out);
    }
    if (!cumulative_ && out.size() == before + 1) {
        learn(data, out.back());
    }
    return {};
}

void openai_reader::take_choice(const json& choice, std::vector<answer_part>& out) {
    if (const auto raw = choice.find("logprobs"); top_logprobs_ && raw != choice.end() && raw->is_object()) {
        auto tokens = raw->contains("content") ? streaming::logprobs_in((*raw)["content"], *top_logprobs_)
                                               : streaming::completion_logprobs_in(*raw, *top_logprobs_);
        out.emplace_back(streaming::logprobs_part{std::move(tokens)});
    }
    for (const char* key : {"delta", "message"}) {
        const auto message = choice.find(key);
        if (message == choice.end() || !message->is_object()) {
            continue;
        }
        for (const char* const name : {"reasoning_content", "reasoning"}) {  // vLLM's since 2026
            if (auto thinking = text_in(*message, name); !thinking.empty()) {
                out.emplace_back(streaming::thinking_part{std::move(thinking)});
                break;
            }
        }
        take_text(text_in(*message, "content"), out);
    }
    take_text(text_in(choice, "text"), out);
    streaming::take_finish(choice, out);
}

void openai_reader::take_text(std::string text, std::vector<answer_part>& out) {
    if (text.empty()) {
        return;
    }
    if (cumulative_) {
        if (!text.starts_with(seen_text_)) {
            return;  // an older state of it, or the empty text of a last event
        }
        std::string fresh = text.substr(seen_text_.size());
        seen_text_ = std::move(text);
        text = std::move(fresh);
        if (text.empty()) {
            return;
        }
    }
    out.emplace_back(streaming::text_part{std::move(text)});
}

}  // namespace corral::engine::openai_sse
