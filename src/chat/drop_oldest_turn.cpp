#include <algorithm>
#include <iterator>

#include "corral/chat/render.hpp"

namespace corral::chat {

namespace {

using position = std::vector<message>::iterator;

// The end of the turn that starts at `first`. Results without their call hang together too: alone they say
// nothing.
position end_of_turn(position first, position end) {
    const bool takes_results = first->from == role::tool || !first->calls.empty();
    auto last = std::next(first);
    if (takes_results) {
        last = std::find_if(last, end, [](const message& one) { return one.from != role::tool; });
    }
    return last;
}

}  // namespace

bool drop_oldest_turn(std::vector<message>& messages) {
    const auto can_go = [](const message& one) { return one.from != role::system; };
    const auto oldest = std::find_if(messages.begin(), messages.end(), can_go);
    if (oldest == messages.end()) {
        return false;
    }
    const auto after = end_of_turn(oldest, messages.end());
    if (std::none_of(after, messages.end(), can_go)) {
        return false;
    }
    messages.erase(oldest, after);
    return true;
}

}  // namespace corral::chat
