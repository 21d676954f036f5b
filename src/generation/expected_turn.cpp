#include "generation/expected_turn.hpp"

#include <utility>

#include "generation/request_preparation.hpp"

namespace corral::generation {

bool may_have_next(const chat::generation_request& request) {
    constexpr std::size_t most = std::size_t{128} * 1024;
    std::size_t bytes = 0;
    for (const chat::message& each : request.messages) {
        bytes += each.content.size() + each.thinking.size();
    }
    return bytes <= most && is_conversation(request) && !is_batch(request) && !request.idle_work &&
           begun_answer(request).empty();
}

std::optional<bool> sends_thoughts(const chat::generation_request& request) {
    const auto& all = request.messages;
    for (auto each = all.rbegin(); each != all.rend() && each->from != chat::role::user; ++each) {
        if (each->from == chat::role::assistant) {
            return !each->thinking.empty();
        }
    }
    return std::nullopt;
}

bool knows_next(const chat::generation_request& request, const chat::message& answer) {
    if (answer.calls.empty()) {
        return !answer.content.empty();
    }
    const bool thought = !answer.thinking.empty() && request.thinking != chat::thinking_mode::off;
    return !thought || sends_thoughts(request).has_value();
}

chat::generation_request with_next(chat::generation_request request, chat::message answer,
                                   bool with_thoughts) {
    if (answer.calls.empty() || !with_thoughts) {
        answer.thinking.clear();
    }
    chat::message more;
    more.content = expected_words;
    if (!answer.calls.empty()) {
        more.from = chat::role::tool;
        more.tool_name = answer.calls.front().name;
        more.tool_call_id = answer.calls.front().id;
    }
    request.messages.push_back(std::move(answer));
    request.messages.push_back(std::move(more));
    return request;
}

}  // namespace corral::generation
