#include "generation/answer_gates.hpp"

#include <utility>
#include <variant>

#include "corral/chat/tool_arguments.hpp"

namespace corral::generation {

format_gate::format_gate(chat::format_plan plan, std::string begun)
    : plan_(std::move(plan)), begun_(std::move(begun)), reader_(plan_, begun_) {}

void format_gate::begin_run() {
    called_ = false;
    reader_ = chat::format_reader(plan_, begun_);
}

std::vector<chat::generation_event> format_gate::pass(std::vector<chat::generation_event> events) {
    std::vector<chat::generation_event> out;
    for (chat::generation_event& event : events) {
        if (const auto* text = std::get_if<chat::text_event>(&event); text != nullptr && !called_) {
            reader_.feed(text->text);
            continue;
        }
        if (std::holds_alternative<chat::thinking_event>(event) && tries_ > 0) {
            continue;
        }
        if (std::holds_alternative<chat::tool_call_event>(event) && !called_) {
            called_ = true;
            if (!reader_.written().empty()) {
                out.emplace_back(chat::text_event{std::string(reader_.written())});
            }
        }
        out.push_back(std::move(event));
    }
    return out;
}

bool format_gate::complete() const noexcept {
    return !called_ && reader_.complete();
}

std::size_t format_gate::waiting_bytes() const noexcept {
    return called_ ? 0 : reader_.written().size();
}

std::string_view format_gate::written() const noexcept {
    return reader_.written();
}

format_verdict format_gate::finish(bool cut) {
    ++tries_;
    format_verdict out;
    if (called_) {
        out.fits = true;
        return out;
    }
    core::result<std::string> found = reader_.finish(cut);
    out.fits = found.has_value();
    if (out.fits) {
        out.text = std::move(*found);
    } else {
        out.violation = found.error().message;
    }
    return out;
}

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
        ++(wrong                                         ? counts_.wrong
           : asked_                                      ? counts_.corrected
           : verdict.how == chat::argument_fit::repaired ? counts_.repaired
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
