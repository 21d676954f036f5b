#include "chat/prompt/template_prompt.hpp"

#include <optional>
#include <string>
#include <utility>

#include "chat/go_template/go_template.hpp"
#include "chat/prompt/prompt_form_policy.hpp"
#include "chat/prompt/tool_words.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;
using go_template::compiled;

json neutral(const family& in, const json& from) {
    if (from.is_string()) {
        return neutralise(in, from.get_ref<const std::string&>());
    }
    if (from.is_array()) {
        json out = json::array();
        for (const auto& each : from) {
            out.push_back(neutral(in, each));
        }
        return out;
    }
    if (from.is_object()) {
        json out = json::object();
        for (const auto& [key, each] : from.items()) {
            out[neutralise(in, key)] = neutral(in, each);
        }
        return out;
    }
    return from;
}

json calls_data(const family& in, const std::vector<tool_call>& calls) {
    json out = json::array();
    for (const auto& call : calls) {
        json function{{"index", out.size()}, {"name", neutralise(in, call.name)}};
        function["arguments"] = call.arguments.is_null() ? json::object() : neutral(in, call.arguments);
        out.push_back({{"id", neutralise(in, call.id)}, {"function", std::move(function)}});
    }
    return out;
}

const char* role_name(role from) {
    switch (from) {
        case role::system:
            return "system";
        case role::user:
            return "user";
        case role::assistant:
            return "assistant";
        case role::tool:
            return "tool";
    }
    return "";
}

// As Ollama's own message has it; what is empty is left out, but for the content.
json message_data(const family& in, const message& from) {
    json out{{"role", role_name(from.from)}, {"content", neutralise(in, from.content)}};
    const auto put = [&](const char* name, const std::string& text) {
        if (!text.empty()) {
            out[name] = neutralise(in, text);
        }
    };
    put("thinking", from.thinking);
    if (!from.calls.empty()) {
        out["tool_calls"] = calls_data(in, from.calls);
    }
    put("tool_name", from.tool_name);
    put("tool_call_id", from.tool_call_id);
    return out;
}

// What every template gets to see of the wish to think.
json common_data(const render_options& how, thinking_mode thinking) {
    const bool thinks = expects_thinking(how, prompt_form::verbatim, thinking);
    const bool said = thinking != thinking_mode::model_default || (how.format->thinks && !thinks);
    return {{"Response", ""},
            {"Think", said && thinks},
            {"ThinkLevel", thinks ? neutralise(*how.format, how.effort) : std::string{}},
            {"IsThinkSet", said}};
}

std::vector<message> with_default_system(const render_options& how, std::vector<message> messages) {
    if (how.default_system.empty()) {
        return messages;
    }
    if (messages.front().from != role::system) {
        messages.insert(messages.begin(), message{});
        messages.front().from = role::system;
    }
    if (messages.front().content.empty()) {
        messages.front().content = how.default_system;
    }
    return messages;
}

std::string joined_system(const std::vector<message>& messages) {
    std::string out;
    for (const auto& one : messages) {
        if (one.from == role::system) {
            out += out.empty() ? "" : "\n\n";
            out += one.content;
        }
    }
    return out;
}

core::result<std::string> by_messages(const render_options& how, const compiled& with,
                                      const std::vector<message>& messages, const json& tools, json data) {
    const family& in = *how.format;
    data["System"] = neutralise(in, joined_system(messages));
    data["Messages"] = json::array();
    for (const auto& one : messages) {
        data["Messages"].push_back(message_data(in, one));
    }
    data["Tools"] = neutral(in, tools);
    return with.execute(data, how.today);
}

// One run of the template for each question with its answer.
class turn_writer {
public:
    turn_writer(const render_options& how, const compiled& with, json data)
        : how_(how), with_(with), data_(std::move(data)) {}

    core::result<void> take(const message& one) {
        const bool answered = !response_.empty();
        const bool new_system = one.from == role::system && (!prompt_.empty() || answered);
        const bool new_question = (one.from == role::user || one.from == role::tool) && answered;
        if (new_system || new_question) {
            const auto written = write(false);
            if (!written) {
                return written.error();
            }
        }
        if (one.from == role::system) {
            system_ = one.content;
        } else if (one.from == role::assistant) {
            response_ = one.content;
        } else {
            prompt_ += prompt_.empty() ? "" : "\n\n";
            prompt_ += one.from == role::tool ? tool_result(*how_.format, one.content) : one.content;
        }
        return {};
    }

    core::result<std::string> last() {
        const auto written = write(true);
        if (!written) {
            return written.error();
        }
        return std::move(out_);
    }

private:
    core::result<void> write(bool open) {
        data_["System"] = neutralise(*how_.format, std::exchange(system_, {}));
        data_["Prompt"] = neutralise(*how_.format, std::exchange(prompt_, {}));
        data_["Response"] = neutralise(*how_.format, std::exchange(response_, {}));
        const auto text = with_.execute(data_, how_.today, open);
        if (!text) {
            return text.error();
        }
        out_ += *text;
        return {};
    }

    const render_options& how_;
    const compiled& with_;
    json data_;
    std::string system_;
    std::string prompt_;
    std::string response_;
    std::string out_;
};

core::result<std::string> by_turns(const render_options& how, const compiled& with,
                                   const std::vector<message>& messages, json data) {
    turn_writer writer(how, with, std::move(data));
    for (const auto& one : messages) {
        const auto taken = writer.take(one);
        if (!taken) {
            return taken.error();
        }
    }
    return writer.last();
}

// A template that shows no answer is one that ends where the answer begins.
core::result<compiled> ready(const std::string& source) {
    auto first = compiled::from(source);
    if (!first || first->mentions("Messages") || first->mentions("Response")) {
        return first;
    }
    return compiled::from(source + "{{ .Response }}");
}

// Where the model stands when it goes on is read off the text: the template decided it.
rendered_prompt finished(const family& in, std::string text, const message& last, bool may_think) {
    const auto end = core::trimmed_back(text);
    const bool continued = last.from == role::assistant;
    const bool answering = continued && !(last.content.empty() && last.calls.empty());
    const bool goes_on_thinking = may_think && continued && !answering && !last.thinking.empty() &&
                                  end.ends_with(core::trimmed_back(neutralise(in, last.thinking)));
    rendered_prompt prompt;
    prompt.verbatim = true;
    prompt.starts_in_thinking = in.thinks && !answering && (goes_on_thinking || end.ends_with("<think>"));
    prompt.thinking = prompt.starts_in_thinking || (in.thinks && !answering && !end.ends_with("</think>"));
    prompt.turns = std::move(text);
    return prompt;
}

}  // namespace

core::result<rendered_prompt> template_prompt(const render_options& how, const std::vector<message>& messages,
                                              const json& tools, thinking_mode thinking) {
    const auto with = ready(how.prompt_template);
    if (!with) {
        return with.error();
    }
    const bool has_tools = tools.is_array() && !tools.empty();
    if (has_tools && !with->mentions("Tools")) {
        return core::make_failure(core::errc::refused,
                                  "the template has no place for tools: it does not use .Tools");
    }
    const auto all = with_default_system(how, messages);
    auto data = common_data(how, thinking);
    auto text = with->mentions("Messages")
                    ? by_messages(how, *with, all, has_tools ? tools : json(), std::move(data))
                    : by_turns(how, *with, all, std::move(data));
    if (!text) {
        return text.error();
    }
    const bool may_think = expects_thinking(how, prompt_form::verbatim, thinking);
    return finished(*how.format, std::move(*text), messages.back(), may_think);
}

core::result<std::optional<rendered_prompt>> template_hole(const render_options& how,
                                                           const fill_in_middle& hole) {
    const auto with = compiled::from(how.prompt_template);
    if (!with) {
        return with.error();
    }
    if (!with->mentions("Suffix")) {
        return std::optional<rendered_prompt>{};
    }
    auto data = common_data(how, thinking_mode::model_default);
    data["Prompt"] = neutralise(*how.format, hole.prefix);
    data["Suffix"] = neutralise(*how.format, hole.suffix);
    auto text = with->execute(data, how.today);
    if (!text) {
        return text.error();
    }
    return std::optional(render_raw(std::move(*text)));
}

}  // namespace corral::chat
