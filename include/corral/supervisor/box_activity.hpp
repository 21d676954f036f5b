#pragma once
// What goes on in this box beyond one model. Whether any is at work for somebody, or being loaded: what the box does for
// itself alone waits for that, and makes way. And whether services of several died together.

#include <cstdint>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "corral/core/time.hpp"

namespace corral::supervisor {

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

}  // namespace corral::supervisor
