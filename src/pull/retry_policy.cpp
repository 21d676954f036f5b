#include "pull/retry_policy.hpp"

#include <algorithm>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using core::errc;
using core::make_failure;

constexpr unsigned unauthorized = 401;
constexpr unsigned forbidden = 403;
constexpr unsigned not_found = 404;
constexpr unsigned too_many_requests = 429;

// Answers that another attempt may change.
bool may_change(unsigned status) {
    constexpr unsigned request_timeout = 408;
    constexpr unsigned too_early = 425;
    constexpr unsigned server_errors = 500;
    constexpr unsigned not_implemented = 501;
    return status == request_timeout || status == too_early || status == too_many_requests ||
           (status >= server_errors && status != not_implemented);
}

errc reason_of(unsigned status) {
    if (status == unauthorized || status == forbidden) {
        return errc::refused;
    }
    return status == not_found ? errc::not_found : errc::unavailable;
}

const char* reason_text(unsigned status, std::string_view error_code, bool had_token) {
    if (status == unauthorized && !had_token) {
        return "it is not there, or not for everybody; see the name, and for a model that asks for consent "
               "put a "
               "token into 'token_file' of [pull]";
    }
    if (status == unauthorized || status == forbidden) {
        return error_code == "GatedRepo"
                   ? "its owner asks for consent; give it on the model's page at the hub, "
                     "then pull again"
                   : "the token does not open it; see whether the token of [pull] is still "
                     "good and may read this model";
    }
    if (status == not_found) {
        return error_code == "RevisionNotFound"
                   ? "it has no such branch, tag or commit; see its page for those "
                     "it has"
                   : "there is no such thing; see the name, and its page at the "
                     "source";
    }
    return status == too_many_requests ? "it was asked too often; pull again in an hour, "
                                         "or with a token"
                                       : "it has troubles of its own; pull again later";
}

}  // namespace

std::optional<core::milliseconds> next_attempt(retry_state& state, const bad_end& end,
                                               core::random_source& random, const retry_limits& limits) {
    if (end.what == trouble::status && !may_change(end.status)) {
        return std::nullopt;
    }
    if (end.what == trouble::wrong_hash) {
        if (++state.wrong >= limits.with_wrong_hash) {
            return std::nullopt;
        }
    } else {
        state.fruitless = end.progress ? 0 : state.fruitless + 1;
        if (state.fruitless >= limits.without_progress) {
            return std::nullopt;
        }
    }
    constexpr unsigned most_doublings = 16;
    const core::milliseconds ceiling(limits.longest_wait);
    const auto doubled = limits.first_wait * (1U << std::min(state.fruitless, most_doublings));
    core::milliseconds wait = std::min(ceiling, doubled);
    // Half of it is left to chance, so that many boxes don't come back as one.
    wait = wait / 2 + core::milliseconds(static_cast<core::milliseconds::rep>(
                          static_cast<double>(wait.count()) / 2 * random.unit()));
    if (end.retry_after) {
        wait = std::clamp(core::milliseconds(std::min(*end.retry_after, limits.longest_wait)), wait,
                          std::max(wait, ceiling));
    }
    return wait;
}

core::failure refusal(unsigned status, std::string_view error_code, const std::string& what, bool had_token) {
    return make_failure(reason_of(status), core::say("pull.refused/source-refuses", what, status,
                                                     reason_text(status, error_code, had_token)));
}

}  // namespace corral::pull
