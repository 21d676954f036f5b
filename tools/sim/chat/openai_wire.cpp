#include "chat/openai_wire.hpp"

#include <atomic>
#include <cctype>
#include <ctime>
#include <numeric>
#include <span>
#include <utility>

#include "vocabulary.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

int word_count(const std::string& text) {
    int count = 0;
    bool inside = false;
    for (const char c : text) {
        const bool white = std::isspace(static_cast<unsigned char>(c)) != 0;
        if (!white && !inside) ++count;
        inside = !white;
    }
    return count;
}

double per_second(int count, double ms) {
    return ms > 0 ? count * 1000.0 / ms : 0.0;
}

json timings_of(const run_figures& figures) {
    const double decoding = std::accumulate(figures.decode_ms.begin(), figures.decode_ms.end(), 0.0);
    const auto each = [](double ms, int count) { return count > 0 ? ms / count : 0.0; };
    const int computed = figures.prompt_tokens - figures.cached_tokens;
    return {{"cache_n", figures.cached_tokens},
            {"prompt_n", computed},
            {"prompt_ms", figures.prefill_ms},
            {"prompt_per_token_ms", each(figures.prefill_ms, computed)},
            {"prompt_per_second", per_second(computed, figures.prefill_ms)},
            {"predicted_n", figures.output_tokens},
            {"predicted_ms", decoding},
            {"predicted_per_token_ms", each(decoding, figures.output_tokens)},
            {"predicted_per_second", per_second(figures.output_tokens, decoding)}};
}

}  // namespace

std::string dump_text(const json& body, int indent) {
    return body.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string sse_event(const json& body) {
    return "data: " + dump_text(body) + "\n\n";
}

openai_answer::openai_answer(const openai_wire& wire, bool usage_asked, answer_kind kind)
    : wire_(wire),
      usage_asked_(usage_asked),
      kind_(kind),
      id_(new_id()),
      created_(static_cast<long>(std::time(nullptr))) {}

std::string openai_answer::new_id() const {
    static std::atomic<unsigned> counter{0};
    if (wire_.id_is_time) return wire_.id_prefix + std::to_string(std::time(nullptr));
    char digits[32];
    std::snprintf(digits, sizeof digits, "%08x%016lx", counter.fetch_add(1) + 1,
                  static_cast<unsigned long>(std::time(nullptr)) * 2654435761UL);
    return wire_.id_prefix + digits;
}

json openai_answer::chunk(json delta, json finish) {
    if (wire_.fresh_ids) {
        id_ = new_id();
        created_ = static_cast<long>(std::time(nullptr));
    }
    if (kind_ == answer_kind::completion) {
        return {{"id", id_},
                {"object", "text_completion"},
                {"created", created_},
                {"model", wire_.model},
                {"choices", json::array({{{"index", 0},
                                          {"text", delta.value("content", std::string())},
                                          {"logprobs", nullptr},
                                          {"finish_reason", std::move(finish)}}})}};
    }
    return {
        {"id", id_},
        {"object", "chat.completion.chunk"},
        {"created", created_},
        {"model", wire_.model},
        {"choices",
         json::array({{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}}})}};
}

std::string openai_answer::role() {
    json delta{{"role", "assistant"}};
    if (wire_.role_content == role_text::null) delta["content"] = nullptr;
    if (wire_.role_content == role_text::empty) delta["content"] = "";
    return sse_event(chunk(std::move(delta), nullptr));
}

std::string openai_answer::piece(const std::string& text, const run_figures& prompt) {
    std::string out;
    if (std::exchange(progress_, false)) {
        const bool is_text = kind_ == answer_kind::completion;
        json event = chunk({{"role", "assistant"}, {"content", is_text ? json("") : json()}}, nullptr);
        event["prompt_progress"] = {{"total", prompt.prompt_tokens},
                                    {"cache", prompt.cached_tokens},
                                    {"processed", prompt.prompt_tokens},
                                    {"time_ms", 1}};
        out = sse_event(event);
    }
    so_far_ += text;
    tokens_ += vocabulary::instance().encode_plain(text).size();
    json delta{{"content", wire_.full_text ? so_far_ : text}};
    if (wire_.role_in_each) delta["role"] = "assistant";
    json event = chunk(std::move(delta), nullptr);
    if (likeliest_) event["choices"][0]["logprobs"] = logprobs_of(text);
    if (usage_in_each_) {
        event["usage"] = {{"prompt_tokens", prompt.prompt_tokens},
                          {"completion_tokens", tokens_},
                          {"total_tokens", static_cast<std::size_t>(prompt.prompt_tokens) + tokens_}};
    }
    return out + sse_event(event);
}

json openai_answer::logprobs_of(const std::string& text) const {
    const auto& words = vocabulary::instance();
    const bool flat = wire_.logprobs == logprob_shape::vllm && kind_ == answer_kind::completion;
    json content = json::array();
    json legacy{{"text_offset", json::array()},
                {"token_logprobs", json::array()},
                {"tokens", json::array()},
                {"top_logprobs", json::array()}};
    for (const int id : words.encode_plain(text)) {
        // As likely as its number says; the others are those with the numbers behind it.
        const auto chance = [&](int behind) {
            const int other = id + behind;
            const std::string piece = words.decode(std::span(&other, 1));
            json bytes = json::array();
            for (const char c : piece) bytes.push_back(static_cast<int>(static_cast<unsigned char>(c)));
            json out{{"token", piece}, {"bytes", bytes}, {"logprob", -0.125 * (id % 8) - 0.5 * behind}};
            if (wire_.logprobs == logprob_shape::llama_cpp) out["id"] = other;
            return out;
        };
        json token = chance(0);
        json top = json::array();
        json named = json::object();
        for (int behind = 0; behind < *likeliest_; ++behind) {
            top.push_back(chance(behind));
            named[top.back()["token"].get<std::string>()] = top.back()["logprob"];
        }
        legacy["tokens"].push_back(token["token"]);
        legacy["token_logprobs"].push_back(token["logprob"]);
        legacy["top_logprobs"].push_back(std::move(named));
        legacy["text_offset"].push_back(0);
        token["top_logprobs"] = std::move(top);
        content.push_back(std::move(token));
    }
    return flat ? legacy : json{{"content", content}};
}

std::string openai_answer::finish_of(const run_figures& figures) const {
    if (figures.reason == given_up) return "abort";
    return wire_.always_stop || figures.reason != "length" ? "stop" : "length";
}

json openai_answer::usage(const run_figures& figures) const {
    int prompt = figures.prompt_tokens;
    int output = figures.output_tokens;
    if (wire_.unit == usage_unit::zero) prompt = output = 0;
    if (wire_.unit == usage_unit::words) {
        prompt = word_count(figures.prompt_text);
        output = word_count(figures.text);
    }
    if (wire_.unit == usage_unit::bytes) {
        prompt = static_cast<int>(figures.prompt_text.size());
        output = static_cast<int>(figures.text.size());
    }
    json out{{"prompt_tokens", prompt}, {"completion_tokens", output}, {"total_tokens", prompt + output}};
    if (wire_.cached_tokens) out["prompt_tokens_details"] = {{"cached_tokens", figures.cached_tokens}};
    return out;
}

std::string openai_answer::last(const run_figures& figures) {
    auto end = chunk(wire_.empty_last ? json{{"content", ""}} : json::object(), finish_of(figures));
    if (wire_.usage_in_last && wire_.unit != usage_unit::none) end["usage"] = usage(figures);
    if (wire_.timings) end["timings"] = timings_of(figures);
    auto out = sse_event(end);
    if (wire_.usage_if_asked && usage_asked_) {
        auto extra = chunk(json::object(), nullptr);
        extra["choices"] = json::array();
        extra["usage"] = usage(figures);
        out += sse_event(extra);
    }
    return out;
}

std::string openai_answer::whole(const run_figures& figures) const {
    const bool chat = kind_ == answer_kind::chat;
    json choice{{"index", 0}, {"finish_reason", finish_of(figures)}};
    if (chat) {
        choice["message"] = {{"role", "assistant"}, {"content", figures.text}};
    } else {
        choice["text"] = figures.text;
        choice["logprobs"] = nullptr;
    }
    if (likeliest_) choice["logprobs"] = logprobs_of(figures.text);
    json out{{"id", id_},
             {"object", chat ? "chat.completion" : "text_completion"},
             {"created", created_},
             {"model", wire_.model},
             {"choices", json::array({std::move(choice)})}};
    if (wire_.unit != usage_unit::none) out["usage"] = usage(figures);
    if (wire_.timings) out["timings"] = timings_of(figures);
    if (wire_.step_times) {
        out["prefill_time"] = figures.prefill_ms;
        out["decode_time_arr"] = figures.decode_ms;
    }
    return dump_text(out, wire_.indent);
}

}  // namespace corral::sim
