#include "own_command.hpp"

#include <csignal>
#include <cstdlib>
#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/process/child.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/output_lines.hpp"

namespace corral::daemon {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

constexpr core::milliseconds between_kills{200};
constexpr int most_kills = 25;

constexpr const char* passed_on[] = {
    "HF_ENDPOINT",    "HF_TOKEN",        "HF_TOKEN_PATH", "http_proxy",      "https_proxy",
    "HTTPS_PROXY",    "all_proxy",       "ALL_PROXY",     "no_proxy",        "NO_PROXY",
    "SSL_CERT_FILE",  "SSL_CERT_DIR",    "CORRAL_CONFIG", "STATE_DIRECTORY", "RUNTIME_DIRECTORY",
    "XDG_STATE_HOME", "XDG_CONFIG_HOME",
};

// One run, from its start to its end or its killing.
class run {
public:
    run(process::child started, own_command what, process::warden& guard, const core::clock_source& clock,
        core::wake_signal& changed)
        : child_(std::move(started)),
          what_(std::move(what)),
          guard_(guard),
          clock_(clock),
          changed_(changed),
          heard_(clock.now()) {
        log_failure(guard_.watch_group(child_.pid()));
    }
    run(const run&) = delete;
    run& operator=(const run&) = delete;
    ~run() {
        static_cast<void>(
            child_.kill_family());  // what can't be killed at once dies with the next look for orphans
        log_failure(guard_.forget_group(child_.pid()));
    }

    core::awaitable<own_command_end> finish() {
        auto all = see_to_its_end();
        auto keeper = keep_time();
        co_await (std::move(all) || std::move(keeper));
        end_.never_ran = child_.failed_start();
        co_return std::move(end_);
    }

private:
    static void log_failure(const core::result<void>& sent) {
        if (!sent) {
            telemetry::log().debug("the warden was not told of a command of ours: {}", sent.error().message);
        }
    }

    core::awaitable<void> collect(process::output_stream stream, telemetry::line_assembler::sink on_line) {
        telemetry::line_assembler lines(std::move(on_line), {});
        while (true) {
            auto reading = child_.read(stream);
            const core::result<std::string> bytes = co_await std::move(reading);
            if (!bytes || bytes->empty()) {
                break;
            }
            lines.feed(*bytes);
        }
        lines.finish();
    }

    core::awaitable<void> hand_on() {
        while (true) {
            auto reading = child_.read(process::output_stream::out);
            const core::result<std::string> bytes = co_await std::move(reading);
            if (!bytes || bytes->empty()) {
                break;
            }
            heard_ = clock_.now();
            what_.on_output(*bytes);
        }
    }

    core::awaitable<void> await_end() { end_.how = co_await child_.wait(); }

    core::awaitable<void> see_to_its_end() {
        auto out =
            what_.on_output ? hand_on() : collect(process::output_stream::out, [this](std::string_view line) {
                heard_ = clock_.now();
                if (what_.on_line) {
                    what_.on_line(line);
                }
            });
        auto err = collect(process::output_stream::err, [this](std::string_view line) {
            if (!line.empty()) {
                end_.last_error = telemetry::printable(line, 500);
            }
        });
        auto both = std::move(out) && std::move(err);
        auto end = await_end();
        co_await (std::move(both) && std::move(end));
    }

    // Ends the command when it is not wanted any more or too silent. Returns only where not even SIGKILL ends it, because
    // it waits for a device: then it is left to the reaper.
    core::awaitable<void> keep_time() {
        while (what_.wanted == nullptr || what_.wanted()) {
            const core::deadline silent =
                core::deadline::after(what_.silence - (clock_.now() - heard_), clock_.now());
            const core::wake_reason why = co_await changed_.wait(silent);
            if (why == core::wake_reason::cancelled) {
                co_return;
            }
            if (clock_.now() - heard_ >= what_.silence) {
                end_.silent = true;
                break;
            }
        }
        static_cast<void>(child_.signal_group(SIGTERM));  // what does not go is killed below
        bool awake = co_await core::sleep_for(what_.grace);
        for (int kill = 0; awake && kill < most_kills; ++kill) {
            static_cast<void>(child_.kill_family());
            awake = co_await core::sleep_for(between_kills);
        }
    }

    process::child child_;
    own_command what_;
    process::warden& guard_;
    const core::clock_source& clock_;
    core::wake_signal& changed_;
    core::steady_time heard_;
    own_command_end end_;
};

}  // namespace

bool own_command_end::well() const noexcept {
    const auto* status = std::get_if<process::exited_with>(&how);
    return !never_ran && status != nullptr && status->code == 0;
}

std::map<std::string, std::string> environment_for_own_command() {
    std::map<std::string, std::string> out = process::clean_environment();
    for (const char* const name : passed_on) {
        if (const char* const value = std::getenv(name)) {
            out[name] = value;
        }
    }
    return out;
}

core::awaitable<own_command_end> run_own_command(own_command command, process::warden& guard,
                                                 const core::clock_source& clock,
                                                 core::wake_signal& changed) {
    process::spawn_spec wanted;
    wanted.command = command.words;
    wanted.environment = environment_for_own_command();
    wanted.environment[process::warden::token_name()] = guard.token();
    wanted.limits.nice = 10;  // behind who serves
    const core::executor on = co_await boost::asio::this_coro::executor;
    auto started = process::child::spawn(on, wanted);
    if (!started) {
        own_command_end none;
        none.never_ran = started.error();
        co_return none;
    }
    run running(std::move(started.value()), std::move(command), guard, clock, changed);
    auto finishing = running.finish();
    own_command_end end = co_await std::move(finishing);
    co_return end;
}

}  // namespace corral::daemon
