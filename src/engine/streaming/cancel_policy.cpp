#include "engine/streaming/cancel_policy.hpp"

#include <algorithm>

namespace corral::engine::streaming {

bool replaces(const unwanted_answer& of) noexcept {
    return of.alone && of.load && *of.load < std::min(of.left, of.own.value_or(of.left));
}

core::nanoseconds until_free(const unwanted_answer& of) noexcept {
    if (replaces(of)) {
        return *of.load;
    }
    const bool ends = of.own && *of.own < of.left;
    return ends ? *of.own : of.left + of.load.value_or(core::nanoseconds{0});
}

}  // namespace corral::engine::streaming
