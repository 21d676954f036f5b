#pragma once
// Owner of one plain descriptor, so that no failure path leaks one.

#include <utility>

#include <unistd.h>

namespace corral::process {

class owned_fd {
public:
    owned_fd() = default;
    explicit owned_fd(int value) noexcept : value_(value) {}
    owned_fd(owned_fd&& other) noexcept : value_(other.release()) {}
    owned_fd& operator=(owned_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~owned_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] bool valid() const noexcept { return value_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
    void reset(int value = -1) noexcept {
        if (value_ >= 0) {
            // Linux frees the number whatever close returns, so there is nothing to do about an error.
            ::close(value_);
        }
        value_ = value;
    }

private:
    int value_ = -1;
};

}  // namespace corral::process
