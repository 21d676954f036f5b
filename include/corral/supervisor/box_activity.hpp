#pragma once
// Whether any model of this box is at work for somebody, or being loaded: what the box does for itself alone waits for
// that, and makes way.

#include <functional>
#include <map>
#include <memory>
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
    // When the last mark ended.
    [[nodiscard]] core::steady_time last() const noexcept { return last_; }
    // `on_begin` is called as each mark begins, until ignore().
    void listen(const void* who, std::function<void()> on_begin) { listeners_[who] = std::move(on_begin); }
    void ignore(const void* who) { listeners_.erase(who); }

private:
    unsigned marks_ = 0;
    core::steady_time last_{};
    std::map<const void*, std::function<void()>> listeners_;
};

}  // namespace corral::supervisor
