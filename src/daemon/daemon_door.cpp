// The daemon while something of its configuration is missing or wrong: who is let in, and what is waited for.

// The daemon as one of many behind a load balancer.

#include <utility>

#include "agent_port.hpp"
#include "corral/api/member_state.hpp"
#include "corral/config/boot.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

namespace {

// A disk that takes longer is looked at again later.
constexpr core::seconds longest_look{10};

// `work` says why it failed; empty: it did not.
core::awaitable<void> write_last_good(core::disk_work& disk, std::function<std::string()> work) {
    const core::deadline until = core::deadline::after(longest_look, core::steady_clock_source().now());
    auto writing = disk.run("last good", std::move(work), until);
    const core::result<std::string> done = co_await std::move(writing);
    if (!done && done.error().code == core::errc::cancelled) {
        co_return;  // the server stops, and its disk is not to blame
    }
    const std::string why = done ? *done : done.error().message.text();
    if (!why.empty()) {
        const core::reason said = core::say("configuration.stands-in/copy", telemetry::printable(why, 500));
        telemetry::warn(said, "{} event=configuration.not_copied", said);
    }
}

}  // namespace

// Without a place or a key's name: anybody may read it.
std::string daemon::closed_for_clients() const {
    const char* what = nullptr;
    if (credentials_->waits_for_keys()) {
        what = "it waits for the file of its API keys";
    } else if (credentials_->waits_for_tls()) {
        what = "it waits for its TLS certificate";
    } else if (settings_.in_place && settings_.in_place->door_differs) {
        what = "its configuration has a mistake and may let others in than before";
    }
    return what == nullptr ? core::reason() : core::say("request.closed", what);
}

std::vector<std::string> daemon::closed_for_operators() const {
    std::vector<std::string> out = credentials_->awaited();
    for (std::string& each : out) {
        each += "; it is checked every few seconds";
    }
    const config::key_ring* const keys = credentials_->keys();
    if (keys != nullptr && keys->all().empty() && !credentials_->waits_for_keys()) {
        out.push_back(core::say("configuration.no-key", *settings_.keys_file));
    }
    if (settings_.in_place && settings_.in_place->door_differs) {
        out.push_back(
            "what " + source_.file.string() +
            " says about listen, [access] or [tls] differs from the last good copy; its mistake must be "
            "fixed first");
    }
    return out;
}

// On another thread, for a mount that is late may also hang.
core::awaitable<void> daemon::wait_for_credentials() {
    std::function<bool()> look = [settings = settings_] {
        return config::credential_files::readable(settings);
    };
    const core::deadline until = core::deadline::after(longest_look, clock_.now());
    const std::shared_ptr<config::credential_files> asked = credentials_;
    auto looking = before_start_.run("credentials", std::move(look), until);
    const core::result<bool> good = co_await std::move(looking);
    const bool replaced = asked != credentials_;
    if (replaced || !good) {
        co_return;
    }
    asked->load_or_wait();  // the disk answers, and one of both may be there
    if (!asked->awaited().empty()) {
        co_return;
    }
    if (asked->tls()) {
        server_->use_tls(*asked->tls());
        server_->close_all();  // the plain ones, which only got refusals
    }
    renew_request_pipeline();
    if (closed_for_clients().empty()) {
        telemetry::log().info("keys and certificate are available: clients are admitted event=door.opened");
        keep_last_good(std::exchange(good_text_, {}));
    }
}

// A file that came late, or was fixed, is applied as by 'corral reload'.
void daemon::watch_settings_file() {
    if (settings_.in_place && settings_watch_.changed()) {
        reload_wanted_ = true;
        reload_asked_.ring();
    }
}

void daemon::keep_last_good(std::string text) {
    if (settings_.in_place || settings_.state_directory.empty() || config::is_wiped(text)) {
        return;
    }
    if (!closed_for_clients().empty()) {
        good_text_ = std::move(text);  // maybe a mistaken name of a file; kept when that is there
        return;
    }
    std::function<std::string()> work = [state = settings_.state_directory, file = source_.file,
                                         text = std::move(text),
                                         now = core::utc_text(std::chrono::system_clock::now())] {
        const auto kept = config::keep_last_good(state, file, text, now);
        return kept ? std::string() : kept.error().message.text();
    };
    service_tasks_.spawn("last good copy", write_last_good(before_start_, std::move(work)));
}

core::result<void> daemon::open_agent() {
    drained_ = inherited_.before && inherited_.before->drained;
    if (!settings_.agent) {
        return {};
    }
    agent_ = std::make_unique<agent_port>(service_tasks_, [this](std::string_view asked) {
        const api::box_condition box{fleet_.admission().refuses_new(), !closed_for_clients().empty(),
                                     drained_};
        return api::agent_line(box, fleet_.models(), fleet_.admission(), asked);
    });
    return agent_->listen(*settings_.agent);
}

void daemon::set_drained(bool is) {
    if (std::exchange(drained_, is) != is) {
        telemetry::log().info(
            is ? "drained by its operator: load balancers are told to send nothing more event=drained"
               : "undrained by its operator: balancers may send again event=undrained");
    }
}

}  // namespace corral::daemon
