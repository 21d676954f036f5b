#include <chrono>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "bench/vendor_trial.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/reply_stream.hpp"

namespace corral::bench {

namespace {

constexpr std::size_t longest_repeat = 4UL * 1024 * 1024;
constexpr std::size_t most_repeated = 1024 * 1024;
constexpr unsigned good = 200;
constexpr unsigned busy = 503;
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
        } else if (status != busy || until.passed(std::chrono::steady_clock::now())) {
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
