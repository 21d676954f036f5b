#pragma once
// How often HAProxy may be reloaded. A reload leaves the old worker running until its last answer has ended, so boxes
// whose models change all the time would fill the memory with workers.

#include <deque>

#include "corral/core/time.hpp"

namespace corral::boxes {

class reload_pace {
public:
    static constexpr std::size_t most = 20;
    static constexpr core::seconds span{300};

    [[nodiscard]] bool may_reload(core::steady_time now) const {
        return latest_.size() < most || now - latest_.front() >= span;
    }

    void note(core::steady_time now) {
        latest_.push_back(now);
        if (latest_.size() > most) {
            latest_.pop_front();
        }
    }

private:
    std::deque<core::steady_time> latest_;  // the last `most`
};

}  // namespace corral::boxes
