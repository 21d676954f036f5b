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

bool drop_oldest_turns(std::vector<message>& messages, const std::function<bool(const message&)>& go_on) {
    const auto can_go = [](const message& one) { return one.from != role::system; };
    auto after = messages.begin();
    bool more = true;
    while (more) {
        const auto oldest = std::find_if(after, messages.end(), can_go);
        if (oldest == messages.end()) {
            break;
        }
        const auto next = end_of_turn(oldest, messages.end());
        if (std::none_of(next, messages.end(), can_go)) {
            break;
        }
        std::for_each(oldest, next, [&](const message& gone) { more = go_on(gone); });
        after = next;
    }
    const bool dropped = after != messages.begin();
    messages.erase(std::remove_if(messages.begin(), after, can_go), after);
    return dropped;
}

}  // namespace corral::chat
