#pragma once
// What the supervisor borrows from its owner, and what all services of the box share.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/process/warden.hpp"

namespace corral::device {
class reader_set;
}

namespace corral::supervisor {

// What goes on in this box beyond one model. Whether any is at work for somebody, or being loaded: what the box does for
// itself alone waits for that, and makes way. And whether services of several died together.
class box_activity {
public:
    // For as long as it lasts, however it ends.
    class mark {
    public:
        mark(std::shared_ptr<box_activity> of, const core::clock_source& clock)
            : of_(std::move(of)), clock_(clock) {
            ++of_->marks_;
            ++of_->begun_;
            const auto listeners = of_->listeners_;  // one may leave meanwhile
            for (const auto& [who, on_begin] : listeners) {
                on_begin();
            }
        }
        mark(const mark&) = delete;
        mark& operator=(const mark&) = delete;
        ~mark() {
            --of_->marks_;
            of_->last_ = clock_.now();
        }

    private:
        std::shared_ptr<box_activity> of_;
        const core::clock_source& clock_;
    };

    [[nodiscard]] bool busy() const noexcept { return marks_ > 0; }
    // Marks so far; and whether there is one alone, and none has begun since there were so many.
    [[nodiscard]] std::uint64_t begun() const noexcept { return begun_; }
    [[nodiscard]] bool alone_since(std::uint64_t begun) const noexcept {
        return marks_ == 1 && begun_ == begun;
    }
    // When the last mark ended.
    [[nodiscard]] core::steady_time last() const noexcept { return last_; }
    // `on_begin` is called as each mark begins, until ignore().
    void listen(const void* who, std::function<void()> on_begin) { listeners_[who] = std::move(on_begin); }
    void ignore(const void* who) { listeners_.erase(who); }

    // A ready service of `model` ended by itself. True: so did one of another model a moment ago, which is the deed of
    // something that both depend on, and not of a prompt.
    bool note_death(const std::string& model, core::steady_time now) {
        constexpr core::seconds together{2};
        while (!deaths_.empty() && now - deaths_.front().at > together) {
            deaths_.pop_front();
        }
        const bool joined =
            std::ranges::any_of(deaths_, [&](const death& other) { return other.model != model; });
        deaths_.push_back({now, model});
        joint_deaths_ += joined ? 1 : 0;
        return joined;
    }
    // Grows with each of them.
    [[nodiscard]] std::uint64_t joint_deaths() const noexcept { return joint_deaths_; }

private:
    struct death {
        core::steady_time at;
        std::string model;
    };
    std::deque<death> deaths_;  // of the last moment
    std::uint64_t joint_deaths_ = 0;
    unsigned marks_ = 0;
    std::uint64_t begun_ = 0;
    core::steady_time last_{};
    std::map<const void*, std::function<void()>> listeners_;
};

// Ports that are compiled into programs which the port guard does not reach, as under emulation. Only one process can
// have such a port, so the services of such programs take turns. One for all groups of a daemon.
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

// What the supervisor borrows from its owner.
struct supervisor_context {
    core::executor on;
    const core::clock_source* clock = nullptr;  // not null, like all below
    core::random_source* random = nullptr;
    process::warden* guard = nullptr;
    core::task_group* tasks = nullptr;  // owns the group's coroutines; outlives the group
    bool log_content = false;           // may vendor output appear in our log
    // Null: no device is looked at before a start.
    device::reader_set* devices = nullptr;
    // Null: no file is looked at before a start.
    core::disk_work* disk = nullptr;
    // Where the Pythons of services keep their byte code: none is read or written beside the files of a package. Below a
    // device nothing can be kept.
    std::string bytecode_folder = "/dev/null";
    // Shared by all copies.
    std::shared_ptr<fixed_ports> ports = std::make_shared<fixed_ports>();
    // Looks through all processes, a lane for each service, and looks names up, a lane for each. Shared too.
    std::shared_ptr<core::disk_work> searches = std::make_shared<core::disk_work>();
    // Shared too.
    std::shared_ptr<box_activity> activity = std::make_shared<box_activity>();
};

}  // namespace corral::supervisor
