#include "chat/prompt/verbatim_prompt.hpp"

#include <optional>
#include <string>
#include <utility>

#include "chat/go_template/go_template.hpp"
#include "chat/prompt/prompt_form_policy.hpp"
#include "chat/prompt/tool_words.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;
using go_template::compiled;

json neutral(const family& format, const json& value) {
    if (value.is_string()) {
        return neutralise(format, value.get_ref<const std::string&>());
    }
    if (value.is_array()) {
        json out = json::array();
        for (const auto& each : value) {
            out.push_back(neutral(format, each));
        }
        return out;
    }
    if (value.is_object()) {
        json out = json::object();
        for (const auto& [key, each] : value.items()) {
            out[neutralise(format, key)] = neutral(format, each);
        }
        return out;
    }
    return value;
}

json calls_data(const family& format, const std::vector<tool_call>& calls) {
    json out = json::array();
    for (const auto& call : calls) {
        json function{{"index", out.size()}, {"name", neutralise(format, call.name)}};
        function["arguments"] = call.arguments.is_null() ? json::object() : neutral(format, call.arguments);
        out.push_back({{"id", neutralise(format, call.id)}, {"function", std::move(function)}});
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

// The fields of Ollama's own message; empty ones are left out, except the content.
json message_data(const family& format, const message& original) {
    json out{{"role", role_name(original.from)}, {"content", neutralise(format, original.content)}};
    const auto put = [&](const char* name, const std::string& text) {
        if (!text.empty()) {
            out[name] = neutralise(format, text);
        }
    };
    put("thinking", original.thinking);
    if (!original.calls.empty()) {
        out["tool_calls"] = calls_data(format, original.calls);
    }
    put("tool_name", original.tool_name);
    put("tool_call_id", original.tool_call_id);
    return out;
}

// The data of every template about thinking.
json common_data(const render_options& options, thinking_mode thinking) {
    const bool thinks = expects_thinking(options, prompt_form::verbatim, thinking);
    const bool is_set = thinking != thinking_mode::model_default || (options.format->thinks && !thinks);
    return {{"Response", ""},
            {"Think", is_set && thinks},
            {"ThinkLevel", thinks ? neutralise(*options.format, options.effort) : std::string{}},
            {"IsThinkSet", is_set}};
}

std::vector<message> with_default_system(const render_options& options, std::vector<message> messages) {
    if (options.default_system.empty()) {
        return messages;
    }
    if (messages.front().from != role::system) {
        messages.insert(messages.begin(), message{});
        messages.front().from = role::system;
    }
    if (messages.front().content.empty()) {
        messages.front().content = options.default_system;
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

core::result<std::string> by_messages(const render_options& options, const compiled& source,
                                      const std::vector<message>& messages, const json& tools, json data) {
    const family& format = *options.format;
    data["System"] = neutralise(format, joined_system(messages));
    data["Messages"] = json::array();
    for (const auto& one : messages) {
        data["Messages"].push_back(message_data(format, one));
    }
    data["Tools"] = neutral(format, tools);
    return source.execute(data, options.today);
}

// One run of the template for each question with its answer.
class turn_writer {
public:
    turn_writer(const render_options& options, const compiled& source, json data, std::size_t messages)
        : options_(options),
          source_(source),
          data_(std::move(data)),
          effort_(compiled::effort_for(messages)) {}

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
            prompt_ += one.from == role::tool ? tool_result(*options_.format, one.content) : one.content;
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
        data_["System"] = neutralise(*options_.format, std::exchange(system_, {}));
        data_["Prompt"] = neutralise(*options_.format, std::exchange(prompt_, {}));
        data_["Response"] = neutralise(*options_.format, std::exchange(response_, {}));
        const auto text = source_.execute(data_, options_.today, open, effort_);
        if (!text) {
            return text.error();
        }
        out_ += *text;
        return {};
    }

    const render_options& options_;
    const compiled& source_;
    json data_;
    std::size_t effort_;  // left for the turns to come
    std::string system_;
    std::string prompt_;
    std::string response_;
    std::string out_;
};

core::result<std::string> by_turns(const render_options& options, const compiled& source,
                                   const std::vector<message>& messages, json data) {
    turn_writer writer(options, source, std::move(data), messages.size());
    for (const auto& one : messages) {
        const auto taken = writer.take(one);
        if (!taken) {
            return taken.error();
        }
    }
    return writer.last();
}

// A template without a place for the answer ends where the answer begins.
core::result<compiled> with_answer(const std::string& text) {
    auto first = compiled::from(text);
    if (!first || first->mentions("Messages") || first->mentions("Response")) {
        return first;
    }
    return compiled::from(text + "{{ .Response }}");
}

// Whether the model continues inside its thinking is decided by the template, so it is read off the text.
rendered_prompt finished(const family& format, std::string text, const message& last, bool may_think) {
    const auto end = core::trimmed_back(text);
    const bool continued = last.from == role::assistant;
    const bool answering = continued && !(last.content.empty() && last.calls.empty());
    const bool goes_on_thinking = may_think && continued && !answering && !last.thinking.empty() &&
                                  end.ends_with(core::trimmed_back(neutralise(format, last.thinking)));
    rendered_prompt prompt;
    prompt.verbatim = true;
    prompt.starts_in_thinking = format.thinks && !answering && (goes_on_thinking || end.ends_with("<think>"));
    prompt.thinking =
        prompt.starts_in_thinking || (format.thinks && !answering && !end.ends_with("</think>"));
    prompt.turns = std::move(text);
    return prompt;
}

}  // namespace

core::result<rendered_prompt> template_prompt(const render_options& options,
                                              const std::vector<message>& messages, const json& tools,
                                              thinking_mode thinking) {
    const auto source = with_answer(options.prompt_template);
    if (!source) {
        return source.error();
    }
    const bool has_tools = tools.is_array() && !tools.empty();
    if (has_tools && !source->mentions("Tools")) {
        return core::make_failure(core::errc::refused, core::say("request.template/template-place"));
    }
    const auto all = with_default_system(options, messages);
    auto data = common_data(options, thinking);
    auto text = source->mentions("Messages")
                    ? by_messages(options, *source, all, has_tools ? tools : json(), std::move(data))
                    : by_turns(options, *source, all, std::move(data));
    if (!text) {
        return text.error();
    }
    const bool may_think = expects_thinking(options, prompt_form::verbatim, thinking);
    return finished(*options.format, std::move(*text), messages.back(), may_think);
}

core::result<std::optional<rendered_prompt>> template_hole(const render_options& options,
                                                           const fill_in_middle& hole) {
    const auto source = compiled::from(options.prompt_template);
    if (!source) {
        return source.error();
    }
    if (!source->mentions("Suffix")) {
        return std::optional<rendered_prompt>{};
    }
    auto data = common_data(options, thinking_mode::model_default);
    data["Prompt"] = neutralise(*options.format, hole.prefix);
    data["Suffix"] = neutralise(*options.format, hole.suffix);
    auto text = source->execute(data, options.today);
    if (!text) {
        return text.error();
    }
    return std::optional(render_raw(std::move(*text)));
}

}  // namespace corral::chat
