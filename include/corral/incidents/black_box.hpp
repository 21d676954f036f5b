#pragma once
// Keeps a bundle of each crash, hang, failed start and opened breaker in <state>/crashes, for a person who
// comes later. A stop that was asked for is none. Watches; decides nothing about the services. The disk is
// used by a thread of its own: one that is full, slow or read-only is a warning and harms nothing else.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/config/configuration.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/incidents/incident_policy.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/run_journal.hpp"

namespace corral::incidents {

struct black_box_sources {
    const telemetry::run_journal* journal = nullptr;  // borrowed; may be null
    // What is known of the device; at once, on the loop. Null when nothing is; may be empty.
    std::function<nlohmann::ordered_json()> device;
    bool log_content = false;  // services' lines may hold prompts and answers
};

class black_box {
public:
    // `tasks` and `clock` are borrowed and outlive this.
    black_box(core::task_group& tasks, const core::clock_source& clock,
              const config::black_box_settings& settings, std::filesystem::path folder,
              black_box_sources from);
    black_box(const black_box&) = delete;
    black_box& operator=(const black_box&) = delete;
    // Keeps what is open and waits for the disk.
    ~black_box();

    // `services` are borrowed until forget().
    void watch(const catalog::model_entry& model, supervisor::group& services);
    // Keeps what is open about them first.
    void forget(const supervisor::group& services);
    // Why what happened last is in no bundle; empty: it is in one, or is being written, or nothing has happened.
    [[nodiscard]] std::string lost() const;

private:
    class watched;
    class writer;

    static core::awaitable<void> settle(std::shared_ptr<watched> about);
    void keep(watched& about);

    core::task_group& tasks_;
    const core::clock_source& clock_;
    black_box_sources from_;
    incident_ration ration_;
    std::vector<std::shared_ptr<watched>> watched_;
    std::unique_ptr<writer> writer_;
};

}  // namespace corral::incidents
