#include "supervisor/service/port_watch.hpp"

#include <algorithm>
#include <utility>

#include "corral/process/listener_owner.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::supervisor {

namespace {

// True when the kernel lets us have the port beside no listener. Much cheaper than a look through /proc,
// which is then only needed to name who has it. SO_REUSEADDR, so that connections of the last process that
// fade away don't count.
bool is_free(const core::executor& on, const boost::asio::ip::tcp::endpoint& at) {
    core::error_code failed;
    boost::asio::ip::tcp::acceptor trial(on);
    trial.open(at.protocol(), failed);
    if (!failed) {
        trial.set_option(boost::asio::socket_base::reuse_address(true), failed);
    }
    if (!failed) {
        trial.bind(at, failed);
    }
    return !failed;
}

}  // namespace

port_watch::port_watch(const service_spec& wanted, std::string label, core::milliseconds refused_for)
    : endpoint_(wanted.endpoint),
      on_endpoint_(wanted.on_endpoint),
      label_(std::move(label)),
      refused_for_(refused_for),
      confined_(wanted) {}

port_watch::fault port_watch::prepare(process::spawn_spec& command, const core::executor& on,
                                      core::steady_time now) {
    if (auto wrong = confined_.prepare(command, now)) {
        return wrong;
    }
    move_to(confined_.expected());
    if (is_free(on, endpoint_)) {
        return std::nullopt;
    }
    const auto port = endpoint_.port();
    const listener_judgement taken =
        judge_listeners(process::listeners_on(port), [](pid_t) { return false; });
    if (taken.what == listener_finding::none) {
        return std::nullopt;
    }
    return process::program_fault{
        "port-taken", "port " + std::to_string(port) + " is already taken by " + taken.who,
        "stop that program or give this service another port; it is looked at again by itself"};
}

core::result<void> port_watch::resume(bool followed, std::string unguarded, std::uint16_t port) {
    confined_.resume(followed, std::move(unguarded));
    if (confined_.expected().port() != port) {
        return core::make_failure(core::errc::invalid, label_ + " listens where it is not expected");
    }
    return {};
}

listener_judgement port_watch::look(pid_t leader) {
    const auto port = endpoint_.port();
    listener_judgement found = judge_listeners(
        process::listeners_on(port), [leader](pid_t owner) { return process::descends_from(owner, leader); });
    if (found.every_interface) {
        process::listening_socket open;
        open.port = port;
        open.any_address = true;
        if (confined_.required()) {
            found.what = listener_finding::exposed;
            found.who = confined_.describe(open);
        } else {
            warn_of(confined_.describe(open));
        }
    }
    return found;
}

bool port_watch::is_wrong(const listener_judgement& found) noexcept {
    return found.what == listener_finding::foreign || found.what == listener_finding::exposed;
}

process::program_fault port_watch::fault_of(const listener_judgement& found, core::steady_time now) {
    if (found.what == listener_finding::exposed) {
        return unguarded(found.who, now);
    }
    return {"foreign-listener",
            "port " + std::to_string(endpoint_.port()) + " is also listened on by " + found.who +
                ", which is not part of this service; no prompt may reach it",
            "stop that program or give this service another port"};
}

port_watch::search port_watch::listener_missing(pid_t leader, core::steady_time now) {
    const auto asked = confined_.asked_port();
    if (!asked) {
        return {};
    }
    const auto rows = process::listeners_on(*asked);
    const auto ours = std::find_if(rows.begin(), rows.end(), [leader](const process::listening_socket& row) {
        return process::descends_from(row.owner, leader);
    });
    if (ours == rows.end()) {
        return {};
    }
    if (!confined_.had_no_effect()) {
        return {false, unguarded(confined_.describe(*ours), now)};
    }
    move_to(confined_.expected());
    return {true, std::nullopt};
}

port_watch::fault port_watch::beyond_loopback(pid_t leader, core::steady_time now) {
    const auto open = process::listeners_beyond_loopback(leader);
    if (open.empty()) {
        warning_.clear();
        return std::nullopt;
    }
    std::string all = confined_.describe(open.front());
    if (open.size() > 1) {
        all += " (and at " + std::to_string(open.size() - 1) + " more)";
    }
    if (confined_.required()) {
        return unguarded(std::move(all), now);
    }
    warn_of(std::move(all));
    return std::nullopt;
}

void port_watch::move_to(const boost::asio::ip::tcp::endpoint& where) {
    if (endpoint_ == where) {
        return;
    }
    endpoint_ = where;
    if (on_endpoint_) {
        on_endpoint_(where);
    }
}

void port_watch::warn_of(std::string what) {
    if (warned_ != what) {
        telemetry::log().warn("{}: {}", label_, what);
        warned_ = what;
    }
    warning_ = std::move(what);
}

process::program_fault port_watch::unguarded(std::string what, core::steady_time now) {
    process::program_fault why{
        "unguarded", std::move(what),
        "use a program that the guard reaches (dynamically linked, not set-uid), or say "
        "guard = \"warn\" to use it all the same, behind a firewall"};
    confined_.refuse(why, now + refused_for_);
    return why;
}

}  // namespace corral::supervisor
