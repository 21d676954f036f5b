#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "corral/bench/trial.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::bench {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_line = 4 * 1024 * 1024;
constexpr std::size_t most_kept = 1024 * 1024;
constexpr std::size_t most_stamps = 20'000;

std::optional<std::int64_t> count_at(const json& object, const char* key) {
    const json* found = core::member(object, key);
    const std::int64_t value =
        found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : -1;
    return value >= 0 ? std::optional(value) : std::nullopt;
}

void keep_text(std::string& to, const std::string& piece) {
    if (to.size() + piece.size() <= most_kept) {
        to += piece;
    }
}

void keep_names(std::vector<std::string>& to, const json& message) {
    constexpr std::size_t most = 16;
    for (const json& call : core::list_at(message, "tool_calls")) {
        const json* const function = core::member(call, "function");
        if (function != nullptr && to.size() < most) {
            to.push_back(core::text_at(*function, "name"));
        }
    }
}

}  // namespace

core::result<bool> answer_reader::take(std::string_view bytes, double at_s) {
    bool sign = false;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        rest_ += bytes.substr(0, end);
        if (rest_.size() > longest_line) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("command.bench-plan/line-answer"));
        }
        if (end == std::string_view::npos) {
            break;
        }
        bytes.remove_prefix(end + 1);
        const std::string line = std::exchange(rest_, {});
        if (done_ || line.find_first_not_of(" \t\r") == std::string::npos) {
            continue;
        }
        core::result<bool> taken = take_line(line, at_s);
        if (!taken) {
            return taken;
        }
        sign = sign || *taken;
    }
    return sign;
}

core::result<bool> answer_reader::take_line(std::string_view line, double at_s) {
    const json read = core::parse_json(line);
    if (!read.is_object()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/line-answer"));
    }
    if (read.contains("error")) {
        return core::make_failure(
            core::errc::unavailable,
            core::say("command.bench-plan/server-says", on_one_line(core::text_at(read, "error"))));
    }
    const json* const said = core::member(read, "message");
    const std::string text = said == nullptr ? "" : core::text_at(*said, "content");
    const std::string thinking = said == nullptr ? "" : core::text_at(*said, "thinking");
    const std::size_t calls = said == nullptr ? 0 : core::list_at(*said, "tool_calls").size();
    const bool piece = !text.empty() || !thinking.empty() || calls > 0;
    if (piece) {
        ++into_.pieces;
        bytes_ += text.size() + thinking.size();
        into_.tool_calls += calls;
        keep_names(into_.called, *said);
        keep_text(into_.text, text);
        keep_text(into_.thinking, thinking);
        if (!into_.first_piece_s) {
            into_.first_piece_s = at_s;
        }
        if (into_.piece_s.size() < most_stamps) {
            into_.piece_s.push_back(at_s);
        }
    }
    if (core::flag_at(read, "done")) {
        done_ = true;
        into_.truncated = core::text_at(read, "done_reason") == "length";
        into_.input_tokens = count_at(read, "prompt_eval_count");
        into_.output_tokens = count_at(read, "eval_count");
        prefill_raw_ = count_at(read, "prompt_eval_duration").value_or(0);
        decode_raw_ = count_at(read, "eval_duration").value_or(0);
    }
    // A token is hardly more than 32 bytes; a server that heeds its limit stays far below.
    if (!done_ && (bytes_ > 32ULL * max_tokens_ + 4096 || into_.pieces > 8ULL * max_tokens_ + 1024)) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("command.bench-plan/server-went", max_tokens_));
    }
    return piece || done_;
}

std::string request_body(const std::string& model, const prompt_test& test, bool greedy) {
    json body;
    body["model"] = model;
    body["stream"] = true;
    body["messages"] = json::array();
    for (const prompt_message& one : test.messages) {
        body["messages"].push_back({{"role", one.role}, {"content", one.content}});
    }
    body["options"]["num_predict"] = test.max_tokens;
    if (greedy) {
        body["options"]["temperature"] = 0;
    }
    if (!test.stop.empty()) {
        body["options"]["stop"] = test.stop;
    }
    if (test.think) {
        body["think"] = *test.think;
    }
    if (!test.tools.empty()) {
        body["tools"] = json::parse(test.tools, nullptr, false);
    }
    if (!test.format.empty()) {
        body["format"] = test.format == "json" ? json("json") : json::parse(test.format, nullptr, false);
    }
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace corral::bench
