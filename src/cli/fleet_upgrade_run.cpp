#include "cli/fleet_upgrade_run.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "cli/reported_fields.hpp"
#include "corral/core/json_members.hpp"
#include "corral/process/child.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using boxes::upgrade_action;
using boxes::upgrade_step;
using control::admin_json;

constexpr std::size_t longest_line = 2000;  // of a command's output
constexpr core::seconds grace_of_command{10};

core::steady_time now() {
    return std::chrono::steady_clock::now();
}

boxes::box_sight sight_of(const core::result<admin_json>& told) {
    constexpr std::size_t longest_name = 200;
    boxes::box_sight out;
    if (!told) {
        out.why = telemetry::printable(told.error().message, longest_line);
        return out;
    }
    out.answers = true;
    out.drained = reported_flag(*told, "drained");
    out.version = reported_text(*told, "version", longest_name);
    const admin_json queue = told->value("queue", admin_json::object());
    if (queue.is_object()) {
        out.requests =
            static_cast<std::size_t>(reported_amount(queue, "running") + reported_amount(queue, "waiting"));
    }
    for (const admin_json& model : reported_objects(*told, "models")) {
        if (reported_text(model, "state") == "ready") {
            out.ready.push_back(reported_text(model, "name", longest_name));
        }
    }
    return out;
}

std::map<std::string, std::string> environment_for(const boxes::box_entry& box) {
    std::map<std::string, std::string> out;
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string_view text(*one);
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos && equals > 0) {
            out.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    out["CORRAL_BOX"] = box.name;
    out["CORRAL_BOX_HOST"] = box.address.host;
    return out;
}

class upgrade_runner {
public:
    explicit upgrade_runner(upgrade_job job)
        : job_(std::move(job)),
          upgrade_(job_.boxes.size(), job_.rules),
          told_(job_.boxes.size(), upgrade_step::untouched),
          stop_(loop_, SIGINT, SIGTERM),
          tick_(loop_) {}

    upgrade_end run() {
        listen_to_signals();
        perform(upgrade_.begin(now()));
        spawn(tick());
        loop_.run();
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
        return {upgrade_.succeeded() && !cut_short_, upgrade_.boxes()};
    }

private:
    void spawn(core::awaitable<void> what) {
        core::asio::co_spawn(loop_, std::move(what), [this](const std::exception_ptr& error) {
            if (error) {
                thrown_ = error;
                loop_.stop();
            }
        });
    }

    void listen_to_signals() {
        stop_.async_wait([this](const core::error_code& error, int) {
            if (error) {
                return;
            }
            if (interrupted_) {
                cut_short_ = true;
                job_.tell("ended at once; commands that ran are killed, and boxes stay as they are");
                loop_.stop();
                return;
            }
            interrupted_ = true;
            job_.tell(
                "no further box begins; those that are being changed come to their end (again: at once)");
            perform(upgrade_.on_interrupt(now()));
            listen_to_signals();
        });
    }

    core::awaitable<void> tick() {
        constexpr core::milliseconds between{100};
        while (!upgrade_.over() || open_ > 0) {
            tick_.expires_after(between);
            co_await tick_.async_wait(core::as_result);
            perform(upgrade_.on_tick(now()));
        }
        loop_.stop();  // what a command left behind may still hold its output open
    }

    void perform(const std::vector<upgrade_action>& all) {
        tell_steps();
        for (const upgrade_action& one : all) {
            ++open_;
            switch (one.what) {
                case upgrade_action::kind::look:
                    spawn(look(one.box));
                    break;
                case upgrade_action::kind::drain:
                    spawn(order(one.box, "drain"));
                    break;
                case upgrade_action::kind::undrain:
                    spawn(order(one.box, "undrain"));
                    break;
                case upgrade_action::kind::change:
                    spawn(change(one.box));
                    break;
            }
        }
    }

    void tell_steps() {
        for (std::size_t box = 0; box < told_.size(); ++box) {
            const boxes::upgraded_box& one = upgrade_.boxes()[box];
            if (one.step == told_[box]) {
                continue;
            }
            const bool same_word =
                std::string_view(boxes::to_string(one.step)) == boxes::to_string(told_[box]);
            told_[box] = one.step;
            if (!same_word) {
                job_.tell(job_.boxes[box].name + ": " + boxes::to_string(one.step) +
                          (one.why.empty() ? "" : ": " + one.why));
            }
        }
    }

    core::awaitable<void> look(std::size_t box) {
        const core::result<admin_json> told = co_await ask_box(job_.found[box], "status", {});
        --open_;
        perform(upgrade_.on_seen(box, sight_of(told), now()));
    }

    core::awaitable<void> order(std::size_t box, std::string verb) {
        const core::result<admin_json> told = co_await ask_box(job_.found[box], verb, {});
        --open_;
        const std::string failure =
            told ? std::string() : telemetry::printable(told.error().message, longest_line);
        perform(verb == "drain" ? upgrade_.on_drained(box, failure, now())
                                : upgrade_.on_undrained(box, failure, now()));
    }

    // Each line behind the name of its box.
    core::awaitable<void> pass_on(std::shared_ptr<process::child> from, process::output_stream which,
                                  std::size_t box, std::shared_ptr<unsigned> streams) {
        std::string rest;
        const auto tell = [&](std::string_view line) {
            job_.tell(job_.boxes[box].name + " | " + telemetry::printable(line, longest_line));
        };
        while (true) {
            const core::result<std::string> part = co_await from->read(which);
            if (!part || part->empty()) {
                break;
            }
            rest += *part;
            std::size_t end = 0;
            while ((end = rest.find('\n')) != std::string::npos) {
                tell(std::string_view(rest).substr(0, end));
                rest.erase(0, end + 1);
            }
            if (rest.size() > longest_line) {
                tell(rest);
                rest.clear();
            }
        }
        if (!rest.empty()) {
            tell(rest);
        }
        --*streams;
    }

    void end_at_limit(const std::shared_ptr<process::child>& running,
                      const std::shared_ptr<core::asio::steady_timer>& timer) const {
        timer->expires_after(job_.command_limit);
        timer->async_wait([running, timer](const core::error_code& cancelled) {
            if (cancelled) {
                return;
            }
            (void)running->signal_group(SIGTERM);  // it may be over, and wait() tells in any case
            timer->expires_after(grace_of_command);
            timer->async_wait([running](const core::error_code& ended) {
                if (!ended) {
                    (void)running->signal_group(SIGKILL);
                }
            });
        });
    }

    core::awaitable<void> change(std::size_t box) {
        std::string failure = co_await run_command(box);
        --open_;
        perform(upgrade_.on_changed(box, failure, now()));
    }

    // Empty: it ended well.
    core::awaitable<std::string> run_command(std::size_t box) {
        process::spawn_spec what;
        for (const std::string& word : job_.command) {
            what.command.push_back(filled_in(word, job_.boxes[box]));
        }
        what.environment = environment_for(job_.boxes[box]);
        auto started = process::child::spawn(loop_.get_executor(), what);
        if (!started) {
            co_return started.error().message;
        }
        const auto running = std::make_shared<process::child>(*std::move(started));
        const auto streams = std::make_shared<unsigned>(2);
        spawn(pass_on(running, process::output_stream::out, box, streams));
        spawn(pass_on(running, process::output_stream::err, box, streams));
        const auto limit = std::make_shared<core::asio::steady_timer>(loop_);
        const core::steady_time begin = now();
        end_at_limit(running, limit);
        const process::exit_reason how = co_await running->wait();
        limit->cancel();
        const bool too_long = now() - begin >= job_.command_limit;
        constexpr core::milliseconds between{20};
        constexpr int most_looks = 50;
        for (int i = 0; i<most_looks&& * streams> 0; ++i) {
            co_await core::sleep_for(between);  // for its last lines
        }
        if (const auto& never = running->failed_start()) {
            co_return never->message;
        }
        const auto* const ended = std::get_if<process::exited_with>(&how);
        if (ended != nullptr && ended->code == 0) {
            co_return std::string();
        }
        co_return process::describe(how) +
            (too_long ? " after " + std::to_string(job_.command_limit.count()) + " s (--command-limit)" : "");
    }

    upgrade_job job_;
    boxes::rolling_upgrade upgrade_;
    std::vector<upgrade_step> told_;
    boost::asio::io_context loop_{1};
    boost::asio::signal_set stop_;
    core::asio::steady_timer tick_;
    std::size_t open_ = 0;  // actions under way
    bool interrupted_ = false;
    bool cut_short_ = false;
    std::exception_ptr thrown_;
};

}  // namespace

std::string filled_in(const std::string& word, const boxes::box_entry& box) {
    const std::array<std::pair<std::string_view, std::string>, 3> all{
        {{"{box}", box.name},
         {"{host}", box.address.host},
         {"{port}", std::to_string(box.address.port.value_or(0))}}};
    std::string out;
    for (std::size_t at = 0; at < word.size();) {
        bool found = false;
        for (const auto& [name, text] : all) {
            if (word.compare(at, name.size(), name) == 0) {
                out += text;
                at += name.size();
                found = true;
                break;
            }
        }
        if (!found) {
            out += word[at++];
        }
    }
    return out;
}

upgrade_end run_upgrade(upgrade_job job) {
    return upgrade_runner(std::move(job)).run();
}

}  // namespace corral::cli
