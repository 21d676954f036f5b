#include "corral/config/door_policy.hpp"

#include <sstream>

#include "corral/core/say.hpp"

namespace corral::config {

namespace {

using boost::asio::ip::address;
using boost::asio::ip::tcp;

// An IPv4 address in IPv6 clothes is that IPv4 address.
address plain(const address& of) {
    if (of.is_v6() && of.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, of.to_v6());
    }
    return of;
}

bool local(const address& of) {
    return plain(of).is_loopback();
}

// Whoever reaches `inner` reaches `outer`. "::" takes IPv4 too.
bool covers(const address& outer, const address& inner) {
    const address a = plain(outer);
    const address b = plain(inner);
    return a == b || (a.is_unspecified() && (a.is_v6() || b.is_v4()));
}

bool wanted_open(const door& open, const door_rules& rules) {
    return rules.allow_unauthenticated && (open.managed || covers(rules.listen.address(), open.at.address()));
}

std::string text_of(const tcp::endpoint& where) {
    std::ostringstream out;
    out << where;
    return out.str();
}

}  // namespace

door_rules door_rules_of(const configuration& settings) {
    return {settings.listen, settings.keys_file.has_value(), settings.tls.has_value(),
            settings.allow_unauthenticated};
}

core::result<void> judge_door(const door& open, const door_rules& rules) {
    if (rules.keys || local(open.at.address()) || wanted_open(open, rules)) {
        return {};
    }
    return core::make_failure(
        core::errc::refused,
        open.managed ? core::say("configuration.open-network/socket", text_of(open.at))
                     : core::say("configuration.open-network/listening", open.at.address().to_string()));
}

bool same_door(const tcp::endpoint& open, const tcp::endpoint& wanted) {
    return open.address() == wanted.address() && (wanted.port() == 0 || open.port() == wanted.port());
}

door_plan plan_door(const std::optional<door>& open, const door_rules& rules) {
    const bool stays = open && (open->managed || same_door(open->at, rules.listen));
    const door next = stays ? *open : door{rules.listen, false};
    if (auto judged = judge_door(next, rules); !judged) {
        return {door_step::refuse, judged.error(), false};
    }
    if (!open) {
        return {door_step::listen, {}, false};
    }
    if (stays) {
        return {door_step::keep, {}, true};
    }
    return {door_step::move, {}, judge_door(*open, rules).has_value()};
}

core::reason refuse_rules(const door& open, const door_rules& rules) {
    if (judge_door(open, rules)) {
        return {};
    }
    return core::say("configuration.open-until-restart", text_of(open.at));
}

bool leads_to(const door& open, const address& here) {
    return local(here) || covers(open.at.address(), here);
}

std::vector<core::reason> door_warnings(const door& open, const door_rules& rules) {
    std::vector<core::reason> out;
    if (rules.keys && rules.allow_unauthenticated) {
        out.push_back(core::say("configuration.means-nothing/unauthenticated"));
    }
    if (rules.keys && !rules.tls && !local(open.at.address())) {
        out.push_back(core::say("configuration.open-door"));
    }
    return out;
}

}  // namespace corral::config
