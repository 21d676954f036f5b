#pragma once
// The models that run: their backends, the scheduler that loads them, and the directory that offers them. One
// owner of all three, who alone changes them, at the start as at a reload.

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "corral/api/variant_library.hpp"
#include "corral/config/configuration.hpp"
#include "corral/config/deployments.hpp"
#include "corral/engine/backend.hpp"
#include "corral/fleet/reload_policy.hpp"
#include "corral/fleet/retired_models.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/monitor/card_memory.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "corral/supervisor/context.hpp"
#include "corral/upgrade/inheritance.hpp"

namespace corral::fleet {

// One deployment as a reload leaves it.
struct deployment_change {
    struct instance {
        catalog::model_entry entry;
        engine::backend* stays = nullptr;        // it is there already, and goes on
        std::unique_ptr<engine::backend> comes;  // in its place, or anew
    };
    std::string name;
    std::vector<instance> instances;  // in the order of its card sets
};

// What must succeed before anything is changed.
struct fleet_change {
    std::vector<config::deployment> deployments;
    std::vector<deployment_change> changes;  // one for each of them
};

// Called for each backend that comes, and for each that goes while it still lives. May be empty.
struct fleet_listener {
    std::function<void(engine::backend&)> on_deployed;
    std::function<void(engine::backend&)> on_removed;
};

class fleet {
public:
    using backend_list = std::vector<std::unique_ptr<engine::backend>>;

    // Nothing runs yet. `supervision`, what it points to, and `memory` are borrowed and outlive this.
    fleet(const supervisor::supervisor_context& supervision, monitor::card_memory& memory,
          const config::configuration& settings);
    fleet(const fleet&) = delete;
    fleet& operator=(const fleet&) = delete;

    // Makes the backends, or goes on with those that `from` hands over, and ends what nothing claims. A
    // model that can't be made moves to `left_out` of `settings`. Fails with a sentence for people.
    // Call it once.
    [[nodiscard]] core::result<void> open(config::configuration& settings, upgrade::inheritance& inherited);
    // Called with what a reload changes from now on.
    void listen_with(fleet_listener listener) { listener_ = std::move(listener); }

    // In the order of the configuration, and of a model's card sets.
    [[nodiscard]] const backend_list& backends() const noexcept { return backends_; }
    [[nodiscard]] scheduler::scheduler& admission() noexcept { return scheduler_; }
    [[nodiscard]] const scheduler::scheduler& admission() const noexcept { return scheduler_; }
    // REQUIRES: open().
    [[nodiscard]] generation::model_directory& models() noexcept { return *models_; }
    [[nodiscard]] const generation::model_directory& models() const noexcept { return *models_; }
    // nullptr: there is no folder to keep any.
    [[nodiscard]] api::variant_library* variants() noexcept { return variants_.get(); }
    // Deployments that were loaded before this image of the program began.
    [[nodiscard]] const std::set<std::string>& adopted() const noexcept { return adopted_; }
    // Names of the deployments, in the order of their first backends.
    [[nodiscard]] std::vector<std::string> deployments() const;

    // Makes whatever can fail for the models of `wanted`; changes nothing. `culprit`: the deployment at fault.
    [[nodiscard]] core::result<fleet_change> prepare(const config::configuration& wanted,
                                                     std::string& culprit);
    // All in one step of the loop, so that a half applied state is never seen. `settings` are those in force from now on.
    void apply(fleet_change made, const config::configuration& settings, const reload_plan& plan);
    // Those that a reload took out of service and whose services may still live.
    [[nodiscard]] std::vector<engine::backend*> not_stopped() const { return retired_.not_stopped(); }
    // Cuts the answers that those of `model` still give.
    void cut_retired(const std::string& model) { retired_.cut(model); }
    // From now on no backend is destroyed.
    void close() noexcept { retired_.close(); }

private:
    // Tells `memory` what the settings say of it; that and `retired` are asked for as long as the options live.
    [[nodiscard]] static scheduler::scheduler_options options_of(const config::configuration& settings,
                                                                 monitor::card_memory& memory,
                                                                 const retired_models& retired);
    [[nodiscard]] core::result<void> start(const std::vector<config::deployment>& deployments,
                                           upgrade::inheritance& inherited, std::string& culprit);
    void open_variants(const std::filesystem::path& state_directory);
    [[nodiscard]] core::result<deployment_change> prepare_deployment(const config::deployment& wanted) const;
    void remove_deployment(const std::string& name);
    void deploy(deployment_change change);
    [[nodiscard]] bool renew_instances(deployment_change& change);
    [[nodiscard]] bool is_to_be_loaded(const deployment_change& change) const;
    void retire_all_but(const std::string& name, const std::vector<engine::backend*>& stay);
    void retire(std::unique_ptr<engine::backend> runtime);
    void admit(const std::string& name, bool load, bool known);
    void publish(const config::configuration& settings, const std::vector<config::deployment>& deployments,
                 const reload_plan& plan);
    void sort_backends(const std::vector<catalog::model_entry>& models);

    const supervisor::supervisor_context& supervision_;
    monitor::card_memory& memory_;
    backend_list backends_;
    retired_models retired_;  // the scheduler asks it
    scheduler::scheduler scheduler_;
    std::unique_ptr<generation::model_directory> models_;
    std::unique_ptr<catalog::variant_store> variant_store_;
    std::unique_ptr<api::variant_library> variants_;
    std::set<std::string> adopted_;
    fleet_listener listener_;
};

}  // namespace corral::fleet
