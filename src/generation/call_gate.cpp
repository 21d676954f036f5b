#include "generation/call_gate.hpp"

#include <utility>
#include <variant>

#include "corral/chat/tool_arguments.hpp"

namespace corral::generation {

std::vector<chat::generation_event> call_gate::pass(std::vector<chat::generation_event> events) {
    std::vector<chat::generation_event> out;
    for (chat::generation_event& event : events) {
        auto* const made = std::get_if<chat::tool_call_event>(&event);
        if (made == nullptr) {
            if (!asked_) {
                out.push_back(std::move(event));
            }
            continue;
        }
        chat::argument_verdict verdict = chat::fit_arguments(*tools_, made->call);
        const bool wrong = verdict.how == chat::argument_fit::wrong;
        if (asks() || (wrong && !asked_ && !called_)) {
            violation_ = waits() ? violation_ : std::move(verdict.violation);
            waiting_.push_back(std::move(event));
            continue;
        }
        waiting_.clear();
        called_ = true;
        ++(wrong                                       ? counts_.wrong
           : asked_                                    ? counts_.corrected
           : verdict.how == chat::argument_fit::mended ? counts_.mended
                                                       : counts_.fitting);
        out.push_back(std::move(event));
    }
    return out;
}

std::vector<chat::generation_event> call_gate::release() {
    counts_.wrong += static_cast<unsigned>(waiting_.size());
    return std::exchange(waiting_, {});
}

}  // namespace corral::generation
