#include <utility>

#include "chat/go_template/pipeline_parser.hpp"
#include "chat/go_template/syntax.hpp"
#include "chat/go_template/tokens.hpp"

namespace corral::chat::go_template {

namespace {

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
