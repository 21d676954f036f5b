#pragma once
// One bound for what the requests of all connections hold in memory: their bodies, and what is made of them. Each
// client may hold as much as is left for the others, so one alone has half of it, two have a third each. The last eighth
// is for small requests, however many large ones there are.

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
    explicit body_budget(std::size_t limit, std::size_t first = 0) { set_limit(limit, first); }
    // What was taken beyond a lower limit stays taken.
    void set_limit(std::size_t limit, std::size_t first) {
        constexpr std::size_t most_of_small = 1024UL * 1024;
        const std::lock_guard hold(guard_);
        limit_ = limit;
        first_ = first;
        reserve_ = std::min(limit / 8, limit - std::min(first, limit));
        small_ = std::min(most_of_small, reserve_ / 8);
    }
    [[nodiscard]] std::size_t used() const {
        const std::lock_guard hold(guard_);
        return used_;
    }
    // How often one found no room only because others hold so much; what is beyond a client's own share does not count.
    [[nodiscard]] std::size_t refused() const {
        const std::lock_guard hold(guard_);
        return refused_;
    }

private:
    friend class body_charge;
    struct account {
        std::size_t used = 0;
        std::size_t requests = 0;
    };
    using accounts = std::map<std::string, account, std::less<>>;

    // `more` for a request of that client which holds `held`, where all together hold `used`.
    [[nodiscard]] bool fits(const account& of, std::size_t held, std::size_t more,
                            std::size_t used) const noexcept {
        const std::size_t kept = held + more <= small_ ? 0 : reserve_;
        if (used > limit_ - kept || more > limit_ - kept - used) {
            return false;
        }
        const std::size_t left = limit_ - used - more;
        const std::size_t alone = of.requests == 1 ? first_ : 0;
        return of.used + more <= std::max(left, alone);
    }
    [[nodiscard]] bool admits(const account& of, std::size_t held, std::size_t more) noexcept {
        const bool fit = fits(of, held, more, used_);
        if (!fit && fits(of, held, more, of.used)) {
            ++refused_;
        }
        return fit;
    }

    mutable std::mutex guard_;  // what is made of a body may be made on another thread
    std::size_t limit_ = 0;
    std::size_t first_ = 0;
    std::size_t reserve_ = 0;  // for requests of up to `small_`
    std::size_t small_ = 0;
    std::size_t used_ = 0;
    std::size_t refused_ = 0;
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
        if (!from_.admits(account_->second, taken_, bytes)) {
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
    [[nodiscard]] bool could_take(std::size_t bytes) {
        const std::lock_guard hold(from_.guard_);
        return from_.admits(account_->second, taken_, bytes);
    }

private:
    body_budget& from_;
    body_budget::accounts::iterator account_;
    std::size_t taken_ = 0;
};

}  // namespace corral::http
