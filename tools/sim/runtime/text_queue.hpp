#pragma once

#include <mutex>
#include <string>

namespace corral::sim {

// Text that waits for polls. Nothing but a poll empties it: not a stop, not a reset.
class text_queue {
public:
    void push(const std::string& text) {
        const std::lock_guard lock(mutex_);
        text_ += text;
    }
    std::string drain() {
        const std::lock_guard lock(mutex_);
        std::string out;
        out.swap(text_);
        return out;
    }
    std::size_t bytes() const {
        const std::lock_guard lock(mutex_);
        return text_.size();
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

}  // namespace corral::sim
