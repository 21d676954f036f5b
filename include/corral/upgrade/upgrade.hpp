#pragma once
// Live upgrade: this process goes on as another image of the program while models stay loaded
// (docs/packages.md). The new one is asked first; then nothing new is taken in until all that was admitted is
// answered; then it is executed in place. Until that very call everything can be undone, and is.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/config/door_policy.hpp"
#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/task_group.hpp"
#include "corral/engine/backend.hpp"
#include "corral/http/server.hpp"
#include "corral/process/warden.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "corral/upgrade/launch_facts.hpp"
#include "corral/upgrade/upgrade_document.hpp"
#include "corral/upgrade/upgrade_preflight.hpp"

namespace corral::upgrade {

// What an upgrade works on; borrowed, and outliving it.
struct upgrade_parts {
    core::executor on;
    const core::clock_source* clock = nullptr;
    const config::configuration* settings = nullptr;
    process::warden* guard = nullptr;
    http::server* server = nullptr;
    scheduler::scheduler* scheduler = nullptr;
    const std::vector<std::unique_ptr<engine::backend>>* backends = nullptr;
    const core::task_group* runs = nullptr;  // generations
    core::disk_work* disk = nullptr;         // for looks at files
    config::door door;                       // where clients come in
    std::function<int()> state_lock;         // -1: none; may be empty
    std::function<bool()> drained;           // balancers are told to send nothing
    std::function<bool()> stopping;          // the daemon shuts down: no upgrade any more
    std::function<void()> end_threads;    // those beside the loop that would not survive, and what they hold
    std::function<void()> begin_threads;  // after all, because there was no next image
    std::function<void()> begin_drain;    // ends what may take hours and can be gone on with; may be empty
    std::function<std::string()> unfinished;  // what else must end before, for people; empty: nothing
    std::function<std::string()> cards;       // for the next image; may be empty
    std::function<std::string()> speeds;      // the same
    std::function<std::vector<loan_handover>()> loans;
};

// For people.
struct upgrade_report {
    bool under_way = false;
    std::string status;   // empty: none is under way
    std::string failure;  // why the last one was given up; empty: none was
};

class upgrade {
public:
    upgrade(upgrade_parts parts, launch_facts how) : parts_(std::move(parts)), how_(std::move(how)) {}

    // Tries it with `program`; empty: the one we were started as. Does not come back when it works. Where it
    // does not, all is as before, and the log says why. One at a time.
    [[nodiscard]] core::awaitable<void> run(std::string program);
    [[nodiscard]] bool under_way() const noexcept { return under_way_; }
    [[nodiscard]] upgrade_report report() const { return {under_way_, status_, failure_}; }

private:
    [[nodiscard]] core::awaitable<core::failure> attempt(std::string program);
    [[nodiscard]] core::awaitable<core::result<preflight_report>> ask(std::string program);
    [[nodiscard]] core::awaitable<core::result<void>> drain(core::deadline until);
    [[nodiscard]] core::awaitable<core::result<void>> stop_leftovers(preflight_report next,
                                                                     core::deadline until);
    [[nodiscard]] std::string still_open() const;
    [[nodiscard]] handover compose() const;
    [[nodiscard]] core::failure replace(const std::string& program);
    void undo();
    [[nodiscard]] core::steady_time now() const { return parts_.clock->now(); }

    upgrade_parts parts_;
    launch_facts how_;
    bool under_way_ = false;
    std::string status_;
    std::string failure_;
    core::steady_time paused_;
    std::set<std::string> ended_;  // labels of those whose services we ended; the next image starts them anew
};

}  // namespace corral::upgrade
