#pragma once
// The daemon: builds the rooms, opens the doors, and closes them in order.
//
// Life: configure -> warden -> listen -> start the models -> serve -> (signal) refuse new requests -> let
// running answers end within the grace -> stop the models by their ladders -> exit. A second signal ends the
// grace. SIGHUP is the end of the terminal where there is one; where there is none, the configuration, keys
// and certificate are read again. SIGUSR2 goes on as another image of the program, with models loaded
// (upgrade.hpp).

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "corral/api/page_shelf.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/config/configuration.hpp"
#include "corral/config/credential_files.hpp"
#include "corral/config/door_policy.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/control/socket_file.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/files.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/daemon/admin_context.hpp"
#include "corral/daemon/package_desk.hpp"
#include "corral/device/reader.hpp"
#include "corral/fleet/fleet.hpp"
#include "corral/fleet/reload.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/http/server.hpp"
#include "corral/incidents/black_box.hpp"
#include "corral/monitor/boot_times.hpp"
#include "corral/monitor/card_memory.hpp"
#include "corral/monitor/card_watch.hpp"
#include "corral/monitor/compute_watch.hpp"
#include "corral/monitor/progress_watch.hpp"
#include "corral/monitor/service_meter.hpp"
#include "corral/monitor/speed_history.hpp"
#include "corral/process/warden.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/metrics.hpp"
#include "corral/telemetry/run_journal.hpp"
#include "corral/upgrade/inheritance.hpp"
#include "corral/upgrade/upgrade.hpp"

namespace corral::daemon {

class agent_port;
class box_desk;
class local_users;

class daemon {
public:
    // `guard` is borrowed. `source`: where the settings came from, to read them again.
    daemon(boost::asio::io_context& loop, config::configuration settings, config::configuration_source source,
           process::warden& guard);
    ~daemon();

    // How this program was started, and what it has from before; to be said before open(). `text`: of the file that
    // the settings are from; empty where they are of something else.
    void begin_with(upgrade::launch_facts how, upgrade::inheritance inherited, std::string text);

    // Makes the backends and listens; nothing runs yet. Fails with a sentence for the person who started us.
    [[nodiscard]] core::result<void> open();

    // Serves until SIGTERM or SIGINT, then shuts down. Runs the loop.
    void run();

    // Goes on as `program` (absolute; empty: the one this was started as), which is asked first; answers and
    // waiting requests end before. Comes back at once: the log and status tell what becomes of it. Fails when
    // it can't be begun now.
    core::result<void> upgrade_to(std::string program = {});

private:
    void prepare_upgrade();
    [[nodiscard]] std::string why_not_reload() const;
    [[nodiscard]] core::awaitable<void> start_models();
    [[nodiscard]] core::awaitable<void> look_at_cards();
    [[nodiscard]] core::awaitable<void> look_at_new_cards();
    void await_new_cards();
    void go_on_with_models();
    [[nodiscard]] bool new_cards_are_shared() const;
    [[nodiscard]] std::unique_ptr<http::server> make_server(const http::server_options& with);
    [[nodiscard]] core::result<void> open_server();
    [[nodiscard]] core::result<void> take_state();
    [[nodiscard]] core::result<void> open_admin_socket();
    [[nodiscard]] core::result<void> go_without_socket(const core::failure& why) const;
    [[nodiscard]] core::awaitable<void> renew_admin_socket();
    [[nodiscard]] core::result<void> open_admin();
    [[nodiscard]] core::result<void> open_agent();
    void set_drained(bool is);
    void renew_request_pipeline();
    [[nodiscard]] std::string own_program() const;
    [[nodiscard]] std::vector<std::string> own_place() const;
    [[nodiscard]] std::vector<std::string> own_server() const;
    [[nodiscard]] api::package_desk* desk_of_packages();
    [[nodiscard]] config::session_seal* sessions_of_browsers();
    [[nodiscard]] box_desk* desk_of_box();
    [[nodiscard]] core::result<std::string> page_link();
    // Of clients. `what` becomes of this server: "stopped", "upgraded".
    void stop_pulls(const char* what);
    void open_black_box();
    void open_metrics();
    void meter(engine::backend& runtime);
    core::awaitable<void> measure_lateness();
    void note_speed(const telemetry::run_record& ended);
    [[nodiscard]] std::filesystem::path speed_file() const;
    [[nodiscard]] core::awaitable<void> keep_speeds();
    [[nodiscard]] core::awaitable<void> write_speeds();
    core::awaitable<void> give_memory_back();
    void begin_watch(engine::backend& runtime);
    void end_watch(engine::backend& runtime);
    core::awaitable<void> live();
    core::awaitable<void> shut_down();
    core::awaitable<void> watch_signals();
    core::awaitable<void> watch_credentials();
    // Keys and certificate, where both have been read once. `asked`: by a person, whether or not they changed.
    void refresh_credentials(bool asked);
    [[nodiscard]] core::awaitable<void> wait_for_credentials();
    void watch_settings_file();
    void keep_last_good(std::string text);
    [[nodiscard]] std::string closed_for_clients() const;
    [[nodiscard]] std::vector<std::string> closed_for_operators() const;
    core::awaitable<void> watch_reload();
    [[nodiscard]] core::awaitable<control::admin_json> reload_for_admin(bool allow_empty);
    core::awaitable<void> tell_systemd();
    core::awaitable<void> collect_orphans();
    [[nodiscard]] std::string status_line() const;
    [[nodiscard]] bool work_advances();
    [[nodiscard]] core::awaitable<void> stop_backend(engine::backend& runtime, core::deadline until);

    boost::asio::io_context& loop_;
    config::configuration settings_;  // as they are in force; a reload changes them
    config::configuration_source source_;
    core::steady_clock_source clock_;
    core::system_random random_;
    telemetry::run_journal journal_;
    telemetry::metrics metrics_;
    core::task_group service_tasks_;  // supervision and housekeeping
    core::task_group run_tasks_;      // generations
    core::disk_work before_start_;
    device::reader_set devices_;
    core::worker decoding_{5};  // behind the loop
    supervisor::supervisor_context supervision_;
    std::shared_ptr<config::credential_files> credentials_;
    upgrade::launch_facts how_started_;
    upgrade::inheritance inherited_;
    core::owned_fd state_lock_;  // not valid: there is no state directory, or it can't be locked
    config::door door_;          // where clients come in
    monitor::card_memory card_memory_;
    fleet::fleet fleet_;
    monitor::service_meter meter_{metrics_};
    monitor::speed_history speeds_;
    bool speeds_known_ = false;  // those from before this image too
    bool speeds_changed_ = false;
    monitor::boot_times boot_{clock_, monitor::time_since_power_on()};
    monitor::card_watch cards_;
    monitor::compute_watch compute_;
    std::unique_ptr<incidents::black_box> black_box_;  // absent: nothing is kept of crashes
    std::unique_ptr<generation::generation_service> generations_;
    api::page_shelf page_{core::shipped_folders("ui"), source_.file.parent_path() / "page"};
    std::optional<config::session_seal> sessions_;  // of browsers
    std::shared_ptr<local_users> local_users_;
    std::unique_ptr<box_desk> box_desk_;
    std::unique_ptr<package_desk> desk_;  // made when clients first may
    std::unique_ptr<http::server> server_;
    std::unique_ptr<fleet::reloader> reloader_;
    admin_context admin_context_;
    std::unique_ptr<http::server> operator_server_;  // behind admin_file_, with the handlers of server_
    std::optional<control::socket_file>
        admin_file_;                     // absent: none is wanted, or the usual place can't be used
    std::unique_ptr<agent_port> agent_;  // absent: no balancer asks
    bool drained_ = false;               // by its operator: /readyz and the agent's port say so
    std::unique_ptr<upgrade::upgrade> upgrade_;
    boost::asio::signal_set signals_;
    core::wake_signal signalled_;
    core::wake_signal credentials_asked_;  // by SIGHUP, as the next
    core::wake_signal reload_asked_;
    bool reload_wanted_ = false;
    const bool hang_up_stops_;
    unsigned signals_seen_ = 0;
    monitor::progress_watch progress_;
    core::file_watch settings_watch_;  // while something else is served
    std::string good_text_;            // of the file that is in force; empty: not known
    bool stands_still_ = false;
};

}  // namespace corral::daemon
