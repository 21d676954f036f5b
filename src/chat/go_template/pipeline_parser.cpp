#include "chat/go_template/pipeline_parser.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "chat/go_template/functions.hpp"
#include "chat/go_template/texts.hpp"
#include "corral/core/utf8.hpp"

namespace corral::chat::go_template {

using kind = token::kind;

// "$x :=", "$x =" and in a range "$i, $x :=".
void pipeline_parser::assignment(bool in_range, pipeline& target) {
    const auto start = at_.place();
    std::vector<std::string> names;
    bool more = true;
    while (more && at_.next().what == kind::variable) {
        names.push_back(at_.taken().text);
        at_.spaces();
        more = in_range && names.size() < 2 && at_.take(kind::comma);
        at_.spaces();
    }
    const bool declares = at_.next().what == kind::declare;
    if (names.empty() || (!declares && at_.next().what != kind::assign)) {
        at_.back_to(start);
        return;
    }
    at_.taken();
    target.declares = declares;
    target.variables = std::move(names);
}

void pipeline_parser::known(const std::string& name) {
    if (std::ranges::find(variables, name) == variables.end()) {
        at_.fail("undefined variable \"" + name + "\"");
    }
}

pipeline pipeline_parser::parse(const std::string& action, bool in_range) {
    pipeline out;
    out.line = at_.next().line;
    at_.spaces();
    assignment(in_range, out);
    bool more = true;
    while (more && !at_.failed()) {
        command made;
        at_.spaces();
        while (at_.next().what != kind::pipe && at_.next().what != kind::right &&
               at_.next().what != kind::close && !at_.failed()) {
            made.operands.push_back(term());
            at_.spaces();
        }
        if (made.operands.empty()) {
            at_.fail("missing value for " + action);
        }
        out.commands.push_back(std::move(made));
        more = at_.take(kind::pipe);
    }
    for (const auto& name : out.variables) {
        if (out.declares) {
            variables.push_back(name);
        } else {
            known(name);
        }
    }
    return out;
}

operand pipeline_parser::term() {
    operand out;
    const token& first = at_.next();
    switch (first.what) {
        case kind::word:
            word(first.text, out);
            at_.taken();
            break;
        case kind::field:
            break;
        case kind::dot:
            at_.taken();
            return out;
        case kind::variable:
            known(first.text);
            out.what = operand::kind::variable;
            out.name = first.text;
            at_.taken();
            break;
        case kind::string:
        case kind::character:
        case kind::number:
            out.what = operand::kind::literal;
            out.constant = constant(first);
            at_.taken();
            break;
        case kind::left:
            group(out);
            break;
        default:
            at_.fail("unexpected mark in operand");
    }
    if (at_.next().what == kind::field && out.what == operand::kind::literal) {
        at_.fail("unexpected . after a constant");
    }
    chain(out);
    return out;
}

void pipeline_parser::chain(operand& target) {
    while (at_.next().what == kind::field) {
        const auto& name = at_.taken().text;
        if (target.fields.empty() && target.what == operand::kind::dot && name == "Response") {
            named_response = true;
        }
        fields.insert(name);
        target.fields.push_back(name);
    }
}

void pipeline_parser::word(const std::string& text, operand& target) {
    target.what = operand::kind::literal;
    if (text == "true" || text == "false") {
        target.constant = value(json(text == "true"));
    } else if (text != "nil") {
        target.what = operand::kind::function;
        target.name = text;
        if (!is_function(text)) {
            at_.fail("function \"" + text + "\" not defined");
        }
    }
}

void pipeline_parser::group(operand& target) {
    at_.taken();
    target.what = operand::kind::group;
    if (at_.deeper()) {
        target.group.push_back(parse("parenthesized pipeline"));
        if (!at_.take(kind::right)) {
            at_.fail("unclosed left paren");
        }
    }
    at_.shallower();
}

value pipeline_parser::constant(const token& from) {
    if (from.what == kind::string) {
        return value(json(from.text));
    }
    if (from.what == kind::number) {
        return number(from.text);
    }
    const auto character = from.text.empty() ? core::utf8_step{} : core::next_utf8(from.text);
    if (from.text.empty() || character.length != from.text.size()) {
        at_.fail("malformed character constant");
    }
    return value(json(static_cast<std::int64_t>(character.point)));
}

value pipeline_parser::number(std::string_view text) {
    auto digits = text;
    const bool minus = digits.starts_with('-');
    if (minus || digits.starts_with('+')) {
        digits.remove_prefix(1);
    }
    const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
    digits.remove_prefix(hex ? 2U : 0U);
    std::int64_t whole = 0;
    const char* const end = digits.data() + digits.size();
    const auto as_whole = std::from_chars(digits.data(), end, whole, hex ? 16 : 10);
    if (as_whole.ec == std::errc{} && as_whole.ptr == end && !digits.starts_with('-')) {
        return value(json(minus ? -whole : whole));
    }
    double real = 0;
    const auto as_real = std::from_chars(digits.data(), end, real);
    if (hex || as_real.ec != std::errc{} || as_real.ptr != end) {
        at_.fail("bad number syntax: \"" + std::string(text) + "\"");
    }
    return value(json(minus ? -real : real));
}

}  // namespace corral::chat::go_template
