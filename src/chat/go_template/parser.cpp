#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/go_template/functions.hpp"
#include "chat/go_template/syntax.hpp"
#include "chat/go_template/texts.hpp"
#include "chat/go_template/tokens.hpp"
#include "corral/core/utf8.hpp"

namespace corral::chat::go_template {

namespace {

// The inside of an action: pipelines, their variables and constants. Names are checked here, as in Go.
class pipeline_parser {
public:
    explicit pipeline_parser(token_cursor& at) : at_(at) {}

    // Up to the end of the action or the parenthesis, which is not consumed. `action` is its name in messages;
    // a range may set two variables.
    [[nodiscard]] pipeline parse(const std::string& action, bool in_range = false);

    // Variables that are declared and in scope, "$" first.
    std::vector<std::string> variables{"$"};
    std::set<std::string> fields;  // every named field
    bool named_response = false;   // ".Response" was among them, not in a chain

private:
    void assignment(bool in_range, pipeline& target);
    void known(const std::string& name);
    operand term();
    void word(const std::string& text, operand& target);
    void group(operand& target);
    void chain(operand& target);
    value constant(const token& from);
    value number(std::string_view text);

    token_cursor& at_;
};

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

using kind = token::kind;

class parser {
public:
    explicit parser(token_cursor& at) : at_(at), pipelines_(at) {}

    syntax_tree run() {
        tree_.root = nodes();
        if (!at_.failed() && at_.next().what != kind::end) {
            at_.fail("unexpected {{" + at_.next_word() + "}}");
        }
        tree_.fields = std::move(pipelines_.fields);
        return std::move(tree_);
    }

private:
    // Up to the end, or an {{end}} or {{else}}, which stays.
    block nodes() {
        block out;
        const auto scope = pipelines_.variables.size();
        if (at_.deeper()) {
            while (at_.next().what != kind::end) {
                const auto word = at_.next_word();
                if (word == "end" || word == "else") {
                    break;
                }
                one(word, out);
            }
        }
        pipelines_.variables.resize(scope);
        at_.shallower();
        return out;
    }

    void one(const std::string& word, block& to) {
        node made;
        made.line = at_.next().line;
        made.order = order_++;
        if (at_.next().what == kind::text) {
            made.text = at_.taken().text;
        } else if (word == "if" || word == "with" || word == "range") {
            branch(word, made);
        } else if (word == "define") {
            define();
            return;
        } else if (word == "template" || word == "block") {
            call(word, made);
        } else if (word == "break" || word == "continue") {
            if (loops_ == 0) {
                at_.fail("{{" + word + "}} outside {{range}}");
            }
            at_.skip_word();
            at_.need_close(word);
            made.what = word == "break" ? node::kind::break_ : node::kind::continue_;
        } else {
            action(made);
        }
        to.push_back(std::move(made));
    }

    void action(node& made) {
        made.what = node::kind::action;
        if (!at_.take(kind::open)) {
            at_.fail("unexpected mark");
        }
        const bool before = std::exchange(pipelines_.named_response, false);
        made.pipe = pipelines_.parse("command");
        if (pipelines_.named_response && !tree_.prints_response) {
            tree_.prints_response = made.order;
        }
        pipelines_.named_response = before;
        at_.need_close("command");
    }

    void branch(const std::string& word, node& made) {
        at_.skip_word();
        made.what = word == "if" ? node::kind::if_ : word == "with" ? node::kind::with : node::kind::range;
        const bool loop = word == "range";
        const auto scope = pipelines_.variables.size();
        made.pipe = pipelines_.parse(word, loop);
        at_.need_close(word);
        loops_ += loop ? 1U : 0U;
        made.body = nodes();
        loops_ -= loop ? 1U : 0U;
        bool ended = false;
        if (at_.next_word() == "else") {
            ended = otherwise(made, loop);
        }
        pipelines_.variables.resize(scope);
        if (!ended) {
            end_of(word);
        }
    }

    // True when it took the {{end}} too: {{else if}} is an if of its own in the other branch.
    bool otherwise(node& made, bool loop) {
        at_.skip_word();
        at_.spaces();
        const auto chained = at_.next().what == kind::word ? at_.next().text : std::string{};
        if (loop || (chained != "if" && chained != "with")) {
            at_.need_close("else");
            made.otherwise = nodes();
            return false;
        }
        node inner;
        inner.line = at_.next().line;
        inner.order = order_++;
        if (at_.deeper()) {
            branch(chained, inner);
        }
        at_.shallower();
        made.otherwise.push_back(std::move(inner));
        return true;
    }

    void end_of(const std::string& word) {
        if (at_.next_word() != "end") {
            at_.fail(at_.next().what == kind::end ? "unexpected EOF: {{" + word + "}} without {{end}}"
                                                  : "expected {{end}} of {{" + word + "}}");
            return;
        }
        at_.skip_word();
        at_.need_close("end");
    }

    // The body of a template of its own: no outer variables, no outer loop.
    void body_of(const std::string& word, const std::string& name) {
        auto outside = std::exchange(pipelines_.variables, {"$"});
        const auto loops = std::exchange(loops_, 0U);
        tree_.defined[name] = nodes();
        pipelines_.variables = std::move(outside);
        loops_ = loops;
        end_of(word);
    }

    std::string quoted_name(const std::string& word) {
        at_.skip_word();
        at_.spaces();
        if (at_.next().what != kind::string) {
            at_.fail("{{" + word + "}} needs a quoted name");
            return {};
        }
        return at_.taken().text;
    }

    void define() {
        if (at_.depth() > 1) {
            at_.fail("unexpected {{define}}");
            return;
        }
        const auto name = quoted_name("define");
        at_.need_close("define");
        body_of("define", name);
    }

    void call(const std::string& word, node& made) {
        made.what = node::kind::call;
        made.text = quoted_name(word);
        at_.spaces();
        if (at_.next().what != kind::close) {
            made.pipe = pipelines_.parse(word);
        } else if (word == "block") {
            at_.fail("missing value for block");
        }
        at_.need_close(word);
        if (word == "block") {
            body_of(word, made.text);
        }
    }

    token_cursor& at_;
    pipeline_parser pipelines_;
    syntax_tree tree_;
    std::size_t loops_ = 0;
    std::size_t order_ = 0;
};

}  // namespace

syntax_tree parse(std::string_view source, problem& wrong) {
    token_cursor at(tokens_of(source, wrong), wrong);
    if (wrong.found()) {
        return {};
    }
    return parser(at).run();
}

}  // namespace corral::chat::go_template
