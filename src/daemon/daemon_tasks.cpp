// The daemon beside its serving: signals, credentials, orphans, the warden, metrics, and reports to systemd.

#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>

#include <malloc.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/code_pages.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/monitor/metric_sources.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/service_notify.hpp"
#include "status_text.hpp"

namespace corral::daemon {

namespace {

constexpr core::seconds housekeeping_period{5};
constexpr core::seconds credentials_period{2};
constexpr core::milliseconds loop_look{250};

}  // namespace

core::awaitable<void> daemon::watch_signals() {
    while (true) {
        const auto [error, number] = co_await signals_.async_wait(core::as_result);
        if (error) {
            co_return;
        }
        telemetry::log().info("received {}", strsignal(number));
        if (number == SIGUSR2) {
            if (const auto begun = upgrade_to(); !begun) {
                telemetry::warn(begun.error().message);
            }
            continue;
        }
        if (number == SIGHUP && !hang_up_stops_) {
            credentials_asked_.ring();
            reload_wanted_ = true;
            reload_asked_.ring();
            continue;
        }
        ++signals_seen_;
        signalled_.ring();
    }
}

void daemon::refresh_credentials(bool asked) {
    if (credentials_->refresh(asked)) {
        server_->use_tls(*credentials_->tls());
    }
}

core::awaitable<void> daemon::watch_credentials() {
    core::wake_reason why = core::wake_reason::timed_out;
    while (why != core::wake_reason::cancelled) {
        const bool asked = why == core::wake_reason::rung;
        if (!credentials_->awaited().empty()) {
            co_await wait_for_credentials();
        } else {
            refresh_credentials(asked);
        }
        watch_settings_file();
        co_await renew_admin_socket();
        const core::deadline next = core::deadline::after(credentials_period, clock_.now());
        why = co_await credentials_asked_.wait(next);
    }
}

core::awaitable<void> daemon::tell_systemd() {
    const auto interval = telemetry::watchdog_interval();
    const core::nanoseconds period =
        std::min<core::nanoseconds>(interval.value_or(core::seconds(2)), core::seconds(2));
    std::string last;
    bool awake = true;
    while (awake) {
        if (interval && work_advances()) {
            telemetry::notify_watchdog();
        }
        std::string line = status_line();
        if (line != last) {
            telemetry::notify_status(line);
            last = std::move(line);
        }
        awake = co_await core::sleep_for(period);
    }
}

core::awaitable<void> daemon::collect_orphans() {
    bool awake = true;
    while (awake) {
        process::reap_orphans();
        process::kill_ownerless();
        if (const auto replaced = supervision_.guard->look_after(); !replaced) {
            telemetry::error(core::say("daemon.warden/gone", replaced.error()));
        } else if (*replaced) {
            telemetry::warn(core::say("daemon.warden/replaced"));
        }
        awake = co_await core::sleep_for(housekeeping_period);
    }
}

std::string daemon::status_line() const {
    std::vector<model_view> views;
    for (const auto& runtime : fleet_.backends()) {
        // Of a model with several places, those where nothing is are no news while it is loaded elsewhere.
        const bool elsewhere = runtime->model().card_sets.size() > 1 &&
                               fleet_.admission().residence_of(runtime->model().name).loaded;
        model_view view = view_of(*runtime, clock_.now());
        if (!elsewhere || view.phase != model_phase::unloaded) {
            views.push_back(std::move(view));
        }
    }
    const scheduler::queue_snapshot queue = fleet_.admission().snapshot();
    const std::string upgrading = upgrade_->report().status;
    const std::string closed = closed_for_clients().empty() ? "" : "all clients are refused; ";
    const std::string instead = settings_.in_place ? "serves " + settings_.in_place->served + "; " : "";
    return closed + instead + (upgrading.empty() ? "" : upgrading + "; ") +
           status_text(views, queue.running, queue.waiting);
}

// False, with a line in the log, while work stands still: then the service manager starts us anew.
bool daemon::work_advances() {
    const scheduler::queue_snapshot queue = fleet_.admission().snapshot();
    const auto stuck = progress_.stuck({queue.granted, queue.neglected, queue.overdue}, clock_.now());
    if (stuck && !stands_still_) {
        telemetry::error(core::say("daemon.fault/watchdog", *stuck));
    } else if (!stuck && stands_still_) {
        telemetry::log().info("work advances again; the watchdog is fed");
    }
    stands_still_ = stuck.has_value();
    return !stands_still_;
}

void daemon::open_metrics() {
    const double began =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    metrics_.collect_with([this, began](telemetry::metric_page& page) {
        const core::steady_time now = clock_.now();
        monitor::collect_build(page, settings_.box_name);
        monitor::collect_queue(page, fleet_.admission());
        monitor::collect_models(page, fleet_.admission(), fleet_.backends());
        meter_.collect(page, now);
        monitor::collect_compute(page, compute_, fleet_.backends());
        monitor::collect_devices(page, devices_, now);
        monitor::collect_server(page, server_->stats());
        if (const auto& tls = credentials_->tls()) {
            page.gauge("corral_certificate_expiry_timestamp_seconds",
                       "End of the TLS certificate since unix epoch in seconds.", {},
                       static_cast<double>(tls->end()));
        }
        monitor::collect_process(page);
        page.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", {},
                   began);
    });
    for (const auto& runtime : fleet_.backends()) {
        meter(*runtime);
    }
}

void daemon::meter(engine::backend& runtime) {
    const std::string label = catalog::label_of(runtime.model());
    metrics_.expect(runtime.model().name, label);
    meter_.watch(label, runtime.services());
    boot_.watch(label, runtime.services());
}

// A crowd leaves holes all over the heap at once and work of all kinds over the hours, which the allocator keeps; a start
// and a rare request leave code in memory that is not needed again soon. Given back once the box is idle; the heap on
// another thread, for that takes milliseconds.
core::awaitable<void> daemon::give_memory_back() {
    constexpr core::seconds between{5};
    constexpr std::size_t crowd = 32;  // connections
    constexpr core::seconds usual{600};
    // Without these the allocator learns to keep the largest block that was ever given back.
    ::mallopt(M_MMAP_THRESHOLD, 512 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
    std::size_t most = 0;
    core::steady_time trimmed = clock_.now();
    std::uint64_t answered = 0;
    bool used = true;
    bool awake = true;
    while (awake) {
        awake = co_await core::sleep_for(between);
        const http::server_stats now = server_->stats();
        most = std::max(most, now.connections);
        const bool worked = std::exchange(answered, now.answered) != now.answered;
        used = used || worked;
        const bool has_holes = (most >= crowd && (used || now.connections <= most / 2)) ||
                               (used && clock_.now() - trimmed >= usual);
        if (!awake || now.exchanges > 0 || worked || !(used || has_holes)) {
            continue;
        }
        if (has_holes) {
            std::function<void()> trim = [] { ::malloc_trim(0); };
            const bool done = co_await decoding_.run(std::move(trim));
            most = done ? now.connections : most;
            trimmed = clock_.now();
        }
        static_cast<void>(core::give_back_code_pages());
        used = false;
    }
}

// A loop that is late makes everybody wait, and nothing else shows it.
core::awaitable<void> daemon::measure_lateness() {
    bool awake = true;
    while (awake) {
        const core::steady_time wanted = clock_.now() + loop_look;
        awake = co_await core::sleep_for(loop_look);
        metrics_.note_lateness(clock_.now() - wanted);
    }
}

}  // namespace corral::daemon
