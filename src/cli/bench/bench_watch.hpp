#pragma once
// Looks at the box while a test runs: what the status of its Corral knows of cards, and what the kernel knows of the
// services where they run on this machine.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "corral/bench/box_watch.hpp"
#include "corral/bench/measurement.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/result.hpp"
#include "corral/process/footprint.hpp"

namespace corral::cli {

// How the box of a server is looked at.
struct box_door {
    std::function<core::result<control::admin_json>()> status;  // blocks, for 3 s at most
    // Lines that the services of the model have printed, the oldest first; none where they may not be read. Blocks.
    std::function<std::string()> lines;
    bool here = false;  // its processes are of this machine
    std::string model;
};

// Whether a status is of a Corral of this machine, behind no tunnel from another: its process is one here.
[[nodiscard]] bool is_of_this_machine(const control::admin_json& status);

// Versions of drivers and kernel, and the options of the runtime: cores of the NPU, processors, threads. What it finds
// by itself replaces nothing that is there.
void add_box_facts(bench::server_facts& facts, const box_door& door, const control::admin_json& status);

class box_watcher {
public:
    explicit box_watcher(box_door door) : door_(std::move(door)) {}
    box_watcher(const box_watcher&) = delete;
    box_watcher& operator=(const box_watcher&) = delete;
    ~box_watcher();

    // Looks once a second, on a thread of its own, until end(). REQUIRES: not begun.
    void begin();
    // What was seen since; with a last look.
    [[nodiscard]] bench::box_watch end();
    [[nodiscard]] const box_door& door() const noexcept { return door_; }

private:
    struct service_meter {
        process::cpu_meter meter;
        process::cpu_time last;
        core::steady_time at;
    };
    void watch();
    void look(double at_s);
    void take_cards(const control::admin_json& status, const std::vector<int>& cards, double at_s);
    void take_service(const std::string& name, pid_t pid, double at_s);

    box_door door_;
    std::thread thread_;
    std::mutex guard_;
    std::condition_variable ended_;
    bool over_ = false;
    core::steady_time begun_;
    double last_look_s_ = 0;
    bench::box_watch seen_;
    std::map<std::string, service_meter> meters_;
};

}  // namespace corral::cli
