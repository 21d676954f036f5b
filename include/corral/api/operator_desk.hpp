#pragma once
// What the API of the box itself (/corral/v1, docs/dashboard.md) asks the daemon, for the page, for programs and for the
// command line, so that there is one way to each.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/config/key_ring.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"

namespace corral::api {

using desk_json = nlohmann::ordered_json;

// Before the word of a link that opens the page (config::session_seal::make_ticket).
inline constexpr std::string_view ticket_way = "/ui/open/";

// Texts one after the other, until it gives nothing; cancelled, it gives nothing too.
class desk_stream {
public:
    desk_stream() = default;
    desk_stream(const desk_stream&) = delete;
    desk_stream& operator=(const desk_stream&) = delete;
    virtual ~desk_stream() = default;
    [[nodiscard]] virtual core::awaitable<std::optional<std::string>> next() = 0;
};

// The text of a JSON answer.
struct desk_answer {
    std::string refusal;  // the sentence of its "error"; then nothing else counts
    std::string body;
};

// Which lines of the log: of `target` (docs/operating.md, `logs`), empty for all; the last ones, and those to come.
struct log_question {
    std::string target;
    std::int64_t lines = 300;
    bool follow = true;
};

class operator_desk {
public:
    operator_desk() = default;
    operator_desk(const operator_desk&) = delete;
    operator_desk& operator=(const operator_desk&) = delete;
    virtual ~operator_desk() = default;

    // How all fares, as `corral status --json` has it; which requests wait, run and ran.
    [[nodiscard]] virtual desk_json status() const = 0;
    [[nodiscard]] virtual desk_json requests() const = 0;
    // {"verb", "target", ...}, one of daemon/admin_verbs.cpp. "ok" says whether it was done; else "error" says why not, and
    // "unknown" that there is no such model or service.
    [[nodiscard]] virtual core::awaitable<desk_json> ask(desk_json verb) = 0;
    // The JSON that a command of the program prints, whatever its status, as `shape` makes it of that; absent: as it
    // is. One at a time runs; fails with `limit_exceeded` when too many wait, three of one client at most, and with a
    // sentence when there is no JSON. A bundle has megabytes, so `shape` runs on another thread.
    using shape = std::function<desk_json(desk_json)>;
    [[nodiscard]] virtual core::awaitable<core::result<desk_answer>> run(std::vector<std::string> words,
                                                                         shape made, std::string client) = 0;
    // How fast models have written by day (monitor/speed_history.hpp).
    [[nodiscard]] virtual core::awaitable<core::result<desk_answer>> speeds() = 0;
    // What was kept of crashes (telemetry/crash_store.hpp): {"incidents":[...]}, or the bundle of that name.
    [[nodiscard]] virtual core::awaitable<core::result<desk_answer>> incidents() = 0;
    [[nodiscard]] virtual core::awaitable<core::result<desk_answer>> incident(std::string name) = 0;
    // Server-sent events "status" and "requests", whole, at first and when they have changed; "heartbeat" in between.
    // Fails with `limit_exceeded`.
    [[nodiscard]] virtual core::result<std::unique_ptr<desk_stream>> watch(const std::string& client) = 0;
    // Server-sent events "line" and "lost", and "routine" at the end where nothing is followed. Four of one client at most
    // (empty: the command line, which is asked for no share), and eight in all.
    [[nodiscard]] virtual core::result<std::unique_ptr<desk_stream>> follow(const log_question& asked,
                                                                            const std::string& client) = 0;

    // The new key, made by that of `maker`. Fails with a sentence.
    [[nodiscard]] virtual core::awaitable<core::result<std::string>> make_key(std::string name,
                                                                              config::key_scopes scopes,
                                                                              std::string maker) = 0;
    // The names of the keys that it had made, which stay.
    [[nodiscard]] virtual core::awaitable<core::result<std::vector<std::string>>> remove_key(
        std::string name) = 0;
    // Each value that a file sets: {"settings":[{"key","value","file","line"}]}.
    [[nodiscard]] virtual core::awaitable<core::result<desk_answer>> settings() = 0;
    // Texts of prompts and answers may be in the log.
    [[nodiscard]] virtual bool logs_content() const = 0;
};

}  // namespace corral::api
