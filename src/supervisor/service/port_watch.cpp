#include "supervisor/service/port_watch.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::supervisor {

namespace {

std::string describe(const process::listening_socket& row) {
    if (row.owner == 0) {
        return "a process of another user";
    }
    const std::string program = row.program.empty() ? "a program" : row.program;
    return program + " (pid " + std::to_string(row.owner) + ")";
}

}  // namespace

listener_judgement judge_listeners(const std::vector<process::listening_socket>& rows,
                                   const std::function<bool(pid_t)>& is_ours) {
    listener_judgement judgement;
    for (const process::listening_socket& row : rows) {
        if (row.elsewhere || (!row.loopback && !row.any_address)) {
            continue;
        }
        if (row.owner == 0) {
            if (judgement.what != listener_finding::foreign) {
                judgement.what = listener_finding::unknown;
                judgement.who = core::reason::unlisted(describe(row));
            }
        } else if (!is_ours(row.owner)) {
            if (judgement.what != listener_finding::foreign) {
                judgement.what = listener_finding::foreign;
                judgement.who = core::reason::unlisted(describe(row));
            }
        } else {
            judgement.every_interface = judgement.every_interface || row.any_address;
            if (judgement.what == listener_finding::none) {
                judgement.what = listener_finding::ours;
            }
        }
    }
    return judgement;
}

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

// All that listen there and are not of `leader` are of other services of ours, and there is one.
bool of_siblings(const std::vector<process::listening_socket>& rows, pid_t leader) {
    bool any = false;
    for (const process::listening_socket& row : rows) {
        if (row.elsewhere) {
            continue;
        }
        const bool own = leader != 0 && process::descends_from(row.owner, leader);
        if (!own && !process::descends_from(row.owner, ::getpid())) {
            return false;
        }
        any = any || !own;
    }
    return any;
}

}  // namespace

port_watch::port_watch(const service_spec& wanted, std::string label, core::milliseconds refused_for,
                       std::shared_ptr<fixed_ports> ports)
    : endpoint_(wanted.endpoint),
      on_endpoint_(wanted.on_endpoint),
      label_(std::move(label)),
      refused_for_(refused_for),
      confined_(wanted),
      ports_(std::move(ports)) {
    ports_->join(confined_.compiled_port());
}

port_watch::~port_watch() {
    leave();
    ports_->leave(confined_.compiled_port());
}

port_watch::fault port_watch::prepare(process::spawn_spec& command, guard_outlook outlook,
                                      const core::executor& on, core::steady_time now) {
    if (auto wrong = confined_.prepare(command, std::move(outlook), now)) {
        return wrong;
    }
    if (confined_.followed() && !take_turn()) {
        return turn_fault();
    }
    move_to(confined_.expected());
    if (is_free(on, endpoint_)) {
        return std::nullopt;
    }
    return taken_by({listener_finding::unknown, core::reason::unlisted("another program")});
}

listener_judgement port_watch::search_taker(std::uint16_t port) {
    const auto rows = process::listeners_on(port);
    listener_judgement taker = judge_listeners(rows, [](pid_t) { return false; });
    taker.sibling = taker.what != listener_finding::none && of_siblings(rows, 0);
    return taker;
}

port_watch::fault port_watch::taken_by(const listener_judgement& taker) const {
    if (taker.what == listener_finding::none) {
        return std::nullopt;
    }
    if (taker.sibling && confined_.followed()) {
        return turn_fault();
    }
    return process::program_fault{port_taken, core::say("service.port-taken", endpoint_.port(), taker.who),
                                  core::say("service.port-taken/do")};
}

core::result<void> port_watch::resume(std::uint16_t port, bool followed, bool unreached,
                                      core::reason unguarded) {
    confined_.resume(followed, unreached, std::move(unguarded));
    if (confined_.expected().port() != port) {
        return core::make_failure(core::errc::invalid, core::say("service.unexpected-port", label_));
    }
    return {};
}

void port_watch::go_on() {
    if (confined_.followed()) {
        static_cast<void>(take_turn());
    }
    move_to(confined_.expected());
}

void port_watch::leave() {
    ports_->give(confined_.compiled_port(), label_);
    warning_ = {};
    own_ = {};
}

void port_watch::note_fixed_port() {
    const std::uint16_t port = confined_.compiled_port();
    if (ports_->learn(port) && ports_->is_shared(port)) {
        const core::reason said = core::say("service.port-turns/compiled", port);
        telemetry::warn(said, "{} event=port.turns", said);
    }
}

bool port_watch::take_turn() {
    note_fixed_port();
    return ports_->take(confined_.compiled_port(), label_);
}

std::uint16_t port_watch::fixed_port() const {
    const std::uint16_t port = confined_.compiled_port();
    const bool fixed = confined_.followed() || (!confined_.has_worked() && ports_->is_known(port));
    return port != 0 && fixed ? port : 0;
}

process::program_fault port_watch::turn_fault() const {
    const std::uint16_t port = confined_.compiled_port();
    const std::string holder = ports_->holder(port);
    return {turn_lost,
            core::say("service.port-turn", port, holder.empty() ? "another model of this server" : holder),
            ""};
}

std::uint16_t port_watch::contested_port() const {
    return confined_.has_worked() ? std::uint16_t{0} : confined_.compiled_port();
}

std::string port_watch::warning() const {
    const std::uint16_t port = fixed_port();
    if (!confined_.followed() || !ports_->is_shared(port)) {
        return warning_;
    }
    return warning_.empty() ? core::say("service.port-turns/turns", port)
                            : core::say("service.port-turns/also", warning_, port);
}

std::optional<listener_judgement> port_watch::glance(pid_t leader) {
    const process::own_listeners::view seen = own_.on(endpoint_.port(), leader);
    if (seen.others) {
        return std::nullopt;
    }
    return settled(judge_listeners(seen.own, [](pid_t) { return true; }));
}

listener_judgement port_watch::search_all(std::uint16_t port, pid_t leader) {
    const auto rows = process::listeners_on(port);
    listener_judgement found =
        judge_listeners(rows, [leader](pid_t owner) { return process::descends_from(owner, leader); });
    found.sibling = found.what == listener_finding::foreign && of_siblings(rows, leader);
    return found;
}

listener_judgement port_watch::settled(listener_judgement found) {
    const auto port = endpoint_.port();
    if (found.what == listener_finding::ours && confined_.asked_port()) {
        confined_.worked();
    }
    found.sibling = found.sibling && confined_.followed();
    if (found.sibling) {
        // Whose turn it is stays, and the other one goes at its own next look.
        found.sibling = ports_->holder(port) != label_;
        found.what = found.sibling ? listener_finding::foreign : listener_finding::none;
    }
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
    if (found.sibling) {
        return turn_fault();
    }
    return {"foreign-listener", core::say("service.intruder", endpoint_.port(), found.who),
            core::say("service.intruder/do")};
}

port_watch::search port_watch::listener_missing(pid_t leader, core::steady_time now) {
    const auto asked = confined_.asked_port();
    if (!asked) {
        return {};
    }
    const auto ours = own_.on(*asked, leader).own;
    if (ours.empty()) {
        return {};
    }
    if (!confined_.had_no_effect()) {
        return {false, unguarded(confined_.describe(ours.front()), now)};
    }
    if (!take_turn()) {
        return {false, turn_fault()};
    }
    move_to(confined_.expected());
    return {true, std::nullopt};
}

port_watch::fault port_watch::judge_open(const std::vector<process::listening_socket>& open,
                                         core::steady_time now) {
    if (open.empty()) {
        warning_ = {};
        return std::nullopt;
    }
    core::reason all = confined_.describe(open.front());
    if (open.size() > 1) {
        all = all.led_to_by(core::say("service.reachable/more", open.size() - 1));
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

void port_watch::warn_of(core::reason what) {
    if (warned_ != what) {
        telemetry::warn(what, "{}: {}", label_, what);
        warned_ = what;
    }
    warning_ = std::move(what);
}

process::program_fault port_watch::unguarded(core::reason what, core::steady_time now) {
    process::program_fault why{"unguarded", std::move(what), core::say("service.unguarded/do")};
    confined_.refuse(why, now + refused_for_);
    return why;
}

}  // namespace corral::supervisor
