#include "corral/telemetry/log.hpp"

#include <csignal>
#include <cstdlib>
#include <memory>

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <sys/stat.h>
#include <unistd.h>

#include "telemetry/log_sinks.hpp"

namespace corral::telemetry {

namespace {

constexpr std::size_t queue_lines = 1024;
constexpr std::chrono::milliseconds stop_limit{1000};

struct log_state {
    // Asked first: it never waits.
    std::shared_ptr<ring_sink> kept = std::make_shared<ring_sink>();
    std::shared_ptr<outer_sink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::logger> logger;
};

enum class line_style { terminal, journal };

// systemd sets the variable for a whole service; only the same device and inode mean that it is our stderr.
bool stderr_is_the_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat about {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &about) != 0) {
        return false;
    }
    return std::to_string(about.st_dev) + ':' + std::to_string(about.st_ino) == stream;
}

class level_flag final : public spdlog::custom_flag_formatter {
public:
    explicit level_flag(line_style style) : style_(style) {}
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        const std::string_view text =
            style_ == line_style::journal ? prefix(message.level) : name(message.level);
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
        return std::make_unique<level_flag>(style_);
    }

private:
    static std::string_view name(spdlog::level::level_enum level) {
        switch (level) {
            case spdlog::level::trace:
            case spdlog::level::debug:
                return "DEBUG";
            case spdlog::level::warn:
                return "WARN";
            case spdlog::level::err:
            case spdlog::level::critical:
                return "ERROR";
            default:
                return "INFO";
        }
    }
    // sd-daemon(3)
    static std::string_view prefix(spdlog::level::level_enum level) {
        switch (level) {
            case spdlog::level::trace:
            case spdlog::level::debug:
                return "<7>DEBUG";
            case spdlog::level::warn:
                return "<4>WARN";
            case spdlog::level::err:
            case spdlog::level::critical:
                return "<3>ERROR";
            default:
                return "<6>INFO";
        }
    }
    line_style style_;
};

std::unique_ptr<spdlog::formatter> make_formatter() {
    const line_style style = stderr_is_the_journal() ? line_style::journal : line_style::terminal;
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<level_flag>('*', style);
    formatter->set_pattern(style == line_style::journal ? "%* %v" : "%Y-%m-%dT%H:%M:%S.%e%z %* %v");
    return formatter;
}

std::shared_ptr<stderr_sink> plain_sink() {
    auto out = std::make_shared<stderr_sink>(STDERR_FILENO);
    out->set_formatter(make_formatter());
    return out;
}

// Beside the journal's stream on standard error, which knows nothing but lines, stands its socket for fields.
std::shared_ptr<outer_sink> make_sink(const std::string& journal) {
    auto plain = plain_sink();
    if (!stderr_is_the_journal()) {
        return plain;
    }
    return std::make_shared<journal_sink>(journal, std::move(plain));
}

spdlog::level::level_enum to_spdlog(log_level level) {
    switch (level) {
        case log_level::debug:
            return spdlog::level::debug;
        case log_level::info:
            return spdlog::level::info;
        case log_level::warn:
            return spdlog::level::warn;
        case log_level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

void make_synchronous(log_state& state) {
    state.sink = plain_sink();
    state.logger =
        std::make_shared<spdlog::logger>("corral", spdlog::sinks_init_list{state.kept, state.sink});
}

log_state& current() {
    static log_state state = [] {
        log_state made;
        make_synchronous(made);
        return made;
    }();
    return state;
}

// Signals belong to the daemon's thread, and a closed stderr must not end the daemon.
void block_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

void start_logging(log_level level, const std::string& journal) {
    log_state& state = current();
    state.sink = make_sink(journal);
    try {
        state.pool = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1U, &block_signals);
    } catch (const std::exception& error) {
        make_synchronous(state);  // better slow than silent
        state.logger->set_level(to_spdlog(level));
        warn(core::say("daemon.log/no-thread", error.what()));
        return;
    }
    state.logger =
        std::make_shared<spdlog::async_logger>("corral", spdlog::sinks_init_list{state.kept, state.sink},
                                               state.pool, spdlog::async_overflow_policy::overrun_oldest);
    state.logger->set_level(to_spdlog(level));
}

void stop_logging() {
    log_state& state = current();
    if (!state.pool) {
        return;
    }
    state.sink->hurry(stop_limit);
    const std::size_t lost = state.pool->overrun_counter();
    const auto level = state.logger->level();
    state.logger.reset();
    state.pool.reset();  // writes what is queued and joins
    make_synchronous(state);
    state.logger->set_level(level);
    if (lost > 0) {
        // There may be no reader any more, so this too must not wait long.
        state.sink->hurry(stop_limit);
        warn(core::say("daemon.log/dropped", lost));
    }
}

log_tail recent_log(std::uint64_t number, std::size_t most) {
    return current().kept->read(number, most);
}

void write_line(spdlog::level::level_enum level, const line_id& id, const std::string& text) {
    if (id.text().empty()) {
        log().log(level, text);
    } else {
        log().log(level, "{} id={}", text, id.text());
    }
}

spdlog::logger& log() {
    return *current().logger;
}

}  // namespace corral::telemetry
