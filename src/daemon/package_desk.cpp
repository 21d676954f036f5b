#include "corral/daemon/package_desk.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/log.hpp"
#include "own_command.hpp"
#include "pull_progress.hpp"

namespace corral::daemon {

namespace {

constexpr std::size_t most_pulls = 4;
constexpr std::size_t most_askers = 64;           // of one pull
constexpr std::size_t most_of_client = 2;         // pulls that one client waits for
constexpr core::seconds stop_patience{20};        // for a pull that is being stopped, above its grace
constexpr core::seconds removal_silence{180};     // a model is unloaded meanwhile
constexpr std::size_t most_answer = 16UL * 1024;  // of a removal

core::failure busy_failure() {
    return core::make_failure(core::errc::limit_exceeded, core::say("pull.busy"));
}

core::failure cancelled() {
    return core::make_failure(core::errc::cancelled, core::say("pull.failed/whoever-asked"));
}

// A task of a list, until its end, whatever that is; then it wakes those who wait for it. `owner` has the list.
template <typename Task>
class entry {
public:
    entry(std::shared_ptr<void> owner, std::map<std::string, std::shared_ptr<Task>>& list,
          std::shared_ptr<Task> one, core::known_wording<> when_cut)
        : owner_(std::move(owner)), list_(list), one_(std::move(one)), when_cut_(when_cut) {}
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() {
        if (!std::exchange(one_->over, true)) {
            one_->error = core::say(when_cut_);
        }
        list_.erase(core::lower_case(one_->name));
        one_->changed.ring();
    }

private:
    std::shared_ptr<void> owner_;
    std::map<std::string, std::shared_ptr<Task>>& list_;
    std::shared_ptr<Task> one_;
    core::known_wording<> when_cut_;
};

// Why a command without a word of its own failed.
core::reason why_ended(const own_command_end& end, const char* what) {
    if (end.never_ran) {
        return core::say("pull.failed/cant-start", what, end.never_ran->message);
    }
    if (end.silent) {
        return core::say("pull.failed/silent", what);
    }
    const std::string words = end.last_error.empty() ? std::string() : ": " + end.last_error;
    return core::say("pull.failed/early", what, process::describe(end.how), words);
}

}  // namespace

struct package_desk::transfer {
    explicit transfer(const core::executor& on) : changed(on) {}
    std::string name;
    pull_progress progress;
    core::wake_signal changed;
    std::vector<std::string> askers;  // clients, one for each watch
    bool stopping = false;
    std::string stopped_for;  // why, where it is not because everybody left
    bool over = false;
    core::reason error;  // when it is over; empty: the model is served
};

struct package_desk::removal {
    explicit removal(const core::executor& on) : changed(on) {}
    std::string name;
    std::string answer;
    core::wake_signal changed;
    bool over = false;
    core::reason error;
    bool refused = false;
};

// By name in lower case.
struct package_desk::registry {
    std::map<std::string, std::shared_ptr<transfer>> transfers;
    std::map<std::string, std::shared_ptr<removal>> removals;
};

class package_desk::watch final : public api::pull_watch {
public:
    watch(std::shared_ptr<transfer> of, std::string client, const core::clock_source& clock)
        : parts_(std::move(of)), client_(std::move(client)), clock_(clock) {
        parts_->askers.push_back(client_);
    }
    ~watch() override {
        parts_->askers.erase(std::ranges::find(parts_->askers, client_));
        parts_->changed.ring();
    }

    core::awaitable<core::result<std::optional<std::string>>> next() override {
        while (true) {
            pull_progress::step step = parts_->progress.next(place_, clock_.now(), parts_->over);
            if (step.line) {
                co_return std::move(step.line);
            }
            if (parts_->over) {
                co_return end();
            }
            const core::deadline until = step.again ? core::deadline(*step.again) : core::deadline();
            const core::wake_reason why = co_await parts_->changed.wait(until);
            if (why == core::wake_reason::cancelled) {
                co_return cancelled();
            }
        }
    }

private:
    core::result<std::optional<std::string>> end() {
        if (!parts_->error.empty()) {
            return core::make_failure(core::errc::unavailable, parts_->error);
        }
        if (std::exchange(sent_end_, true)) {
            return std::optional<std::string>();
        }
        return std::optional<std::string>(R"({"status":"success"})");
    }

    std::shared_ptr<transfer> parts_;
    std::string client_;
    const core::clock_source& clock_;
    pull_progress::place place_;
    bool sent_end_ = false;
};

package_desk::package_desk(core::task_group& tasks, const core::clock_source& clock, process::warden& guard,
                           desk_options how)
    : tasks_(tasks),
      clock_(clock),
      guard_(guard),
      how_(std::move(how)),
      open_(std::make_shared<registry>()) {}

package_desk::~package_desk() = default;

std::size_t package_desk::busy() const noexcept {
    return open_->transfers.size() + open_->removals.size();
}

void package_desk::stop_pulls(const std::string& why) {
    for (const auto& [name, one] : open_->transfers) {
        one->stopped_for = why;
        one->stopping = true;
        one->changed.ring();
    }
}

std::vector<std::string> package_desk::words_of(std::vector<std::string> command) const {
    command.insert(command.begin(), how_.program);
    command.insert(command.end(), how_.place.begin(), how_.place.end());
    return command;
}

core::awaitable<core::result<std::unique_ptr<api::pull_watch>>> package_desk::pull(std::string name,
                                                                                   std::string client) {
    const std::string key = core::lower_case(name);
    const core::deadline until = core::deadline::after(how_.grace + stop_patience, clock_.now());
    auto known = open_->transfers.find(key);
    while (known != open_->transfers.end() && known->second->stopping) {
        const std::shared_ptr<transfer> old = known->second;
        const core::wake_reason why = co_await old->changed.wait(until);
        if (why == core::wake_reason::cancelled) {
            co_return cancelled();
        }
        if (why == core::wake_reason::timed_out) {
            co_return busy_failure();
        }
        known = open_->transfers.find(key);
    }
    std::size_t of_client = 0;
    for (const auto& [other, one] : open_->transfers) {
        of_client += other != key && std::ranges::find(one->askers, client) != one->askers.end() ? 1 : 0;
    }
    const bool joins = known != open_->transfers.end();
    if (of_client >= most_of_client || (!joins && open_->transfers.size() >= most_pulls) ||
        (joins && known->second->askers.size() >= most_askers)) {
        co_return busy_failure();
    }
    std::shared_ptr<transfer> one;
    if (joins) {
        one = known->second;
    } else {
        one = std::make_shared<transfer>(tasks_.get_executor());
        one->name = std::move(name);
        open_->transfers[key] = one;
    }
    std::unique_ptr<api::pull_watch> out = std::make_unique<watch>(one, std::move(client), clock_);
    if (!joins) {
        tasks_.spawn("pull " + one->name, run(one));
    }
    co_return std::move(out);
}

core::awaitable<void> package_desk::run(std::shared_ptr<transfer> of) {
    const entry at_end(open_, open_->transfers, of, "pull.failed/stopping");
    telemetry::log().info("a client pulls {} event=pull.begun", telemetry::printable(of->name));
    own_command what;
    // Served under the name that its client will ask for, also where the catalogue has it as an alias.
    what.words = words_of({"pull", of->name, "--json", "--name", of->name});
    what.silence = how_.silence;
    what.grace = how_.grace;
    what.wanted = [of] {
        of->stopping = of->stopping || of->askers.empty();
        return !of->stopping;
    };
    what.on_line = [of](std::string_view line) {
        of->progress.add(line);
        of->changed.ring();
    };
    auto running = run_own_command(std::move(what), guard_, clock_, of->changed);
    const own_command_end end = co_await std::move(running);
    if (!end.well() || !of->progress.succeeded()) {
        of->error = of->progress.error().empty() ? why_ended(end, "the pull")
                                                 : core::reason::unlisted(of->progress.error());
        if (!of->stopped_for.empty()) {
            of->error = core::reason::unlisted(of->stopped_for);
        }
    }
    of->over = true;
    if (!of->stopped_for.empty() && !of->error.empty()) {
        telemetry::log().info("the pull of {} is stopped: {} event=pull.left", telemetry::printable(of->name),
                              of->stopped_for);
    } else if (of->stopping && !of->error.empty()) {
        telemetry::log().info("no client waits for {} any more; its pull is stopped event=pull.left",
                              telemetry::printable(of->name));
    } else if (!of->error.empty()) {
        const core::reason said = core::say("pull.failed/failed", telemetry::printable(of->name),
                                            telemetry::printable(of->error, 500));
        telemetry::warn(said, "{} event=pull.failed", said);
    } else {
        telemetry::log().info("{} was pulled event=pull.done", telemetry::printable(of->name));
    }
}

core::awaitable<core::result<void>> package_desk::remove(std::string name) {
    const std::string key = core::lower_case(name);
    std::shared_ptr<removal> one;
    if (const auto known = open_->removals.find(key); known != open_->removals.end()) {
        one = known->second;
    } else if (open_->removals.size() >= most_pulls) {
        co_return busy_failure();
    } else {
        one = std::make_shared<removal>(tasks_.get_executor());
        one->name = std::move(name);
        open_->removals[key] = one;
        tasks_.spawn("remove " + one->name, run(one));
    }
    const core::deadline never;  // the command has its own
    while (!one->over) {
        const core::wake_reason why = co_await one->changed.wait(never);
        if (why == core::wake_reason::cancelled) {
            co_return cancelled();
        }
    }
    if (!one->error.empty()) {
        co_return core::make_failure(one->refused ? core::errc::refused : core::errc::unavailable,
                                     one->error);
    }
    co_return core::result<void>();
}

// Goes on when its client leaves: a removal that is cut off in the middle is no help.
core::awaitable<void> package_desk::run(std::shared_ptr<removal> of) {
    const entry at_end(open_, open_->removals, of, "pull.failed/rest");
    own_command what;
    what.words = words_of({"rm", of->name, "--files", "--yes", "--json"});
    what.silence = removal_silence;
    what.grace = how_.grace;
    what.on_line = [of](std::string_view line) {
        if (of->answer.size() + line.size() < most_answer) {
            of->answer.append(line).append("\n");
        }
    };
    auto running = run_own_command(std::move(what), guard_, clock_, of->changed);
    const own_command_end end = co_await std::move(running);
    if (!end.well()) {
        const auto said = core::parse_json(of->answer);
        const std::string words = said.is_object() ? core::text_at(said, "error") : std::string();
        of->refused = !words.empty();
        of->error = words.empty() ? why_ended(end, "the removal") : core::reason::unlisted(words);
        const core::reason told = core::say("pull.not-removed", telemetry::printable(of->name),
                                            telemetry::printable(of->error, 500));
        telemetry::warn(told, "{} event=pull.not-removed", told);
    } else {
        telemetry::log().info("{} was removed for a client event=pull.removed",
                              telemetry::printable(of->name));
    }
    of->over = true;
}

}  // namespace corral::daemon
