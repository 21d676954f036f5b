#pragma once
// Who is there, by share, and who yields where there is room no more: of the share that holds most, the one that
// has done nothing for longest. So whoever holds little is never driven out by who holds much. Pure; each call
// costs a logarithm of the number of shares.

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "corral/core/time.hpp"

namespace corral::http {

// In the order in which members of one share yield; a busy one never does.
enum class standing { leaving, idle, opening, reading, stalled, busy };

template <typename Who>
class crowd {
    struct member;
    struct share;
    using shares = std::map<std::string, share, std::less<>>;
    struct member {
        Who* who;
        typename shares::iterator in;
        standing how;
        core::steady_time since;
    };
    using line = std::list<member>;
    static constexpr auto lines = static_cast<std::size_t>(standing::busy) + 1;
    // Members first, then the age of what it would lose: of two that hold as much the older yields.
    using rank = std::tuple<std::size_t, core::steady_time::duration, std::string_view>;
    struct share {
        std::array<line, lines> all;
        std::size_t members = 0;
        rank ranked{};
        bool yields = false;
    };

public:
    crowd() = default;
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

    // Membership; the crowd must outlive it.
    class place {
    public:
        place(crowd& in, Who& who, std::string_view share, standing how, core::steady_time now)
            : in_(&in), at_(in.enter(who, share, how, now)) {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place() { in_->leave(at_); }
        void stand(standing how, core::steady_time now) { in_->stand(at_, how, now); }
        // Goes on as a member of another share.
        void move_to(std::string_view share) { at_ = in_->move(at_, share); }
        [[nodiscard]] standing how() const noexcept { return at_->how; }

    private:
        crowd* in_;
        typename line::iterator at_;
    };

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t members_of(std::string_view name) const {
        const auto found = shares_.find(name);
        return found == shares_.end() ? 0 : found->second.members;
    }
    // Whether any might yield.
    [[nodiscard]] bool has_yielding() const noexcept { return !ranks_.empty(); }

    // The one that goes so that a newcomer of `share` may come: of a share that holds more, or one of its own. A
    // stalled one yields once it has been so for `patience`. Null: none, or only one that has come, begun a request or got
    // an answer less than `moment` ago, for which the newcomer waits.
    [[nodiscard]] Who* yields_to(std::string_view newcomer, core::steady_time now, core::nanoseconds patience,
                                 core::nanoseconds moment = {}) const {
        const member* const found = first_to_go(newcomer, now, patience);
        const bool waits =
            found == nullptr || (found->how != standing::leaving && now - found->since < moment);
        return waits ? nullptr : found->who;
    }

private:
    friend class place;

    static std::size_t index(standing how) { return static_cast<std::size_t>(how); }

    const member* first_to_go(std::string_view newcomer, core::steady_time now,
                              core::nanoseconds patience) const {
        constexpr int most_looks = 8;
        const std::size_t theirs = members_of(newcomer);
        int looks = 0;
        for (auto at = ranks_.rbegin(); at != ranks_.rend() && looks < most_looks; ++at, ++looks) {
            const auto& [members, age, name] = *at;
            if (members <= theirs) {
                break;
            }
            if (const member* found = first_of(name, now, patience); found != nullptr) {
                return found;
            }
        }
        return theirs > 0 ? first_of(newcomer, now, patience) : nullptr;
    }

    static const member* oldest(const share& in) {
        for (std::size_t each = 0; each < index(standing::busy); ++each) {
            if (!in.all[each].empty()) {
                return &in.all[each].front();
            }
        }
        return nullptr;
    }

    // Who would go first of that share, now.
    const member* first_of(std::string_view name, core::steady_time now, core::nanoseconds patience) const {
        const member* const found = oldest(shares_.find(name)->second);
        const bool waits =
            found != nullptr && found->how == standing::stalled && now - found->since < patience;
        return waits ? nullptr : found;
    }

    void unrank(share& one) {
        if (one.yields) {
            ranks_.erase(one.ranked);
            one.yields = false;
        }
    }

    void rank_again(typename shares::iterator at) {
        share& one = at->second;
        unrank(one);
        if (const member* first = oldest(one); first != nullptr) {
            one.ranked = {one.members, -first->since.time_since_epoch(), at->first};
            one.yields = true;
            ranks_.insert(one.ranked);
        }
    }

    typename line::iterator enter(Who& who, std::string_view name, standing how, core::steady_time now) {
        const auto in = shares_.try_emplace(std::string(name)).first;
        line& to = in->second.all[index(how)];
        to.push_back({&who, in, how, now});
        ++in->second.members;
        ++size_;
        rank_again(in);
        return std::prev(to.end());
    }

    void stand(typename line::iterator at, standing how, core::steady_time now) {
        share& in = at->in->second;
        line& from = in.all[index(at->how)];
        line& to = in.all[index(how)];
        at->how = how;
        at->since = now;
        to.splice(to.end(), from, at);
        rank_again(at->in);
    }

    void leave(typename line::iterator at) {
        const auto in = at->in;
        unrank(in->second);
        in->second.all[index(at->how)].erase(at);
        --size_;
        if (--in->second.members == 0) {
            shares_.erase(in);
        } else {
            rank_again(in);
        }
    }

    typename line::iterator move(typename line::iterator at, std::string_view name) {
        if (at->in->first == name) {
            return at;
        }
        const member same = *at;
        leave(at);
        return enter(*same.who, name, same.how, same.since);
    }

    shares shares_;
    std::set<rank> ranks_;  // of shares where one might yield
    std::size_t size_ = 0;
};

}  // namespace corral::http
