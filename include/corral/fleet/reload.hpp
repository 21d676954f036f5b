#pragma once
// SIGHUP and `corral reload`: the configuration file read again while everything runs. A file with a mistake
// changes nothing at all; a good one is applied without disturbing running answers.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corral/api/variant_library.hpp"
#include "corral/config/configuration.hpp"
#include "corral/config/credential_files.hpp"
#include "corral/config/deployments.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/backend.hpp"
#include "corral/fleet/reload_policy.hpp"
#include "corral/fleet/retired_models.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/http/server.hpp"
#include "corral/monitor/card_memory.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::fleet {

// The running server's parts that a reload changes; all borrowed.
struct reloadable {
    config::configuration* settings = nullptr;
    std::vector<std::unique_ptr<engine::backend>>* backends = nullptr;
    std::shared_ptr<config::credential_files>* credentials = nullptr;
    scheduler::scheduler* admission = nullptr;
    generation::model_directory* models = nullptr;
    std::unique_ptr<api::variant_library>* variants = nullptr;
    generation::generation_service* generations = nullptr;
    http::server* server = nullptr;
    const supervisor::supervisor_context* supervision = nullptr;
    monitor::card_memory* room = nullptr;
    core::task_group* tasks = nullptr;
    // Told of each backend that comes, and of each that goes while it still lives.
    std::function<void(engine::backend&)> on_deployed;
    std::function<void(engine::backend&)> on_removed;
    std::function<std::string()> in_the_way;  // why it can't be done now; empty: it can
    std::function<void()> renew_pipeline;  // settings or credentials are others: requests get a new handler
};

struct reload_report {
    bool applied = false;
    reload_plan plan;
    std::vector<std::string> errors;  // one line each, file and place first; why nothing was applied
    std::vector<std::string> warnings;
    std::vector<std::string> left_out;  // lines about manifests with mistakes, while all else was applied
};

// What the configuration means for the parts of a server, at the start as at a reload.
// `room` is told what the configuration says of it, and asked for as long as the options live.
[[nodiscard]] scheduler::scheduler_options scheduler_options_of(const config::configuration& settings,
                                                                monitor::card_memory& room);
[[nodiscard]] api::generation_options generation_options_of(const config::configuration& settings);
class reloader {
public:
    reloader(reloadable parts, config::configuration_source source);

    // One at a time, others wait. Everything of it is in the log too.
    [[nodiscard]] core::awaitable<reload_report> reload();

    [[nodiscard]] retired_models& retired() noexcept { return retired_; }
    [[nodiscard]] bool under_way() const noexcept { return busy_; }
    [[nodiscard]] std::size_t applied() const noexcept { return applied_; }
    // From now on none is applied.
    void close() noexcept;

private:
    struct deployment_change;
    struct newcomers;
    [[nodiscard]] core::awaitable<reload_report> reload_now();
    [[nodiscard]] core::result<newcomers> prepare(const config::configuration& wanted, std::string& culprit);
    [[nodiscard]] core::result<newcomers> prepare_partial(config::configuration& wanted,
                                                          reload_report& report);
    void apply(config::configuration wanted, const reload_plan& plan, newcomers made);
    [[nodiscard]] core::result<deployment_change> prepare_deployment(const config::deployment& deployment);
    void remove_deployment(const std::string& deployment);
    void deploy(deployment_change change);
    void retire(std::unique_ptr<engine::backend> runtime);
    void publish(const std::vector<config::deployment>& deployments, const reload_plan& plan);
    void sort_backends();
    [[nodiscard]] std::vector<std::string> deployments_now() const;

    reloadable parts_;
    config::configuration_source source_;
    core::disk_work disk_;
    retired_models retired_;
    core::wake_signal over_;
    bool busy_ = false;
    bool closed_ = false;
    std::size_t applied_ = 0;
};

}  // namespace corral::fleet
