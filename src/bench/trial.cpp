#include "corral/bench/trial.hpp"

#include <memory>

#include <boost/asio/cancellation_state.hpp>
#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "bench/vendor_trial.hpp"
#include "corral/bench/verdict.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/http/reply_stream.hpp"

namespace corral::bench {

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
