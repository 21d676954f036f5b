#pragma once
// Ports that are compiled into programs which the port guard does not reach, as under emulation. Only one process can
// have such a port, so the services of such programs take turns. One for all groups of a daemon.

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace corral::supervisor {

class fixed_ports {
public:
    // The guard had no effect on a program that wants this port. True: that is new.
    bool learn(std::uint16_t port) { return known_.insert(port).second; }
    [[nodiscard]] bool is_known(std::uint16_t port) const { return known_.contains(port); }

    // The service `label` has a process that uses the port; false: another one has.
    [[nodiscard]] bool take(std::uint16_t port, const std::string& label) {
        return holders_.emplace(port, label).first->second == label;
    }
    void give(std::uint16_t port, const std::string& label) {
        const auto found = holders_.find(port);
        if (found != holders_.end() && found->second == label) {
            holders_.erase(found);
        }
    }
    [[nodiscard]] std::string holder(std::uint16_t port) const {
        const auto found = holders_.find(port);
        return found == holders_.end() ? std::string() : found->second;
    }

    // Services whose program wants the port.
    void join(std::uint16_t port) { ++users_[port]; }
    void leave(std::uint16_t port) { --users_[port]; }
    [[nodiscard]] bool is_shared(std::uint16_t port) const {
        const auto found = users_.find(port);
        return found != users_.end() && found->second > 1;
    }

private:
    std::set<std::uint16_t> known_;
    std::map<std::uint16_t, std::string> holders_;
    std::map<std::uint16_t, int> users_;
};

}  // namespace corral::supervisor
