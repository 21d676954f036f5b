#pragma once
// SIGHUP and `corral reload`: the configuration file read again while everything runs. A file with a mistake
// changes nothing at all; a good one is applied without disturbing running answers.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/config/credential_files.hpp"
#include "corral/config/door_policy.hpp"
#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/fleet/fleet.hpp"
#include "corral/fleet/reload_policy.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/http/server.hpp"

namespace corral::fleet {

// The running server's parts that a reload changes; all borrowed.
struct reloadable {
    config::configuration* settings = nullptr;
    std::shared_ptr<config::credential_files>* credentials = nullptr;
    fleet* models = nullptr;
    generation::generation_service* generations = nullptr;
    http::server* server = nullptr;
    config::door door;                                  // where clients come in
    std::function<std::string()> in_the_way;            // why it can't be done now; empty: it can
    std::function<void(const std::string& text)> keep;  // that of the file, which is in force now
    std::function<void()> renew_pipeline;  // settings or credentials are others: requests get a new handler
};

struct reload_report {
    bool applied = false;
    reload_plan plan;
    std::vector<std::string> errors;  // one line each, file and place first; why nothing was applied
    std::vector<std::string> warnings;
    std::vector<std::string> left_out;  // lines about manifests with mistakes, while all else was applied
};

// What the configuration means for generations, at the start as at a reload.
[[nodiscard]] generation::generation_options generation_options_of(const config::configuration& settings);

class reloader {
public:
    reloader(core::executor on, reloadable parts, config::configuration_source source);

    // One at a time, others wait. Everything of it is in the log too. `allow_empty`: whatever refuse_emptied()
    // says.
    [[nodiscard]] core::awaitable<reload_report> reload(bool allow_empty = false);

    [[nodiscard]] bool under_way() const noexcept { return busy_; }
    [[nodiscard]] std::size_t applied() const noexcept { return applied_; }
    // From now on none is applied.
    void close() noexcept { closed_ = true; }

private:
    // What must succeed before anything is changed.
    struct preparation {
        fleet_change models;
        std::shared_ptr<config::credential_files> credentials;  // nullptr: those there are stay
    };
    [[nodiscard]] core::awaitable<reload_report> reload_now(bool allow_empty);
    [[nodiscard]] core::result<preparation> prepare(const config::configuration& wanted,
                                                    std::string& culprit);
    [[nodiscard]] core::result<preparation> prepare_partial(config::configuration& wanted,
                                                            reload_report& report);
    void apply(config::configuration wanted, const reload_plan& plan, preparation made);

    reloadable parts_;
    config::configuration_source source_;
    core::disk_work disk_;
    core::wake_signal over_;
    bool busy_ = false;
    bool closed_ = false;
    std::size_t applied_ = 0;
};

}  // namespace corral::fleet
