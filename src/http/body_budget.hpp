#pragma once
// One bound for what the requests of all connections hold in memory: their bodies, and what is made of them. Each
// client may hold as much as is left for the others, so one alone has half of it, two have a third each, and whoever
// comes next always finds as much.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "corral/http/message.hpp"

namespace corral::http {

class body_budget {
public:
    // `first` bytes of a client's only request need no share, so that the largest body that is allowed finds a place.
    explicit body_budget(std::size_t limit, std::size_t first = 0) : limit_(limit), first_(first) {}
    // What was taken beyond a lower limit stays taken.
    void set_limit(std::size_t limit, std::size_t first) {
        const std::lock_guard hold(guard_);
        limit_ = limit;
        first_ = first;
    }
    [[nodiscard]] std::size_t used() const {
        const std::lock_guard hold(guard_);
        return used_;
    }

private:
    friend class body_charge;
    struct account {
        std::size_t used = 0;
        std::size_t requests = 0;
    };
    using accounts = std::map<std::string, account, std::less<>>;

    [[nodiscard]] bool fits(const account& of, std::size_t bytes) const noexcept {
        if (used_ > limit_ || bytes > limit_ - used_) {
            return false;
        }
        const std::size_t left = limit_ - used_ - bytes;
        const std::size_t alone = of.requests == 1 ? first_ : 0;
        return of.used + bytes <= std::max(left, alone);
    }

    mutable std::mutex guard_;  // what is made of a body may be made on another thread
    std::size_t limit_;
    std::size_t first_;
    std::size_t used_ = 0;
    accounts accounts_;
};

// What one request has taken; given back at its end. The budget must outlive it.
class body_charge final : public memory_charge {
public:
    body_charge(body_budget& from, std::string_view client) : from_(from) {
        const std::lock_guard hold(from_.guard_);
        account_ = from_.accounts_.try_emplace(std::string(client)).first;
        ++account_->second.requests;
    }
    body_charge(const body_charge&) = delete;
    body_charge& operator=(const body_charge&) = delete;
    ~body_charge() override {
        give_back(taken_);
        const std::lock_guard hold(from_.guard_);
        if (--account_->second.requests == 0) {
            from_.accounts_.erase(account_);
        }
    }
    [[nodiscard]] bool take(std::size_t bytes) override {
        const std::lock_guard hold(from_.guard_);
        if (!from_.fits(account_->second, bytes)) {
            return false;
        }
        from_.used_ += bytes;
        account_->second.used += bytes;
        taken_ += bytes;
        return true;
    }
    void give_back(std::size_t bytes) override {
        const std::lock_guard hold(from_.guard_);
        bytes = std::min(bytes, taken_);
        from_.used_ -= bytes;
        account_->second.used -= bytes;
        taken_ -= bytes;
    }
    [[nodiscard]] bool could_take(std::size_t bytes) const {
        const std::lock_guard hold(from_.guard_);
        return from_.fits(account_->second, bytes);
    }

private:
    body_budget& from_;
    body_budget::accounts::iterator account_;
    std::size_t taken_ = 0;
};

}  // namespace corral::http
