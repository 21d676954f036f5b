// A family's format as a Go template that writes the same text as verbatim_prompt.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "chat/prompt/tool_words.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

// Placeholder in the words about tools for what the template fills in.
constexpr std::string_view place = "@@";

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) {
        out += part;
    }
    return out;
}

std::string replaced(std::string text, std::string_view part, std::string_view replacement) {
    const auto at = text.find(part);
    if (at != std::string::npos) {
        text.replace(at, part.size(), replacement);
    }
    return text;
}

constexpr std::string_view thinking_off = "(and $.IsThinkSet (not $.Think))";
constexpr std::string_view end = "{{ end }}";

class format_writer {
public:
    format_writer(const family& format, const shown_parts& what)
        : format_(format), tools_(what.tools && format.tools != tool_style::none), what_(what) {}

    std::string whole() const {
        const bool holes = what_.holes && !format_.fill.prefix.empty();
        std::string out;
        if (holes) {
            out += joined({"{{ if .Suffix }}", format_.fill.prefix, "{{ .Prompt }}", format_.fill.suffix,
                           "{{ .Suffix }}", format_.fill.middle, "{{ else }}"});
        }
        out += variables();
        out += format_.bos;
        out += system_turn();
        out += "{{ range $i, $m := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}";
        out += "{{ if and (eq .Role \"system\") (eq $i 0) }}";
        if (!format_.system_header.empty()) {
            out += joined({"{{ else if eq .Role \"system\" }}", format_.turn_open, format_.system_header,
                           "{{ .Content }}", format_.turn_close});
        }
        out += joined({"{{ else if eq .Role \"user\" }}", format_.turn_open, format_.user_header,
                       first_user(), "{{ .Content }}", format_.turn_close});
        out += "{{ else if eq .Role \"tool\" }}" + result();
        out += joined({"{{ else }}", format_.turn_open, format_.assistant_header, "{{ if $last }}",
                       open_answer(), "{{ else }}", old_thinking(), answer(), format_.assistant_end,
                       format_.turn_close, end, end});
        out += joined({"{{ if and $last (ne .Role \"assistant\") }}", format_.turn_open,
                       format_.assistant_header, new_answer(), end, "{{ $before = .Role }}", end});
        out += holes ? end : std::string_view{};
        return out;
    }

private:
    std::string variables() const {
        std::string out =
            "{{ $system := \"\" }}{{ if eq (index .Messages 0).Role \"system\" }}"
            "{{ $system = (index .Messages 0).Content }}{{ end }}{{ $before := \"\" }}";
        if (format_.repeats_thinking) {
            // The last user message that isn't a tool result in disguise.
            out +=
                "{{ $question := len .Messages }}{{ range $i, $m := .Messages }}"
                "{{ if and (eq .Role \"user\") (or (lt (len .Content) 15) "
                "(ne (slice .Content 0 15) \"<tool_response>\")) }}{{ $question = $i }}{{ end }}{{ end }}";
        }
        if (format_.system_in_first_user || format_.tools_in_first_user) {
            out +=
                "{{ $first := -1 }}{{ range $i, $m := .Messages }}"
                "{{ if and (lt $first 0) (eq .Role \"user\") }}{{ $first = $i }}{{ end }}{{ end }}";
        }
        return out;
    }

    std::string definitions() const {
        const auto words = tool_definitions(format_, json::array({place}));
        const bool indented = format_.tools == tool_style::llama_json;
        const auto one = joined({"\"", place, "\""});
        return indented
                   ? replaced(words, "\n\n" + one, "{{ range $.Tools }}\n\n{{ indentedJson . }}{{ end }}")
                   : replaced(words, "\n" + one, "{{ range $.Tools }}\n{{ json . }}{{ end }}");
    }

    std::string system_turn() const {
        if (format_.system_in_first_user) {
            return {};
        }
        const bool tools_here = tools_ && !format_.tools_in_first_user;
        const bool always = format_.writes_default_system || !format_.system_lead.empty();
        std::string out;
        if (!always) {
            out += tools_here ? "{{ if or $system .Tools }}" : "{{ if $system }}";
        }
        out += joined({format_.turn_open, format_.system_header});
        if (tools_ && !format_.tools_lead.empty()) {
            out += joined({"{{ if .Tools }}", format_.tools_lead, end});
        }
        out += format_.system_lead;
        out += format_.writes_default_system
                   ? joined({"{{ if $system }}{{ $system }}{{ else }}", format_.default_system, end})
                   : "{{ $system }}";
        if (tools_here) {
            out += joined({"{{ if .Tools }}",
                           format_.writes_default_system ? "\n\n" : "{{ if $system }}\n\n{{ end }}",
                           definitions(), end});
        }
        out += format_.turn_close;
        out += always ? std::string_view{} : end;
        return out;
    }

    std::string first_user() const {
        std::string out;
        if (format_.system_in_first_user) {
            out += "{{ if and $system (eq $i $first) }}{{ $system }}\n\n{{ end }}";
        }
        if (tools_ && format_.tools_in_first_user) {
            out += joined({"{{ if and $.Tools (eq $i $first) }}", definitions(), "\n\n", end});
        }
        return out;
    }

    std::string result() const {
        const auto words = tool_result(format_, place);
        if (!format_.tool_header.empty()) {
            const auto one = joined({"\"", place, "\""});
            return joined({format_.turn_open, format_.tool_header,
                           replaced(words, one, "{{ json .Content }}"), format_.turn_close});
        }
        return joined({"{{ if eq $before \"tool\" }}\n{{ else }}", format_.turn_open, format_.user_header,
                       end, replaced(words, place, "{{ .Content }}"),
                       "{{ if or $last (ne (index (slice $.Messages $i) 1).Role \"tool\") }}",
                       format_.turn_close, end});
    }

    std::string answer() const {
        const std::string name(place);
        auto one = answer_with_calls(format_, {}, {tool_call{{}, name, json{{name, 0}}}});
        one = replaced(std::move(one), joined({"\"", place, "\""}), "{{ json .Function.Name }}");
        one = replaced(std::move(one), joined({"{\"", place, "\": 0}"}), "{{ json .Function.Arguments }}");
        if (format_.tools == tool_style::llama_json) {
            return joined({"{{ if .ToolCalls }}{{ range $j, $c := .ToolCalls }}{{ if $j }}; {{ end }}", one,
                           end, "{{ else }}{{ .Content }}", end});
        }
        return joined(
            {"{{ .Content }}{{ range $j, $c := .ToolCalls }}{{ if or $j $m.Content }}\n{{ end }}", one, end});
    }

    std::string old_thinking() const {
        if (!format_.repeats_thinking) {
            return {};
        }
        return "{{ if and .Thinking (gt $i $question) }}<think>\n{{ .Thinking }}\n</think>\n\n{{ end }}";
    }

    std::string open_answer() const {
        if (!format_.thinks) {
            return answer();
        }
        const auto thinks =
            format_.thinking_skipped.empty() ? std::string{} : joined({" (not ", thinking_off, ")"});
        return joined({"{{ if or .Content .ToolCalls }}<think>\n{{ .Thinking }}\n</think>\n\n", answer(),
                       "{{ else if and .Thinking", thinks, " }}<think>\n{{ .Thinking }}{{ else }}",
                       new_answer(), end});
    }

    std::string new_answer() const {
        if (!format_.thinks || format_.thinking_skipped.empty()) {
            return std::string(format_.thinking_opened);
        }
        const auto skipped = joined({"{{ if ", thinking_off, " }}", format_.thinking_skipped});
        return format_.thinking_opened.empty()
                   ? joined({skipped, end})
                   : joined({skipped, "{{ else }}", format_.thinking_opened, end});
    }

    const family& format_;
    bool tools_;
    shown_parts what_;
};

}  // namespace

std::string shown_template(const family& format, const shown_parts& what) {
    return format_writer(format, what).whole();
}

bool is_shown_template(const family& format, std::string_view text) {
    const auto copied = core::trimmed(text);
    for (const bool tools : {true, false}) {
        for (const bool holes : {true, false}) {
            if (copied == core::trimmed(shown_template(format, {tools, holes}))) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace corral::chat
