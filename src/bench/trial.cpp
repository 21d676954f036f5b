#include <memory>

#include <boost/asio/cancellation_state.hpp>
#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "bench/vendor_trial.hpp"
#include "corral/bench/trial.hpp"
#include "corral/bench/verdict.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/http/reply_stream.hpp"

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

namespace {

// Of the answer's last line, or why there is none.
void judge(const prompt_test& test, measurement& seen, const answer_reader& reader) {
    const plausible_durations durations = believe(reader.prefill_raw(), reader.decode_raw(), seen.total_s);
    seen.prefill_s = durations.prefill_s;
    seen.decode_s = durations.decode_s;
    seen.durations_in_ms = durations.in_ms;
    seen.repeats = repeats_itself(seen.text) || repeats_itself(seen.thinking);
    if (!reader.done()) {
        seen.how = ending::failed;
        seen.reason = core::say("command.bench-test/no-last-line");
    } else if (seen.pieces == 0) {
        seen.how = ending::failed;
        seen.reason = core::say("command.bench-test/empty");
    } else {
        seen.reason = why_wrong(test, seen);
        seen.how = seen.reason.empty() ? ending::success : ending::wrong;
    }
}

std::string refusal(unsigned status, const core::result<std::string>& body) {
    std::string words = body ? *body : std::string();
    const auto read = core::parse_json(words);
    if (read.is_object() && read.contains("error") && read["error"].is_string()) {
        words = read["error"].get<std::string>();
    }
    return "the server answered with status " + std::to_string(status) + ": " + on_one_line(words);
}

core::awaitable<void> read_answer(http::reply_stream& from, const trial_target& target,
                                  const prompt_test& test, answer_reader& reader, measurement& seen,
                                  core::steady_time begin) {
    // Only output moves it on: blanks that keep a connection alive are no sign of a model that works.
    core::deadline until = core::deadline::after(target.first_byte, begin);
    while (!reader.done()) {
        core::result<std::string> bytes = co_await from.read(until);
        seen.total_s = seconds_since(begin);
        if (!bytes) {
            end_badly(seen, bytes.error(), target);
            co_return;
        }
        if (bytes->empty()) {
            break;
        }
        const core::result<bool> sign = reader.take(*bytes, seen.total_s);
        if (!sign) {
            end_badly(seen, sign.error(), target);
            co_return;
        }
        if (*sign) {
            until = core::deadline::after(target.silence, std::chrono::steady_clock::now());
        }
    }
    judge(test, seen, reader);
}

// They come behind the last line, where a server reports them.
core::awaitable<void> read_stages(http::reply_stream& from, measurement& seen) {
    constexpr core::seconds longest{2};
    constexpr std::size_t most = 64 * 1024;
    const core::deadline until = core::deadline::after(longest, std::chrono::steady_clock::now());
    const core::result<std::string> rest = co_await http::read_all(from, most, until);
    if (rest) {
        seen.stages = spans_of(read_server_timing(from.trailer("Server-Timing")));
    }
}

}  // namespace

double seconds_since(core::steady_time begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void end_badly(measurement& seen, const core::failure& why, const trial_target& target) {
    if (why.code == core::make_error_code(core::errc::cancelled)) {
        seen.how = ending::interrupted;
        seen.reason = "interrupted";
    } else if (why.code == core::make_error_code(core::errc::timed_out)) {
        const bool silent = seen.pieces == 0;
        const core::nanoseconds span = silent ? target.first_byte : target.silence;
        const std::string seconds = fixed(std::chrono::duration<double>(span).count(), 1);
        seen.how = ending::timed_out;
        seen.reason = silent ? core::say("command.bench-test/nothing-came", seconds)
                             : core::say("command.bench-test/no-further", seconds);
    } else {
        seen.how = ending::failed;
        seen.reason = why.message;
    }
}

http::stream_call call_of(const trial_target& target, std::string path, std::string body,
                          core::steady_time begin) {
    http::stream_call out;
    out.to = target.at;
    out.host = target.host;
    out.tls = target.tls;
    out.target = std::move(path);
    out.body = std::move(body);
    out.headers = target.headers;
    out.until = core::deadline::after(target.first_byte, begin);
    if (!target.key.empty()) {
        out.headers.add("Authorization", "Bearer " + target.key);
    }
    return out;
}

core::awaitable<measurement> try_once(trial_target target, prompt_test test) {
    if (target.how == asking::polled) {
        auto polled = try_polled(std::move(target), std::move(test));
        co_return co_await std::move(polled);
    }
    if (target.how == asking::flask) {
        auto repeated = try_repeated(std::move(target), std::move(test));
        co_return co_await std::move(repeated);
    }
    if (target.how != asking::ollama) {
        auto streamed = try_completion(std::move(target), std::move(test));
        co_return co_await std::move(streamed);
    }
    measurement seen;
    const core::steady_time begin = std::chrono::steady_clock::now();
    http::stream_call what =
        call_of(target, "/api/chat", request_body(target.model, test, target.greedy), begin);
    core::result<std::unique_ptr<http::reply_stream>> opened =
        co_await http::reply_stream::open(std::move(what));
    seen.total_s = seconds_since(begin);
    if (!opened) {
        end_badly(seen, opened.error(), target);
        co_return seen;
    }
    http::reply_stream& answer = **opened;
    if (answer.status() != 200) {
        constexpr std::size_t most = 64 * 1024;
        const core::deadline until = core::deadline::after(target.silence, std::chrono::steady_clock::now());
        const core::result<std::string> body = co_await http::read_all(answer, most, until);
        seen.total_s = seconds_since(begin);
        seen.refused = answer.status();
        seen.reason = refusal(answer.status(), body);
        if (says_unable(test, answer.status(), seen.reason)) {
            seen.how = ending::unable;
        }
        co_return seen;
    }
    answer_reader reader(test.max_tokens, seen);
    co_await read_answer(answer, target, test, reader, seen, begin);
    if (reader.done() && answer.headers().contains("Trailer")) {
        co_await read_stages(answer, seen);
    }
    co_return seen;
}

}  // namespace corral::bench
