#pragma once
// One bound for the request bodies of all connections together.

#include <cstddef>
#include <utility>

namespace corral::http {

class body_budget {
public:
    explicit body_budget(std::size_t limit) : limit_(limit) {}
    [[nodiscard]] bool fits(std::size_t bytes) const noexcept {
        return used_ <= limit_ && bytes <= limit_ - used_;
    }
    // What was taken beyond a lower limit stays taken.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    friend class body_charge;
    std::size_t limit_;
    std::size_t used_ = 0;
};

// What one body has taken; given back at its end. The budget must outlive it.
class body_charge {
public:
    body_charge() = default;
    explicit body_charge(body_budget& from) : from_(&from) {}
    body_charge(body_charge&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), taken_(std::exchange(other.taken_, 0)) {}
    body_charge& operator=(body_charge&& other) noexcept {
        std::swap(from_, other.from_);
        std::swap(taken_, other.taken_);
        return *this;
    }
    ~body_charge() {
        if (from_ != nullptr) {
            from_->used_ -= taken_;
        }
    }
    // False when the budget does not hold that much more.
    [[nodiscard]] bool add(std::size_t bytes) noexcept {
        if (from_ == nullptr || !from_->fits(bytes)) {
            return false;
        }
        from_->used_ += bytes;
        taken_ += bytes;
        return true;
    }
    [[nodiscard]] bool could_add(std::size_t bytes) const noexcept {
        return from_ != nullptr && from_->fits(bytes);
    }

private:
    body_budget* from_ = nullptr;
    std::size_t taken_ = 0;
};

}  // namespace corral::http
