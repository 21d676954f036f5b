#include "supervisor/service/confinement.hpp"

#include <utility>

#include "corral/core/say.hpp"
#include "corral/process/portguard.hpp"

namespace corral::supervisor {

namespace {

const core::reason& not_reached() {
    static const core::reason why = core::say("service.reachable/no-effect");
    return why;
}

}  // namespace

guard_outlook look_at_guard(const catalog::service_template& rules, const process::spawn_spec& command) {
    if (rules.guard == catalog::guard_mode::off) {
        return {};
    }
    std::string library =
        rules.guard_library.empty() ? process::find_portguard() : rules.guard_library.string();
    auto fault = process::check_portguard(command, library);
    return {std::move(library), std::move(fault)};
}

confinement::confinement(const service_spec& wanted)
    : rules_(wanted.rules),
      wanted_(wanted.endpoint),
      expected_(wanted.endpoint),
      asked_(wanted.asked_port),
      can_follow_(static_cast<bool>(wanted.on_endpoint)) {}

std::optional<process::program_fault> confinement::prepare(process::spawn_spec& command,
                                                           guard_outlook outlook, core::steady_time now) {
    expected_ = wanted_;
    no_effect_ = {};
    if (rules_.guard == catalog::guard_mode::off) {
        no_effect_ = core::say("service.reachable/off");
        return std::nullopt;
    }
    if (refusal_ && now < refused_until_) {
        return refusal_;
    }
    refusal_.reset();
    auto& fault = outlook.fault;
    if (fault && required()) {
        fault->message = core::say("service.unguarded", fault->message);
        fault->advice = core::say("service.unguarded/or", fault->advice);
        return fault;
    }
    if (fault || unreached_) {
        no_effect_ = fault ? core::say("service.reachable/no-guard", fault->message) : not_reached();
        // Expected there from the start it is not even launched while another program has that port.
        if (can_follow_ && asked_ != 0) {
            expected_.port(asked_);
        }
    }
    std::map<std::uint16_t, std::uint16_t> moves;
    if (const auto asked = asked_port()) {
        moves[*asked] = wanted_.port();
    }
    // Also where the program itself won't meet it: what it starts may.
    if (!fault || fault->id != "no-library") {
        process::add_portguard(command, outlook.library, moves);
    }
    return std::nullopt;
}

void confinement::resume(bool followed, bool unreached, core::reason unguarded) {
    expected_ = wanted_;
    if (followed && can_follow_ && asked_ != 0) {
        expected_.port(asked_);
    }
    // That it was seen is remembered; a guard that can't work is looked at anew at the next launch.
    unreached_ = unreached;
    no_effect_ = std::move(unguarded);
}

std::optional<std::uint16_t> confinement::asked_port() const noexcept {
    return asked_ == 0 || asked_ == expected_.port() ? std::nullopt : std::optional(asked_);
}

bool confinement::had_no_effect() {
    no_effect_ = not_reached();
    reached_ = false;
    if (required() || !can_follow_) {
        return false;
    }
    unreached_ = true;
    expected_.port(asked_);
    return true;
}

core::reason confinement::describe(const process::listening_socket& open) const {
    return core::say("service.reachable", open.any_address ? "every interface" : "a network address",
                     open.port, no_effect_.empty() ? not_reached() : no_effect_);
}

void confinement::forget() noexcept {
    refusal_.reset();
    unreached_ = false;
    reached_ = false;
}

void confinement::refuse(process::program_fault why, core::steady_time until) {
    refusal_ = std::move(why);
    refused_until_ = until;
}

}  // namespace corral::supervisor
