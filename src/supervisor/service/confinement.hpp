#pragma once
// Keeps one service off the network, and says so in plain words when that failed: what is preloaded, at which
// port it must listen then, and whether it may be used otherwise.

#include <map>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/time.hpp"
#include "corral/process/listener_owner.hpp"
#include "corral/process/program_check.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::supervisor {

// What files tell of the guard's effect on a program.
struct guard_outlook {
    std::string library;
    std::optional<process::program_fault> fault;
};
// Reads the program and the guard, on any thread.
[[nodiscard]] guard_outlook look_at_guard(const catalog::service_template& rules,
                                          const process::spawn_spec& command);

class confinement {
public:
    explicit confinement(const service_spec& wanted);

    // Before each launch: puts the guard into `command` where the profile wants it. A fault when the service
    // must not be started: it requires a guard that can't work here, or that had no effect a short while ago.
    [[nodiscard]] std::optional<process::program_fault> prepare(process::spawn_spec& command,
                                                                guard_outlook outlook, core::steady_time now);
    // In place of prepare(), for a process that an earlier image of this program launched.
    void resume(bool followed, bool unreached, core::reason unguarded);
    // What resume() takes.
    [[nodiscard]] bool followed() const noexcept { return asked_ != 0 && expected_.port() == asked_; }
    [[nodiscard]] bool unreached() const noexcept { return unreached_; }
    [[nodiscard]] const core::reason& unguarded() const noexcept { return no_effect_; }
    // Where the process of the last prepare() is expected.
    [[nodiscard]] const boost::asio::ip::tcp::endpoint& expected() const noexcept { return expected_; }
    // The port that the program itself asks for, when that is not the expected one.
    [[nodiscard]] std::optional<std::uint16_t> asked_port() const noexcept;
    // The port compiled into a program that may be followed there; 0: none.
    [[nodiscard]] std::uint16_t compiled_port() const noexcept {
        return can_follow_ && !required() ? asked_ : 0;
    }
    // The guard was seen to have moved it.
    void worked() noexcept { reached_ = true; }
    [[nodiscard]] bool has_worked() const noexcept { return reached_; }
    // It was seen to listen where it asked to. True when it may be followed there: expected() is that port
    // now.
    [[nodiscard]] bool had_no_effect();

    [[nodiscard]] bool required() const noexcept { return rules_.guard == catalog::guard_mode::require; }
    // What other machines can reach, and why the guard did not prevent it.
    [[nodiscard]] core::reason describe(const process::listening_socket& open) const;
    // A service that requires its guard was stopped for `why`: it is not started again before `until`.
    void refuse(process::program_fault why, core::steady_time until);
    // A person asked for a start: what was learned may have been repaired.
    void forget() noexcept;

private:
    catalog::service_template rules_;
    boost::asio::ip::tcp::endpoint wanted_;
    boost::asio::ip::tcp::endpoint expected_;
    std::uint16_t asked_;  // 0: the program gets its port as an argument
    bool can_follow_;
    bool unreached_ = false;  // it was seen that the guard does not reach this program
    bool reached_ = false;    // it was seen that it does
    core::reason
        no_effect_;  // why the guard does not work for the last process; empty: as far as known it does
    std::optional<process::program_fault> refusal_;
    core::steady_time refused_until_;
};

}  // namespace corral::supervisor
