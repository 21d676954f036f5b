#include "chat/go_template/functions.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "chat/go_template/texts.hpp"
#include "chat/json/json_text.hpp"
#include "corral/core/utf8.hpp"

namespace corral::chat::go_template {

namespace {

using arguments = std::span<const value>;

value logical(bool what) {
    return value(json(what));
}
value textual(std::string what) {
    return value(json(std::move(what)));
}

// As Go's eq on basic kinds; lists and maps can't be compared, nothing equals only nothing.
bool equal(const value& one, const value& other, call_context& context) {
    if (one.is_list() || one.is_map() || other.is_list() || other.is_map()) {
        context.problem = "non-comparable types";
        return false;
    }
    if (one.is_number() && other.is_number()) {
        return one.number() == other.number();
    }
    if (one.is_text() && other.is_text()) {
        context.effort += std::min(one.size(), other.size());
        return one.text() == other.text();
    }
    if (one.is_boolean() && other.is_boolean()) {
        return one.truth() == other.truth();
    }
    return one.is_nil() && other.is_nil();
}

value eq(arguments from, call_context& context) {
    const bool any = std::any_of(from.begin() + 1, from.end(), [&](const value& one) {
        return context.effort > context.most || equal(from.front(), one, context);
    });
    return logical(any);
}

value ne(arguments from, call_context& context) {
    return logical(!equal(from[0], from[1], context));
}

// Less than zero, zero or more, of two that have an order.
int compared(arguments from, call_context& context) {
    if (from[0].is_number() && from[1].is_number()) {
        const double one = from[0].number();
        const double other = from[1].number();
        return one < other ? -1 : one > other ? 1 : 0;
    }
    if (from[0].is_text() && from[1].is_text()) {
        context.effort += std::min(from[0].size(), from[1].size());
        return from[0].text().compare(from[1].text());
    }
    context.problem = "incompatible types for comparison";
    return 0;
}

value lt(arguments from, call_context& context) {
    return logical(compared(from, context) < 0);
}
value le(arguments from, call_context& context) {
    return logical(compared(from, context) <= 0);
}
value gt(arguments from, call_context& context) {
    return logical(compared(from, context) > 0);
}
value ge(arguments from, call_context& context) {
    return logical(compared(from, context) >= 0);
}

value negated(arguments from, call_context& /*with*/) {
    return logical(!from.front().truth());
}

value conjunction(arguments from, call_context& /*with*/) {
    const auto found = std::ranges::find_if(from, [](const value& one) { return !one.truth(); });
    return found == from.end() ? from.back() : *found;
}

value disjunction(arguments from, call_context& /*with*/) {
    const auto found = std::ranges::find_if(from, [](const value& one) { return one.truth(); });
    return found == from.end() ? from.back() : *found;
}

// A missing list is an empty one.
value len(arguments from, call_context& context) {
    const auto& what = from.front();
    if (what.is_number() || what.is_boolean()) {
        context.problem = std::string("len of type ") + what.kind();
    }
    return value(json(static_cast<std::int64_t>(what.size())));
}

std::optional<std::size_t> position(const value& from, std::size_t most, call_context& context) {
    const auto number = from.whole_number();
    if (!number) {
        context.problem = std::string("cannot index with type ") + from.kind();
        return std::nullopt;
    }
    if (*number < 0 || static_cast<std::uint64_t>(*number) > most) {
        context.problem = "index out of range: " + std::to_string(*number);
        return std::nullopt;
    }
    return static_cast<std::size_t>(*number);
}

value indexed(const value& in, const value& by, call_context& context) {
    if (in.is_map() && by.is_text()) {
        context.effort += in.size();
        return in.member(by.text());
    }
    if (in.is_nil()) {
        return {};
    }
    if (!in.is_list() && !in.is_text()) {
        context.problem = std::string("can't index item of type ") + in.kind();
        return {};
    }
    if (in.size() == 0) {
        context.problem = "index out of range: 0";
        return {};
    }
    const auto at = position(by, in.size() - 1, context);
    if (!at) {
        return {};
    }
    if (in.is_list()) {
        return in.element(*at);
    }
    return value(json(static_cast<unsigned char>(in.text()[*at])));
}

value index(arguments from, call_context& context) {
    value out = from.front();
    for (const auto& by : from.subspan(1)) {
        out = indexed(out, by, context);
    }
    return out;
}

// Bytes, as in Go, but a character that would be cut stays out: half of one is no text.
std::string whole_characters(std::string_view text, std::size_t from, std::size_t to) {
    const auto continues = [&](std::size_t at) {
        return at < text.size() && core::continues_character(text[at]);
    };
    while (from < to && continues(from)) {
        ++from;
    }
    while (to > from && continues(to)) {
        --to;
    }
    return std::string(text.substr(from, to - from));
}

value slice(arguments from, call_context& context) {
    const auto& what = from.front();
    if (!what.is_list() && !what.is_text()) {
        context.problem = std::string("can't slice item of type ") + what.kind();
        return {};
    }
    std::array<std::size_t, 2> ends{0, what.size()};
    for (std::size_t at = 1; at < from.size(); ++at) {
        const auto end = position(from[at], what.size(), context);
        if (!end) {
            return {};
        }
        ends[at - 1] = *end;
    }
    if (ends[0] > ends[1]) {
        context.problem = "invalid slice index: " + std::to_string(ends[0]) + " > " + std::to_string(ends[1]);
        return {};
    }
    if (what.is_list()) {
        return what.part(ends[0], ends[1]);
    }
    return textual(whole_characters(what.text(), ends[0], ends[1]));
}

value print(arguments from, call_context& context) {
    return textual(print_text(from, context.most));
}
value println(arguments from, call_context& context) {
    return textual(println_text(from, context.most));
}

value printf(arguments from, call_context& context) {
    if (!from.front().is_text()) {
        context.problem = "printf needs a format text";
        return {};
    }
    return textual(printf_text(from.front().text(), from.subspan(1), context.most));
}

value html(arguments from, call_context& context) {
    std::string out;
    for (const char c : print_text(from, context.most)) {
        constexpr std::string_view special = "<>&'\"";
        constexpr std::array<std::string_view, 5> written{"&lt;", "&gt;", "&amp;", "&#39;", "&#34;"};
        const auto at = special.find(c);
        if (at == std::string_view::npos) {
            out += c;
        } else {
            out += written[at];
        }
    }
    return textual(std::move(out));
}

value to_json(arguments from, call_context& /*with*/) {
    return textual(json_of(from.front()));
}

value to_indented_json(arguments from, call_context& /*with*/) {
    return textual(indented_json(from.front().whole()));
}

value current_date(arguments /*from*/, call_context& context) {
    return textual(std::string(context.today));
}

struct function {
    std::string_view name;
    std::size_t least;
    std::size_t most;
    value (*run)(arguments, call_context&);
};

constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

// `json` writes a space behind each comma and colon, as models saw it in training. `indentedJson` is Corral's
// own, for the families whose templates print tools so.
constexpr std::array<function, 19> all{{
    {"and", 1, any, conjunction},
    {"or", 1, any, disjunction},
    {"not", 1, 1, negated},
    {"eq", 2, any, eq},
    {"ne", 2, 2, ne},
    {"lt", 2, 2, lt},
    {"le", 2, 2, le},
    {"gt", 2, 2, gt},
    {"ge", 2, 2, ge},
    {"len", 1, 1, len},
    {"index", 1, any, index},
    {"slice", 1, 3, slice},
    {"print", 0, any, print},
    {"println", 0, any, println},
    {"printf", 1, any, printf},
    {"html", 0, any, html},
    {"json", 1, 1, to_json},
    {"indentedJson", 1, 1, to_indented_json},
    {"currentDate", 0, any, current_date},
}};

const function* find(std::string_view name) {
    const auto found = std::ranges::find(all, name, &function::name);
    return name.empty() || found == all.end() ? nullptr : found;
}

}  // namespace

bool is_function(std::string_view name) {
    return find(name) != nullptr;
}

value call(std::string_view name, std::span<const value> from, call_context& context) {
    const function& one = *find(name);
    if (from.size() < one.least || from.size() > one.most) {
        context.problem =
            "wrong number of args for " + std::string(name) + ": got " + std::to_string(from.size());
        return {};
    }
    value out = one.run(from, context);
    context.effort += 1 + (out.is_text() ? out.size() : 0);
    if (!context.problem.empty()) {
        context.problem = "error calling " + std::string(name) + ": " + context.problem;
    }
    return out;
}

}  // namespace corral::chat::go_template
