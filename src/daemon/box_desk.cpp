#include "box_desk.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "corral/config/key_file.hpp"
#include "corral/config/server_places.hpp"
#include "corral/config/settings_list.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"
#include "own_command.hpp"

namespace corral::daemon {

namespace {

using api::desk_answer;
using api::desk_json;

constexpr std::size_t most_commands = 8;  // that run or wait
constexpr std::size_t most_output = std::size_t{8} * 1024 * 1024;
constexpr core::seconds command_silence{900};  // an import reads whole packages without a word
constexpr core::seconds reading_silence{120};  // others wait behind what a dead mount holds
constexpr core::seconds command_grace{5};
constexpr std::size_t most_waiting = 100;  // rows

double milliseconds_of(core::nanoseconds span) {
    return std::round(std::chrono::duration<double, std::milli>(span).count() * 10.0) / 10.0;
}

desk_json stages_of(const telemetry::run_record& record) {
    desk_json out = desk_json::array();
    core::nanoseconds begin{0};
    for (const auto& [name, span] :
         {std::pair("queue", record.queue), std::pair("reset", record.reset),
          std::pair("prefill", record.prefill), std::pair("decode", record.decode)}) {
        if (span.count() > 0) {
            out.push_back(
                {{"name", name}, {"begin_ms", milliseconds_of(begin)}, {"length_ms", milliseconds_of(span)}});
            begin += span;
        }
    }
    return out;
}

// A piece may be several tokens, which a run that goes on has not counted yet: those before it have.
double tokens_of_piece(const telemetry::run_journal& journal, const std::string& processes) {
    const auto& all = journal.finished();
    const auto last = std::find_if(all.rbegin(), all.rend(), [&](const telemetry::run_record& one) {
        return one.processes == processes && one.pieces > 0 && one.generated_tokens > 0;
    });
    return last == all.rend()
               ? 1.0
               : static_cast<double>(last->generated_tokens) / static_cast<double>(last->pieces);
}

// Of the last pieces; 0: none has come for a moment.
double pieces_per_second(const telemetry::run_record& record) {
    constexpr core::seconds silent{2};
    const std::vector<core::nanoseconds> gaps = record.gaps.all();
    const core::nanoseconds sum = std::accumulate(gaps.begin(), gaps.end(), core::nanoseconds{0});
    if (sum.count() <= 0 || record.silent_for.value_or(core::nanoseconds{0}) > silent) {
        return 0.0;
    }
    return static_cast<double>(gaps.size()) / std::chrono::duration<double>(sum).count();
}

desk_json request_json(const telemetry::run_record& record, bool runs) {
    desk_json out;
    out["id"] = record.id;
    out["model"] = record.model;
    out["served_by"] = record.processes;
    out["arrived"] = core::utc_milliseconds(record.arrived);
    out["outcome"] = runs ? "running" : record.outcome;
    out["messages"] = record.messages;
    out["tools"] = record.tools;
    out["prompt_tokens"] = record.prompt_tokens > 0 ? desk_json(record.prompt_tokens) : desk_json(nullptr);
    out["cached_tokens"] = record.cached_tokens;
    out["answer_tokens"] =
        record.generated_tokens > 0 ? desk_json(record.generated_tokens) : desk_json(nullptr);
    out["pieces"] = record.pieces;
    out["tries"] = record.tries;
    const core::nanoseconds so_far = record.queue + record.reset + record.prefill + record.decode;
    const core::nanoseconds total = record.total.count() > 0 ? record.total : so_far;
    out["total_ms"] = runs ? desk_json(nullptr) : desk_json(milliseconds_of(total));
    out["stages"] = stages_of(record);
    return out;
}

desk_answer answer_of(const desk_json& whole) {
    return {whole.is_object() ? core::text_at(whole, "error") : std::string(),
            whole.dump(-1, ' ', false, desk_json::error_handler_t::replace)};
}

const char* word_of(config::setting_origin of) {
    switch (of) {
        case config::setting_origin::environment:
            return "environment";
        case config::setting_origin::builtin:
            return "default";
        case config::setting_origin::file:
            break;
    }
    return "file";
}

// Frames of lines, as a page's EventSource reads them.
class line_stream final : public api::desk_stream {
public:
    using counts = std::shared_ptr<std::map<std::string, int>>;
    // `over`: the stream is to end.
    line_stream(log_batches more, std::function<bool()> over, counts all, std::string client)
        : more_(std::move(more)), over_(std::move(over)), all_(std::move(all)), client_(std::move(client)) {
        ++(*all_)[client_];
    }
    ~line_stream() override {
        if (--(*all_)[client_] == 0) {
            all_->erase(client_);
        }
    }

    core::awaitable<std::optional<std::string>> next() override {
        std::string out;
        int silent = 0;
        while (out.empty() && !over_()) {
            auto coming = more_();
            const std::optional<control::admin_json> batch = co_await std::move(coming);
            if (!batch) {
                break;
            }
            out = frames_of(*batch);
            silent += 1;
            if (out.empty() && silent >= box_feed::heartbeat.count()) {
                out = "event: heartbeat\ndata: {}\n\n";
            }
        }
        co_return out.empty() ? std::nullopt : std::optional<std::string>(std::move(out));
    }

private:
    static std::string frame_of(const char* event, const desk_json& data) {
        return std::string("event: ") + event +
               "\ndata: " + data.dump(-1, ' ', false, desk_json::error_handler_t::replace) + "\n\n";
    }

    static std::string frames_of(const control::admin_json& batch) {
        std::string out;
        for (const control::admin_json& line : core::list_at(batch, "lines")) {
            const auto lost = core::number_at<std::uint64_t>(line, "lost");
            desk_json shown = line;
            if (lost) {
                shown.erase("lost");
                shown["lines"] = *lost;
            }
            out += frame_of(lost ? "lost" : "line", shown);
        }
        for (const control::admin_json& counted : core::list_at(batch, "routine")) {
            out += frame_of("routine", counted);
        }
        return out;
    }

    log_batches more_;
    std::function<bool()> over_;
    counts all_;
    std::string client_;
};

bool only_reads(const std::string& command) {
    return command == "doctor" || command == "search" || command == "prune";
}

core::failure no_answer(const std::string& command, const own_command_end& end) {
    if (end.never_ran) {
        return core::make_failure(core::errc::unavailable,
                                  core::say("command.asks-daemon/child", command, end.never_ran->message));
    }
    if (end.silent) {
        return core::make_failure(core::errc::timed_out, core::say("command.asks-daemon/silent", command));
    }
    return core::make_failure(
        core::errc::unavailable,
        core::say("command.asks-daemon/no-answer", command,
                  end.last_error.empty() ? process::describe(end.how).text() : end.last_error));
}

}  // namespace

desk_json requests_json(const admin_context& context, const telemetry::run_journal& journal) {
    const core::steady_time now = context.clock->now();
    desk_json out;
    out["waiting"] = desk_json::array();
    for (const scheduler::waiting_request& one : context.running->admission().waiting(most_waiting)) {
        desk_json row;
        row["id"] = one.id;
        row["model"] = one.model;
        row["position"] = one.place.ahead;
        row["waited_seconds"] = std::chrono::duration_cast<core::seconds>(now - one.since).count();
        row["estimate_seconds"] =
            one.place.estimate ? desk_json(one.place.estimate->count()) : desk_json(nullptr);
        row["loads"] = one.place.loads;
        out["waiting"].push_back(std::move(row));
    }
    out["running"] = desk_json::array();
    for (const telemetry::run_record& one : journal.running(now)) {
        out["running"].push_back(request_json(one, true));
    }
    out["recent"] = desk_json::array();
    const auto& finished = journal.finished();
    for (auto one = finished.rbegin(); one != finished.rend(); ++one) {
        out["recent"].push_back(request_json(*one, false));
    }
    return out;
}

// A place among the commands, given back whatever happens.
struct box_desk::command {
    command(std::shared_ptr<std::multiset<std::string>> all, std::string client, core::wake_signal& over)
        : all_(std::move(all)), mine_(all_->insert(std::move(client))), over_(over) {}
    command(const command&) = delete;
    command& operator=(const command&) = delete;
    ~command() {
        all_->erase(mine_);
        over_.ring();
    }
    std::shared_ptr<std::multiset<std::string>> all_;
    std::multiset<std::string>::iterator mine_;
    core::wake_signal& over_;
};

box_desk::box_desk(core::task_group& tasks, const core::clock_source& clock, box_desk_parts parts)
    : clock_(clock),
      parts_(std::move(parts)),
      lent_(tasks, [this](const std::string& model, bool overdue) { serve_again(model, overdue); }),
      command_over_(tasks.get_executor()),
      feed_(tasks, clock,
            {[this] { return status(); }, [this] { return requests(); }, [this] { return streams_end(); }}) {}

box_desk::~box_desk() = default;

// A stop and an upgrade wait for answers, which these never end.
bool box_desk::streams_end() const {
    return parts_.admin->running->admission().refuses_new() || parts_.admin->upgrades().under_way;
}

desk_json box_desk::status() const {
    desk_json out = status_json(*parts_.admin);
    const std::vector<telemetry::run_record> running = parts_.journal->running(clock_.now());
    const auto rate_of = [&](const std::string& processes) {
        double rate = 0.0;
        for (const telemetry::run_record& one : running) {
            if (one.processes == processes) {
                rate += pieces_per_second(one) * tokens_of_piece(*parts_.journal, one.processes);
            }
        }
        return std::round(rate * 10.0) / 10.0;
    };
    for (desk_json& model : out["models"]) {
        if (const auto instances = model.find("instances"); instances != model.end()) {
            double whole = 0.0;
            for (desk_json& instance : *instances) {
                instance["tokens_per_second"] = rate_of(core::text_at(instance, "name"));
                whole += instance["tokens_per_second"].get<double>();
            }
            model["tokens_per_second"] = whole;
        } else {
            model["tokens_per_second"] = rate_of(core::text_at(model, "name"));
        }
    }
    return out;
}

desk_json box_desk::requests() const {
    return requests_json(*parts_.admin, *parts_.journal);
}

core::awaitable<core::result<desk_answer>> box_desk::run(std::vector<std::string> words, shape made,
                                                         std::string client) {
    constexpr std::size_t most_of_client = 3;
    if (commands_->size() >= most_commands || commands_->count(client) >= most_of_client) {
        co_return core::make_failure(core::errc::limit_exceeded, core::say("page.busy"));
    }
    const std::string what = words.front();
    const command place(commands_, std::move(client), command_over_);
    static_cast<void>(place);
    while (running_) {
        const core::wake_reason why = co_await command_over_.wait();
        if (why == core::wake_reason::cancelled) {
            co_return core::make_failure(core::errc::cancelled, core::say("pull.failed/whoever-asked"));
        }
    }
    running_ = true;
    const std::shared_ptr<bool> turn(&running_, [this](bool* mine) {
        *mine = false;
        command_over_.ring();
    });
    std::string text;
    own_command asked;
    asked.words = std::move(words);
    asked.words.insert(asked.words.begin(), parts_.program);
    asked.words.insert(asked.words.end(), parts_.place.begin(), parts_.place.end());
    if (what != "search") {  // which reads the catalogue alone
        asked.words.insert(asked.words.end(), parts_.server.begin(), parts_.server.end());
    }
    asked.silence = only_reads(what) ? reading_silence : command_silence;
    asked.grace = command_grace;
    asked.wanted = [&text] { return text.size() < most_output; };
    asked.on_output = [&text](std::string_view bytes) {
        text.append(bytes.substr(0, most_output - std::min(most_output, text.size())));
    };
    auto running = run_own_command(std::move(asked), *parts_.guard, clock_, command_over_);
    const own_command_end end = co_await std::move(running);
    auto reading = disk_.run<std::optional<desk_answer>>(
        "answers", [text = std::move(text), made = std::move(made)]() -> std::optional<desk_answer> {
            desk_json read = core::parse_json<desk_json>(text, {64, most_output});
            if (read.is_discarded()) {
                return std::nullopt;
            }
            return answer_of(made ? made(std::move(read)) : std::move(read));
        });
    core::result<std::optional<desk_answer>> out = co_await std::move(reading);
    if (!out || !*out) {
        co_return no_answer(what, end);
    }
    co_return *std::move(*out);
}

// A year of it takes a while to write down.
core::awaitable<core::result<desk_answer>> box_desk::speeds() {
    auto writing =
        disk_.run<desk_answer>("speeds", [all = *parts_.speeds] { return answer_of(all.report()); });
    co_return co_await std::move(writing);
}

core::awaitable<core::result<desk_answer>> box_desk::incidents() {
    auto reading = disk_.run<desk_answer>("incidents", [state = parts_.admin->settings->state_directory] {
        auto known = state.empty() ? core::result<desk_json>(desk_json::array())
                                   : telemetry::summarise_crashes(config::crash_folder(state));
        if (!known) {
            return desk_answer{known.error().message, {}};
        }
        desk_json out;
        out["incidents"] = *std::move(known);
        return answer_of(out);
    });
    co_return co_await std::move(reading);
}

core::awaitable<core::result<desk_answer>> box_desk::incident(std::string name) {
    auto reading = disk_.run<desk_answer>(
        "incidents", [state = parts_.admin->settings->state_directory, name = std::move(name)] {
            if (state.empty()) {
                return desk_answer{core::say("command.bundle/keeps-none"), {}};
            }
            const auto text = telemetry::read_crash(config::crash_folder(state), name);
            const bool whole = text && core::parse_json<desk_json>(*text, {64, most_output}).is_object();
            return whole  ? desk_answer{{}, *text}
                   : text ? desk_answer{core::say("command.bundle/damaged", name), {}}
                          : desk_answer{text.error().message, {}};
        });
    co_return co_await std::move(reading);
}

core::result<std::unique_ptr<api::desk_stream>> box_desk::watch(const std::string& client) {
    return feed_.watch(client);
}

core::result<std::unique_ptr<api::desk_stream>> box_desk::follow(const api::log_question& asked,
                                                                 const std::string& client) {
    constexpr int most_of_client = 4;
    if (const auto known = followers_->find(client);
        !client.empty() && known != followers_->end() && known->second >= most_of_client) {
        return core::make_failure(core::errc::limit_exceeded, core::say("page.busy/many-pages"));
    }
    auto batches = open_log_stream(*parts_.admin, asked);
    if (!batches) {
        return batches.error();
    }
    std::unique_ptr<api::desk_stream> out = std::make_unique<line_stream>(
        *std::move(batches), [this] { return streams_end(); }, followers_, client);
    return out;
}

core::awaitable<core::result<std::string>> box_desk::make_key(std::string name, config::key_scopes scopes,
                                                              std::string maker) {
    const auto file = parts_.keys_file();
    if (!file) {
        co_return core::make_failure(core::errc::refused, core::say("configuration.key-file/file-keys"));
    }
    struct outcome {
        std::string key;
        core::reason why;  // it was not made
    };
    auto working = disk_.run<outcome>("keys", [file = *file, name, scopes, maker]() -> outcome {
        const core::result<std::string> key = config::make_key();
        if (!key) {
            return {{}, key.error().message};
        }
        const core::result<void> added = config::add_key(
            file, name, *key, core::utc_text(std::chrono::system_clock::now(), "%Y-%m-%d"), scopes, maker);
        return {*key, added ? core::reason() : added.error().message};
    });
    core::result<outcome> done = co_await std::move(working);
    if (!done || !done->why.empty()) {
        co_return done ? core::make_failure(core::errc::refused, done->why) : done.error();
    }
    telemetry::log().info("the key {} was made over the network by the key {} event=key.made", name, maker);
    parts_.keys_changed();
    co_return std::move(done->key);
}

core::awaitable<core::result<std::vector<std::string>>> box_desk::remove_key(std::string name) {
    const auto file = parts_.keys_file();
    if (!file) {
        co_return core::make_failure(core::errc::refused, core::say("configuration.key-file/server-file"));
    }
    struct outcome {
        std::vector<std::string> had_made;
        core::reason why;  // it was not removed
    };
    auto working = disk_.run<outcome>("keys", [file = *file, name]() -> outcome {
        auto removed = config::remove_key(file, name);
        return removed ? outcome{*std::move(removed), {}} : outcome{{}, removed.error().message};
    });
    core::result<outcome> done = co_await std::move(working);
    if (!done || !done->why.empty()) {
        co_return done ? core::make_failure(core::errc::refused, done->why) : done.error();
    }
    telemetry::log().info("the key {} was removed over the network event=key.removed",
                          telemetry::printable(name));
    parts_.keys_changed();
    co_return std::move(done->had_made);
}

core::awaitable<core::result<desk_answer>> box_desk::settings() {
    const std::filesystem::path models = parts_.admin->settings->models_directory;
    auto reading = disk_.run<desk_answer>("settings", [from = parts_.source, models] {
        desk_json out = {{"settings", desk_json::array()}};
        for (const config::setting& one : config::list_settings(from, models)) {
            const bool set = one.origin == config::setting_origin::file;
            desk_json row = {{"key", one.key}, {"value", one.value}, {"origin", word_of(one.origin)}};
            row["file"] = set ? desk_json(one.file) : desk_json(nullptr);
            row["line"] = set && one.line > 0 ? desk_json(one.line) : desk_json(nullptr);
            out["settings"].push_back(std::move(row));
        }
        return answer_of(out);
    });
    co_return co_await std::move(reading);
}

bool box_desk::logs_content() const {
    return parts_.admin->settings->log_content;
}

}  // namespace corral::daemon
