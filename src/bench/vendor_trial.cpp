#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "bench/vendor_trial.hpp"
#include "corral/bench/reuse_trial.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/client.hpp"
#include "corral/http/reply_stream.hpp"

namespace corral::bench {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

// As often as the vendor's own page looks (docs/facts/vendor_ax.md#poll).
constexpr core::nanoseconds between_polls = 10ms;
constexpr core::nanoseconds longest_call = 10s;
constexpr core::nanoseconds longest_stop = 30s;
// An idle runtime that has just taken a prompt may not have begun yet.
constexpr double grace_s = 2;
constexpr std::size_t most_kept = 1024 * 1024;
constexpr std::size_t most_stamps = 20'000;
constexpr unsigned good = 200;
constexpr unsigned busy = 400;

std::string system_of(const prompt_test& test, const std::string& usual) {
    return test.messages.front().role == "system" ? test.messages.front().content : usual;
}

// One answer of Axera's polling server, from the reset on.
class polled_answer {
public:
    polled_answer(const trial_target& target, const prompt_test& test, measurement& seen)
        : target_(target), test_(test), seen_(seen) {}

    core::awaitable<void> run() {
        const json reset = {{"system_prompt", system_of(test_, target_.system)}};
        const json prompt = {{"prompt", test_.messages.back().content}, {"top-k", 1}};
        // A prompt that comes while the reset goes on is refused, or waits for it.
        core::result<void> taken = co_await post("/api/reset", reset.dump());
        if (taken) {
            taken =
                co_await post("/api/generate", prompt.dump(-1, ' ', false, json::error_handler_t::replace));
        }
        if (taken) {
            taken = co_await follow();
        }
        seen_.total_s = seconds_since(begin_);
        if (!taken) {
            end_badly(seen_, taken.error(), target_);
            co_await calm();
        } else if (seen_.truncated) {
            seen_.how = ending::success;
            co_await calm();
        } else {
            seen_.how = seen_.pieces > 0 ? ending::success : ending::failed;
            seen_.reason = seen_.pieces > 0 ? core::reason() : core::say("command.bench-test/empty");
        }
    }

private:
    core::awaitable<core::result<http::client_reply>> call(std::string method, std::string path,
                                                           std::string body, core::deadline until) {
        http::client_call what;
        what.to = target_.at;
        what.method = std::move(method);
        what.target = std::move(path);
        what.body = std::move(body);
        what.content_type = what.body.empty() ? "" : "application/json";
        what.until = core::deadline::after(longest_call, std::chrono::steady_clock::now()).sooner(until);
        auto answered = http::call(std::move(what));
        co_return co_await std::move(answered);
    }

    // Until the runtime takes it; one that is busy says so.
    core::awaitable<core::result<void>> post(std::string path, std::string body) {
        const core::deadline until = core::deadline::after(target_.first_byte, begin_);
        while (true) {
            const auto reply = co_await call("POST", path, body, until);
            if (!reply) {
                co_return reply.error();
            }
            if (reply->status == good) {
                co_return core::result<void>{};
            }
            const bool refused =
                reply->status != busy || reply->body.find("llm is running") == std::string::npos;
            if (refused) {
                seen_.refused = reply->status;
                co_return core::make_failure(
                    core::errc::refused,
                    core::say("command.bench-beside/refused", path, reply->status, on_one_line(reply->body)));
            }
            if (until.passed(std::chrono::steady_clock::now())) {
                co_return core::make_failure(core::errc::timed_out, {});
            }
            const bool awake = co_await core::sleep_for(between_polls);
            if (!awake) {
                co_return core::make_failure(core::errc::cancelled, {});
            }
        }
    }

    core::awaitable<core::result<void>> follow() {
        poll_reader reader(test_.max_tokens, seconds_since(begin_), seen_);
        core::deadline until = core::deadline::after(target_.first_byte, begin_);
        while (true) {
            const bool awake = co_await core::sleep_for(between_polls);
            if (!awake) {
                co_return core::make_failure(core::errc::cancelled, {});
            }
            const auto reply = co_await call("GET", "/api/generate_provider", "", until);
            if (!reply) {
                co_return reply.error();
            }
            const std::size_t before = seen_.pieces;
            const auto state = reader.take(reply->body, seconds_since(begin_));
            if (!state) {
                co_return state.error();
            }
            if (*state != poll_reader::state::waits) {
                seen_.truncated = *state == poll_reader::state::enough;
                co_return core::result<void>{};
            }
            const auto now = std::chrono::steady_clock::now();
            if (seen_.pieces > before) {
                until = core::deadline::after(target_.silence, now);
            } else if (until.passed(now)) {
                co_return core::make_failure(core::errc::timed_out, {});
            }
        }
    }

    // What is not wanted any more is stopped and taken away, so that the next test finds nothing of it.
    core::awaitable<void> calm() {
        const auto until = core::deadline::after(longest_stop, std::chrono::steady_clock::now());
        unsigned rests = 0;
        while (rests < 2 && !until.passed(std::chrono::steady_clock::now())) {
            const auto stopped = co_await call("GET", "/api/stop", "", until);
            const bool awake = co_await core::sleep_for(50ms);
            const auto reply = co_await call("GET", "/api/generate_provider", "", until);
            if (!awake || !stopped || !reply) {
                co_return;  // it is gone, or the wait was cancelled
            }
            rests = core::flag_at(core::parse_json(reply->body), "done") ? rests + 1 : 0;
        }
    }

    const trial_target& target_;
    const prompt_test& test_;
    measurement& seen_;
    const core::steady_time begin_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string why_unsaid(const prompt_test& test, asking how) {
    const bool one_prompt = how == asking::polled || how == asking::flask;
    const std::string of = one_prompt ? "its runtime's own interface has no " : "not asked of both: ";
    if (!test.tools.empty()) {
        return of + "tools";
    }
    if (!test.format.empty()) {
        return of + "formats";
    }
    if (!test.stop.empty()) {
        return of + "stop texts";
    }
    if (test.think) {
        return of + "switch for thinking";
    }
    const bool apart = how == asking::polled && test.messages.front().role == "system";
    const std::size_t turns = test.messages.size() - (apart ? 1 : 0);
    return one_prompt && turns != 1 ? of + "conversation that was had elsewhere" : "";
}

core::result<poll_reader::state> poll_reader::take(std::string_view body, double at_s) {
    const json read = core::parse_json(body);
    const json* const text = read.is_object() ? core::member(read, "response") : nullptr;
    if (text == nullptr || !text->is_string()) {
        return core::make_failure(core::errc::protocol,
                                  core::say("command.bench-beside/poll", on_one_line(body)));
    }
    const std::string piece = text->get<std::string>();
    if (piece.starts_with("error: SetKVCache failed")) {
        return core::make_failure(core::errc::unavailable,
                                  core::say("command.bench-plan/server-says", on_one_line(piece)));
    }
    const bool done = core::flag_at(read, "done");
    if (!piece.empty()) {
        ++into_.pieces;
        bytes_ += piece.size();
        if (into_.text.size() + piece.size() <= most_kept) {
            into_.text += piece;
        }
        if (!into_.first_piece_s) {
            into_.first_piece_s = at_s;
        }
        if (into_.piece_s.size() < most_stamps) {
            into_.piece_s.push_back(at_s);
        }
    }
    if (done) {
        return into_.pieces > 0 || at_s - quiet_since_s_ > grace_s ? state::over : state::waits;
    }
    quiet_since_s_ = at_s;
    // A token is hardly more than 32 bytes.
    const bool enough = into_.pieces * tokens_a_piece >= max_tokens_ || bytes_ > 32ULL * max_tokens_ + 4096;
    return enough ? state::enough : state::waits;
}

core::awaitable<measurement> try_polled(trial_target target, prompt_test test) {
    measurement seen;
    if (seen.reason = why_unsaid(test, target.how); !seen.reason.empty()) {
        seen.how = ending::unable;
        co_return seen;
    }
    polled_answer answer(target, test, seen);
    auto whole = answer.run();
    co_await std::move(whole);
    co_return seen;
}

core::awaitable<measurement> try_completion(trial_target target, prompt_test test) {
    measurement seen;
    if (seen.reason = why_unsaid(test, target.how); !seen.reason.empty()) {
        seen.how = ending::unable;
        co_return seen;
    }
    std::vector<chat_turn> messages;
    for (const prompt_message& one : test.messages) {
        messages.push_back({one.role, one.content});
    }
    auto asked = try_turn(std::move(target), std::move(messages), test.max_tokens);
    turn_cost cost = co_await std::move(asked);
    const auto state = co_await core::asio::this_coro::cancellation_state;
    seen.total_s = cost.total_s;
    seen.text = std::move(cost.answer);
    if (!seen.text.empty()) {
        seen.pieces = 1;  // they are not counted one by one
        seen.first_piece_s = cost.first_thought_s ? cost.first_thought_s : cost.first_text_s;
    }
    if (cost.prompt_tokens > 0) {
        seen.input_tokens = cost.prompt_tokens;
    }
    if (cost.answer_tokens > 0) {
        seen.output_tokens = cost.answer_tokens;
        seen.truncated = cost.answer_tokens >= static_cast<std::int64_t>(test.max_tokens);
    }
    seen.reason = cost.failure;
    seen.how = cost.failure.empty() ? ending::success : ending::failed;
    if (state.cancelled() != core::asio::cancellation_type::none) {
        seen.how = ending::interrupted;
        seen.reason = "interrupted";
    }
    co_return seen;
}

namespace {

constexpr std::size_t longest_repeat = 4UL * 1024 * 1024;
constexpr std::size_t most_repeated = 1024 * 1024;
constexpr unsigned taken = 503;
constexpr std::chrono::milliseconds between_tries{100};

// Of the last choice, without reading those before it, which are many. Null: there is none.
nlohmann::json last_text(std::string_view line) {
    constexpr std::string_view key = "\"content\":";
    const std::size_t at = line.rfind(key);
    const std::size_t begin = at == std::string_view::npos ? at : line.find('"', at + key.size());
    if (begin == std::string_view::npos) {
        return nullptr;
    }
    std::size_t end = begin + 1;
    while (end < line.size() && line[end] != '"') {
        end += line[end] == '\\' ? 2 : 1;
    }
    return end < line.size() ? core::parse_json(line.substr(begin, end - begin + 1))
                             : nlohmann::json(nullptr);
}

}  // namespace

core::result<bool> repeated_reader::take(std::string_view bytes, double at_s) {
    bool came = false;
    for (std::size_t end = 0; !bytes.empty(); bytes.remove_prefix(end)) {
        end = bytes.find('\n');
        const bool whole = end != std::string_view::npos;
        line_ += bytes.substr(0, end);
        end = whole ? end + 1 : bytes.size();
        if (line_.size() > longest_repeat) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("command.bench-plan/line-answer"));
        }
        const std::string line = whole ? std::exchange(line_, {}) : std::string();
        if (line.empty()) {
            continue;
        }
        const nlohmann::json text = last_text(line);
        if (!text.is_string()) {
            return core::make_failure(core::errc::protocol,
                                      core::say("command.bench-test/repeats", on_one_line(line)));
        }
        const std::string piece = text.get<std::string>();
        if (piece.empty()) {
            continue;
        }
        came = true;
        ++into_.pieces;
        into_.first_piece_s = into_.first_piece_s.value_or(at_s);
        if (into_.text.size() + piece.size() <= most_repeated) {
            into_.text += piece;
        }
    }
    return came;
}

// Nothing ends a run there: each is read to its end.
core::awaitable<measurement> try_repeated(trial_target target, prompt_test test) {
    measurement seen;
    if (seen.reason = why_unsaid(test, target.how); !seen.reason.empty()) {
        seen.how = ending::unable;
        co_return seen;
    }
    const nlohmann::json message = {{"role", "user"}, {"content", test.messages.front().content}};
    nlohmann::json asked = {{"stream", true}};
    asked["messages"] = nlohmann::json::array({message});
    const std::string body = asked.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const core::steady_time begin = std::chrono::steady_clock::now();
    core::deadline until = core::deadline::after(target.first_byte, begin);
    std::unique_ptr<http::reply_stream> answer;
    while (!answer) {
        http::stream_call what = call_of(target, "/rkllm_chat", body, begin);
        auto opening = http::reply_stream::open(std::move(what));
        core::result<std::unique_ptr<http::reply_stream>> opened = co_await std::move(opening);
        seen.total_s = seconds_since(begin);
        if (!opened) {
            end_badly(seen, opened.error(), target);
            co_return seen;
        }
        const unsigned status = (*opened)->status();
        if (status == good) {
            answer = std::move(*opened);
        } else if (status != taken || until.passed(std::chrono::steady_clock::now())) {
            seen.refused = status;
            seen.how = ending::failed;
            seen.reason = "the server answered with status " + std::to_string(status);
            co_return seen;
        } else {
            const bool awake = co_await core::sleep_for(between_tries);
            until = awake ? until : core::deadline{begin};
        }
    }
    repeated_reader reader(seen);
    while (true) {
        core::result<std::string> bytes = co_await answer->read(until);
        seen.total_s = seconds_since(begin);
        if (bytes && bytes->empty()) {
            break;
        }
        core::result<bool> came =
            bytes ? reader.take(*bytes, seen.total_s) : core::result<bool>(bytes.error());
        if (!came) {
            end_badly(seen, came.error(), target);
            co_return seen;
        }
        if (*came) {
            until = core::deadline::after(target.silence, std::chrono::steady_clock::now());
        }
    }
    seen.how = seen.pieces > 0 ? ending::success : ending::failed;
    seen.reason = seen.pieces > 0 ? core::reason() : core::say("command.bench-test/empty");
    co_return seen;
}

}  // namespace corral::bench
