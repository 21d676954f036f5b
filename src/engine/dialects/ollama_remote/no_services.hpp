#pragma once
// The group of a backend without processes: what it does is done elsewhere.

#include <string>
#include <utility>

#include "corral/supervisor/group.hpp"

namespace corral::engine::ollama_remote {

class no_services final : public supervisor::group {
public:
    explicit no_services(std::string name) : name_(std::move(name)) {}

    const std::string& name() const noexcept override { return name_; }
    std::vector<supervisor::service_status> status() const override { return {}; }
    bool ready() const noexcept override { return true; }
    core::awaitable<core::result<void>> wait_ready(core::deadline) override {
        co_return core::result<void>{};
    }
    void restart(std::string_view, core::reason, supervisor::restart_reason) override {}
    void start() override {}
    core::awaitable<bool> stop(core::deadline) override { co_return true; }
    std::optional<supervisor::group_handover> hand_over() const override { return std::nullopt; }
    void add_observer(supervisor::group_observer*) override {}
    void remove_observer(supervisor::group_observer*) override {}
    std::deque<std::string> recent_lines(std::string_view) const override { return {}; }

private:
    std::string name_;
};

}  // namespace corral::engine::ollama_remote
