// What a service opens to the network: found by /proc alone, whatever was done to prevent it.

#include <algorithm>
#include <utility>

#include "corral/process/listener_owner.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

void service_runner::warn_of(std::string what) {
    if (warned_ != what) {
        telemetry::log().warn("{}: {}", label_, what);
        warned_ = what;
    }
    warning_ = std::move(what);
}

void service_runner::move_to(const boost::asio::ip::tcp::endpoint& where) {
    if (spec_.endpoint == where) {
        return;
    }
    spec_.endpoint = where;
    if (spec_.on_endpoint) {
        spec_.on_endpoint(where);
    }
}

// Nobody listens where it should, because the guard did not reach the program. True when it was followed to
// its own port; the service is stopped where that may not be.
bool service_runner::looked_for_in_vain(const process_run& run) {
    const auto asked = confined_.asked_port();
    if (!asked) {
        return false;
    }
    const auto rows = process::listeners_on(*asked);
    const auto ours = std::find_if(rows.begin(), rows.end(), [&run](const process::listening_socket& row) {
        return process::descends_from(row.owner, run.pid);
    });
    if (ours == rows.end()) {
        return false;
    }
    if (!confined_.had_no_effect()) {
        report_unguarded(confined_.describe(*ours));
        return false;
    }
    move_to(confined_.expected());
    return true;
}

// Whatever of it listens outside loopback, at any port, is told; false when it was stopped for that.
bool service_runner::shut_to_the_network(const process_run& run) {
    const auto open = process::listeners_beyond_loopback(run.pid);
    if (open.empty()) {
        warning_.clear();
        return true;
    }
    std::string all = confined_.describe(open.front());
    if (open.size() > 1) {
        all += " (and at " + std::to_string(open.size() - 1) + " more)";
    }
    if (confined_.required()) {
        report_unguarded(std::move(all));
        return false;
    }
    warn_of(std::move(all));
    return true;
}

void service_runner::report_unguarded(std::string what) {
    process::program_fault why{
        "unguarded", std::move(what),
        "use a program that the guard reaches (dynamically linked, not set-uid), or say "
        "guard = \"warn\" to use it all the same, behind a firewall"};
    confined_.refuse(why, now() + plan_.breaker_retry);
    feed({event_kind::fault, std::move(why.message), std::move(why.advice)});
}

}  // namespace corral::supervisor
