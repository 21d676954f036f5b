#include "engine/streaming/turn_order.hpp"

#include <utility>

namespace corral::engine::streaming {

namespace {

void append(chat::role_text& to, chat::role_text more) {
    to.text += (to.text.empty() || more.text.empty() ? "" : "\n\n") + more.text;
    to.images.insert(to.images.end(), more.images.begin(), more.images.end());
    to.results = to.results && more.results;
}

}  // namespace

bool make_plainer(std::vector<chat::role_text>& turns) {
    std::vector<chat::role_text> out;
    for (chat::role_text one : turns) {
        if (one.role == "system" && !out.empty()) {
            one.role = "user";
        }
        if (one.role == "assistant" && (out.empty() || out.back().role == "system")) {
            out.push_back({"user", ""});  // it greeted first
        }
        if (!out.empty() && out.back().role == one.role) {
            append(out.back(), std::move(one));
        } else {
            out.push_back(std::move(one));
        }
    }
    if (out == turns && out.size() > 1 && out.front().role == "system") {
        append(out.front(), std::move(out[1]));
        out.front().role = "user";
        out.erase(out.begin() + 1);
    }
    return std::exchange(turns, out) != out;
}

}  // namespace corral::engine::streaming
