#include "generation/count_turns.hpp"

#include <algorithm>

namespace corral::generation {

namespace {

constexpr std::ptrdiff_t most_of_client = 2;
constexpr std::size_t most_in_all = 64;
// Of the time of a count: so long the next one waits.
constexpr int pause_share = 4;
constexpr core::seconds after_failure{60};

}  // namespace

std::optional<count_turns::ticket> count_turns::join(const std::string& model, const std::string& client,
                                                     core::steady_time now) {
    std::erase_if(places_, [now](const auto& each) {
        const place& one = each.second;
        return one.all.empty() && !one.began && one.free_at <= now && one.well_at <= now;
    });
    place& at = places_[model];
    const auto of_client = std::ranges::count(at.all, client, &waiting::client);
    if (at.well_at > now || of_client >= most_of_client || at.all.size() >= most_in_all) {
        return std::nullopt;
    }
    at.all.push_back({++last_, client});
    return last_;
}

bool count_turns::begin(const std::string& model, ticket which, core::steady_time now) {
    place& at = places_[model];
    auto next = std::ranges::find_if(at.all, [&](const waiting& one) { return one.client != at.last; });
    next = next == at.all.end() ? at.all.begin() : next;
    if (next == at.all.end() || next->id != which || at.began || at.free_at > now) {
        return false;
    }
    at.last = next->client;
    at.began = now;
    at.all.erase(next);
    return true;
}

std::optional<core::steady_time> count_turns::next(const std::string& model) const {
    const auto found = places_.find(model);
    return found == places_.end() || found->second.began ? std::nullopt
                                                         : std::optional(found->second.free_at);
}

void count_turns::leave(const std::string& model, ticket which) {
    if (const auto found = places_.find(model); found != places_.end()) {
        std::erase_if(found->second.all, [which](const waiting& one) { return one.id == which; });
    }
}

void count_turns::end(const std::string& model, bool failed, core::steady_time now) {
    place& at = places_[model];
    at.free_at = now + pause_share * (now - at.began.value_or(now));
    at.well_at = failed ? now + after_failure : at.well_at;
    at.began.reset();
}

}  // namespace corral::generation
