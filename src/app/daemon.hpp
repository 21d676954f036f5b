#pragma once
// The daemon: builds the rooms, opens the doors, and closes them in order.
//
// Life: configure -> warden -> listen -> start the models -> serve -> (signal) refuse new requests -> let
// running answers end within the grace -> stop the models by their ladders -> exit. A second signal ends the
// grace. SIGHUP is the end of the terminal where there is one; where there is none, keys and certificate are
// read again.

#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "corral/api/generation_service.hpp"
#include "corral/api/variant_library.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/app/configuration.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/device/reader.hpp"
#include "corral/http/server.hpp"
#include "corral/process/warden.hpp"
#include "corral/supervisor/group.hpp"
#include "credential_files.hpp"

namespace corral::app {

class daemon {
public:
    // `settings` and `guard` are borrowed.
    daemon(boost::asio::io_context& loop, const configuration& settings, process::warden& guard);
    ~daemon();

    // Makes the backends and listens; nothing runs yet. Fails with a sentence for the person who started us.
    [[nodiscard]] core::result<void> open();

    // Serves until SIGTERM or SIGINT, then shuts down. Runs the loop.
    void run();

private:
    void open_variants();
    core::awaitable<void> live();
    core::awaitable<void> shut_down();
    core::awaitable<void> watch_signals();
    core::awaitable<void> watch_credentials();
    core::awaitable<void> tell_systemd();
    core::awaitable<void> collect_orphans();
    [[nodiscard]] std::string status_line() const;
    [[nodiscard]] core::awaitable<void> stop_backend(engine::backend& runtime, core::deadline until);

    boost::asio::io_context& loop_;
    const configuration& settings_;
    core::steady_clock_source clock_;
    core::system_random random_;
    core::task_group service_tasks_;  // supervision and housekeeping
    core::task_group run_tasks_;      // generations
    device::reader_set devices_;
    supervisor::supervisor_context supervision_;
    credential_files credentials_;
    std::vector<std::unique_ptr<engine::backend>> backends_;
    std::unique_ptr<scheduler::scheduler> scheduler_;
    std::unique_ptr<api::model_directory> models_;
    std::unique_ptr<catalog::variant_store> variant_store_;
    std::unique_ptr<api::variant_library> variants_;  // absent: there is no place to keep any
    std::unique_ptr<api::generation_service> generations_;
    std::unique_ptr<http::server> server_;
    boost::asio::signal_set signals_;
    core::wake_signal signalled_;
    core::wake_signal credentials_asked_;  // by SIGHUP
    const bool hang_up_stops_;
    unsigned signals_seen_ = 0;
};

}  // namespace corral::app
