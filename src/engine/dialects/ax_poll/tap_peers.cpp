#include "engine/dialects/ax_poll/tap_peers.hpp"

#include <utility>

#include "corral/telemetry/log.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr core::seconds between_lines{60};
constexpr core::seconds longest_look{5};

}  // namespace

core::awaitable<bool> tap_peers::admits(int socket) {
    const auto self = shared_from_this();
    const auto ends = process::ends_of(socket);
    if (!ends || !leaders_) {
        co_return false;
    }
    // Work that is late goes on behind our back.
    std::function<process::peer_judgement()> look = [self, of = *ends, who = leaders_()] {
        return self->judge_.judge(of, who);
    };
    const core::deadline until = core::deadline::after(longest_look, clock_.now());
    const auto found = co_await worker_.run("peers", std::move(look), until);
    if (!found && found.error().code == core::errc::cancelled) {
        co_return false;  // it left meanwhile
    }
    if (!found) {
        note_refusal(core::say("runtime.foreign-talk/unknown", found.error()));
        co_return false;
    }
    if (found->is == process::peer_owner::foreign) {
        note_refusal(core::say("runtime.foreign-talk/connection", found->who));
    }
    if (found->is != process::peer_owner::ours) {
        co_return false;
    }
    co_return process::ends_of(socket) == ends;
}

void tap_peers::note_refusal(const core::reason& what) {
    ++refused_;
    const core::steady_time now = clock_.now();
    if (now < tell_again_) {
        return;
    }
    tell_again_ = now + between_lines;
    telemetry::warn(core::say("runtime.foreign-talk/refused", of_, telemetry::printable(what),
                              refused_ - std::exchange(logged_, refused_)));
}

}  // namespace corral::engine::ax_poll
