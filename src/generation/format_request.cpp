#include "generation/format_request.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/utf8.hpp"
#include "generation/request_preparation.hpp"

namespace corral::generation {

namespace {

// The model needs to see what it did, not all of it.
constexpr std::size_t longest_bad_answer = 4 * 1024;

std::string shortened(std::string_view text) {
    if (text.size() <= longest_bad_answer) {
        return std::string(text);
    }
    return std::string(core::cut_between_characters(text, longest_bad_answer)) + " ...";
}

}  // namespace

void add_instruction(std::vector<chat::message>& messages, std::string_view instruction) {
    const auto last_user = std::find_if(messages.rbegin(), messages.rend(), [](const chat::message& message) {
        return message.from == chat::role::user;
    });
    if (last_user != messages.rend()) {
        last_user->content += last_user->content.empty() ? "" : "\n\n";
        last_user->content += instruction;
        return;
    }
    chat::message own;
    own.content = instruction;
    const bool begun = messages.back().from == chat::role::assistant;
    messages.insert(begun ? messages.end() - 1 : messages.end(), std::move(own));
}

std::vector<chat::message> with_correction(std::vector<chat::message> messages, std::string_view bad,
                                           std::string_view correction) {
    if (messages.back().from == chat::role::assistant) {
        add_instruction(messages, correction);
        return messages;
    }
    chat::message answer;
    answer.from = chat::role::assistant;
    answer.content = shortened(bad);
    messages.push_back(std::move(answer));
    chat::message hint;
    hint.content = correction;
    messages.push_back(std::move(hint));
    return messages;
}

std::vector<chat::message> with_correction(std::vector<chat::message> messages, const chat::tool_call& bad,
                                           std::string_view violation) {
    chat::message result;
    result.from = chat::role::tool;
    result.tool_name = bad.name;
    result.tool_call_id = bad.id;
    result.content.append("Error: these arguments do not fit. ").append(violation);
    result.content += "\nCall the function again with corrected arguments.";
    if (messages.back().from == chat::role::assistant) {
        add_instruction(messages, result.content);
        return messages;
    }
    chat::message answer;
    answer.from = chat::role::assistant;
    answer.calls.push_back(bad);
    messages.push_back(std::move(answer));
    messages.push_back(std::move(result));
    return messages;
}

// A thought, a call or the rest of a begun answer would not keep to the format, and most runtimes know of none. A model
// that is not known to think is kept from it.
held_part held_to_format(const chat::generation_request& request, const served_model& model,
                         const chat::rendered_prompt& prompt, bool in_parts) {
    using catalog::format_form;
    if (request.format.is_null() || request.hole || !begun_answer(request).empty() ||
        !tool_names(request).empty()) {
        return held_part::nothing;
    }
    const format_form form = model.entry->runtime.traits.formats;
    const bool thinks =
        prompt.thinking && (prompt.starts_in_thinking || catalog::can(*model.entry, "thinking"));
    if (!thinks || (form == format_form::ollama && !prompt.verbatim)) {
        return held_part::whole;
    }
    const bool may_go_on = form != format_form::none && !in_parts && model.runtime->facts().takes_verbatim &&
                           !has_images(request) && request.messages.back().from != chat::role::assistant;
    return may_go_on ? held_part::behind_thoughts : held_part::nothing;
}

}  // namespace corral::generation
