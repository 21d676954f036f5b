// A family's format as a Go template: the same text as verbatim_prompt writes, decided by the template.

#include "chat/prompt/shown_template.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "chat/prompt/tool_words.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

// Stands in the words about tools for what the template fills in.
constexpr std::string_view place = "@@";

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) {
        out += part;
    }
    return out;
}

std::string replaced(std::string in, std::string_view what, std::string_view by) {
    const auto at = in.find(what);
    if (at != std::string::npos) {
        in.replace(at, what.size(), by);
    }
    return in;
}

constexpr std::string_view thinking_off = "(and $.IsThinkSet (not $.Think))";
constexpr std::string_view end = "{{ end }}";

class format_writer {
public:
    format_writer(const family& in, const shown_parts& what)
        : in_(in), tools_(what.tools && in.tools != tool_style::none), what_(what) {}

    std::string whole() const {
        const bool holes = what_.holes && !in_.fill.prefix.empty();
        std::string out;
        if (holes) {
            out += joined({"{{ if .Suffix }}", in_.fill.prefix, "{{ .Prompt }}", in_.fill.suffix,
                           "{{ .Suffix }}", in_.fill.middle, "{{ else }}"});
        }
        out += variables();
        out += in_.bos;
        out += system_turn();
        out += "{{ range $i, $m := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}";
        out += "{{ if and (eq .Role \"system\") (eq $i 0) }}";
        if (!in_.system_header.empty()) {
            out += joined({"{{ else if eq .Role \"system\" }}", in_.turn_open, in_.system_header,
                           "{{ .Content }}", in_.turn_close});
        }
        out += joined({"{{ else if eq .Role \"user\" }}", in_.turn_open, in_.user_header, first_user(),
                       "{{ .Content }}", in_.turn_close});
        out += "{{ else if eq .Role \"tool\" }}" + result();
        out += joined({"{{ else }}", in_.turn_open, in_.assistant_header, "{{ if $last }}", open_answer(),
                       "{{ else }}", old_thinking(), answer(), in_.assistant_end, in_.turn_close, end, end});
        out += joined({"{{ if and $last (ne .Role \"assistant\") }}", in_.turn_open, in_.assistant_header,
                       new_answer(), end, "{{ $before = .Role }}", end});
        out += holes ? end : std::string_view{};
        return out;
    }

private:
    std::string variables() const {
        std::string out =
            "{{ $system := \"\" }}{{ if eq (index .Messages 0).Role \"system\" }}"
            "{{ $system = (index .Messages 0).Content }}{{ end }}{{ $before := \"\" }}";
        if (in_.repeats_thinking) {
            // The last user message that isn't a tool result in disguise.
            out +=
                "{{ $question := len .Messages }}{{ range $i, $m := .Messages }}"
                "{{ if and (eq .Role \"user\") (or (lt (len .Content) 15) "
                "(ne (slice .Content 0 15) \"<tool_response>\")) }}{{ $question = $i }}{{ end }}{{ end }}";
        }
        if (in_.system_in_first_user || in_.tools_in_first_user) {
            out +=
                "{{ $first := -1 }}{{ range $i, $m := .Messages }}"
                "{{ if and (lt $first 0) (eq .Role \"user\") }}{{ $first = $i }}{{ end }}{{ end }}";
        }
        return out;
    }

    std::string definitions() const {
        const auto words = tool_definitions(in_, json::array({place}));
        const bool indented = in_.tools == tool_style::llama_json;
        const auto one = joined({"\"", place, "\""});
        return indented
                   ? replaced(words, "\n\n" + one, "{{ range $.Tools }}\n\n{{ indentedJson . }}{{ end }}")
                   : replaced(words, "\n" + one, "{{ range $.Tools }}\n{{ json . }}{{ end }}");
    }

    std::string system_turn() const {
        if (in_.system_in_first_user) {
            return {};
        }
        const bool tools_here = tools_ && !in_.tools_in_first_user;
        const bool always = in_.writes_default_system || !in_.system_lead.empty();
        std::string out;
        if (!always) {
            out += tools_here ? "{{ if or $system .Tools }}" : "{{ if $system }}";
        }
        out += joined({in_.turn_open, in_.system_header});
        if (tools_ && !in_.tools_lead.empty()) {
            out += joined({"{{ if .Tools }}", in_.tools_lead, end});
        }
        out += in_.system_lead;
        out += in_.writes_default_system
                   ? joined({"{{ if $system }}{{ $system }}{{ else }}", in_.default_system, end})
                   : "{{ $system }}";
        if (tools_here) {
            out += joined({"{{ if .Tools }}",
                           in_.writes_default_system ? "\n\n" : "{{ if $system }}\n\n{{ end }}",
                           definitions(), end});
        }
        out += in_.turn_close;
        out += always ? std::string_view{} : end;
        return out;
    }

    std::string first_user() const {
        std::string out;
        if (in_.system_in_first_user) {
            out += "{{ if and $system (eq $i $first) }}{{ $system }}\n\n{{ end }}";
        }
        if (tools_ && in_.tools_in_first_user) {
            out += joined({"{{ if and $.Tools (eq $i $first) }}", definitions(), "\n\n", end});
        }
        return out;
    }

    std::string result() const {
        const auto words = tool_result(in_, place);
        if (!in_.tool_header.empty()) {
            const auto one = joined({"\"", place, "\""});
            return joined({in_.turn_open, in_.tool_header, replaced(words, one, "{{ json .Content }}"),
                           in_.turn_close});
        }
        return joined({"{{ if eq $before \"tool\" }}\n{{ else }}", in_.turn_open, in_.user_header, end,
                       replaced(words, place, "{{ .Content }}"),
                       "{{ if or $last (ne (index (slice $.Messages $i) 1).Role \"tool\") }}", in_.turn_close,
                       end});
    }

    std::string answer() const {
        const std::string name(place);
        auto one = answer_with_calls(in_, {}, {tool_call{{}, name, json{{name, 0}}}});
        one = replaced(std::move(one), joined({"\"", place, "\""}), "{{ json .Function.Name }}");
        one = replaced(std::move(one), joined({"{\"", place, "\": 0}"}), "{{ json .Function.Arguments }}");
        if (in_.tools == tool_style::llama_json) {
            return joined({"{{ if .ToolCalls }}{{ range $j, $c := .ToolCalls }}{{ if $j }}; {{ end }}", one,
                           end, "{{ else }}{{ .Content }}", end});
        }
        return joined(
            {"{{ .Content }}{{ range $j, $c := .ToolCalls }}{{ if or $j $m.Content }}\n{{ end }}", one, end});
    }

    std::string old_thinking() const {
        if (!in_.repeats_thinking) {
            return {};
        }
        return "{{ if and .Thinking (gt $i $question) }}<think>\n{{ .Thinking }}\n</think>\n\n{{ end }}";
    }

    std::string open_answer() const {
        if (!in_.thinks) {
            return answer();
        }
        const auto thinks =
            in_.thinking_skipped.empty() ? std::string{} : joined({" (not ", thinking_off, ")"});
        return joined({"{{ if or .Content .ToolCalls }}<think>\n{{ .Thinking }}\n</think>\n\n", answer(),
                       "{{ else if and .Thinking", thinks, " }}<think>\n{{ .Thinking }}{{ else }}",
                       new_answer(), end});
    }

    std::string new_answer() const {
        if (!in_.thinks || in_.thinking_skipped.empty()) {
            return std::string(in_.thinking_opened);
        }
        const auto skipped = joined({"{{ if ", thinking_off, " }}", in_.thinking_skipped});
        return in_.thinking_opened.empty() ? joined({skipped, end})
                                           : joined({skipped, "{{ else }}", in_.thinking_opened, end});
    }

    const family& in_;
    bool tools_;
    shown_parts what_;
};

}  // namespace

std::string shown_template(const family& in, const shown_parts& what) {
    return format_writer(in, what).whole();
}

bool is_shown_template(const family& in, std::string_view text) {
    const auto copied = core::trimmed(text);
    for (const bool tools : {true, false}) {
        for (const bool holes : {true, false}) {
            const auto shown = shown_template(in, {tools, holes});
            if (copied == core::trimmed(shown)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace corral::chat
