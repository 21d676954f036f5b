#include "engine/dialects/openai_sse/openai_reader.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

namespace corral::engine::openai_sse {

namespace {

using nlohmann::json;
using streaming::answer_part;
using streaming::text_in;

std::uint32_t count_in(const json& from, const char* key) {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_number_unsigned()) {
        return 0;
    }
    const auto value = found->get<std::uint64_t>();
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

std::optional<core::nanoseconds> milliseconds_of(const json& value) {
    constexpr double longest = 1e9;
    if (!value.is_number()) {
        return std::nullopt;
    }
    const double given = value.get<double>();
    if (!std::isfinite(given) || given < 0 || given > longest) {
        return std::nullopt;
    }
    return std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double, std::milli>(given));
}

void take_llama_timings(const json& event, std::vector<answer_part>& out) {
    const auto timings = event.find("timings");
    if (timings == event.end() || !timings->is_object()) {
        return;
    }
    streaming::stages_part part;
    part.stages.prefill = milliseconds_of(timings->value("prompt_ms", json()));
    part.stages.decode = milliseconds_of(timings->value("predicted_ms", json()));
    out.emplace_back(part);
}

void take_step_timings(const json& event, std::vector<answer_part>& out) {
    const auto prefill = event.find("prefill_time");
    const auto steps = event.find("decode_time_arr");
    if (prefill == event.end() && steps == event.end()) {
        return;
    }
    streaming::stages_part part;
    if (prefill != event.end()) {
        part.stages.prefill = milliseconds_of(*prefill);
    }
    if (steps != event.end() && steps->is_array()) {
        core::nanoseconds all{0};
        for (const json& step : *steps) {
            all += milliseconds_of(step).value_or(core::nanoseconds{0});
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
    return text_in(event, "object") == "error" || (event.contains("detail") && !event.contains("choices"));
}

}  // namespace

core::result<void> openai_reader::take(const json& event, const std::string& data,
                                       std::vector<answer_part>& out) {
    if (is_failure(event)) {
        out.emplace_back(error_in(data));
        return {};
    }
    const auto choices = event.find("choices");
    const auto usage = event.find("usage");
    const bool has_usage = usage != event.end() && usage->is_object();
    if (choices != event.end() && choices->is_array()) {
        for (const json& choice : *choices) {
            if (choice.is_object()) {
                take_choice(choice, out);
            }
        }
    } else if (!has_usage) {
        return core::make_failure(core::errc::protocol, "The runtime sent an event without \"choices\".");
    }
    if (has_usage) {
        out.emplace_back(
            streaming::usage_part{count_in(*usage, "prompt_tokens"), count_in(*usage, "completion_tokens")});
    }
    if (timings_ == catalog::timing_source::llama_cpp) {
        take_llama_timings(event, out);
    } else if (timings_ == catalog::timing_source::mindie) {
        take_step_timings(event, out);
    }
    return {};
}

void openai_reader::take_choice(const json& choice, std::vector<answer_part>& out) {
    for (const char* key : {"delta", "message"}) {
        const auto message = choice.find(key);
        if (message == choice.end() || !message->is_object()) {
            continue;
        }
        if (auto thinking = text_in(*message, "reasoning_content"); !thinking.empty()) {
            out.emplace_back(streaming::thinking_part{std::move(thinking)});
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
