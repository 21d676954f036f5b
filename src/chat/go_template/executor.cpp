#include <algorithm>
#include <utility>
#include <vector>

#include "chat/go_template/functions.hpp"
#include "chat/go_template/syntax.hpp"

namespace corral::chat::go_template {

namespace {

constexpr std::size_t deepest_call = 32;
// What costs as much as a step: so many bytes, or names that a variable is looked for among.
constexpr std::size_t bytes_a_step = 64;
constexpr std::size_t names_a_step = 8;

enum class flow { next, leaves_loop, next_round };

class executor {
public:
    executor(const syntax_tree& tree, const execution& how, std::size_t& effort, std::string& out,
             problem& wrong)
        : tree_(tree), how_(how), effort_(effort), out_(out), wrong_(wrong) {}

    void run(const value& data) {
        variables_.emplace_back("$", data);
        walk(tree_.root, data);
    }

private:
    void fail(std::size_t line, std::string reason) {
        if (!wrong_.found()) {
            wrong_ = {line, std::move(reason)};
        }
    }

    // False when there was too much of it.
    bool spend(std::size_t line, std::size_t effort) {
        const bool enough = effort <= effort_;
        effort_ -= std::min(effort, effort_);
        if (!enough) {
            fail(line, "takes too many steps");
        }
        return !wrong_.found();
    }

    void write(std::size_t line, std::string_view text) {
        spend(line, text.size() / bytes_a_step);
        if (text.size() > how_.most_output - std::min(out_.size(), how_.most_output)) {
            fail(line, "writes too long a text");
            return;
        }
        out_ += text;
    }

    flow walk(const block& nodes, const value& dot) {
        const auto scope = variables_.size();
        flow on = flow::next;
        for (const auto& one : nodes) {
            if (on != flow::next || one.order > how_.last_order || !spend(one.line, 1)) {
                break;
            }
            on = step(one, dot);
        }
        variables_.resize(scope);
        return on;
    }

    flow step(const node& one, const value& dot) {
        switch (one.what) {
            case node::kind::text:
                write(one.line, one.text);
                return flow::next;
            case node::kind::action:
                action(one, dot);
                return flow::next;
            case node::kind::if_:
            case node::kind::with:
                return branch(one, dot);
            case node::kind::range:
                return loop(one, dot);
            case node::kind::call:
                invoke(one, dot);
                return flow::next;
            case node::kind::break_:
                return flow::leaves_loop;
            case node::kind::continue_:
                return flow::next_round;
        }
        return flow::next;
    }

    void action(const node& one, const value& dot) {
        const auto result = evaluated(one.pipe, dot);
        if (one.pipe.variables.empty() && !wrong_.found()) {
            write(one.line, printed(result));
        } else if (!wrong_.found()) {
            assign(one.pipe, {result});
        }
    }

    flow branch(const node& one, const value& dot) {
        const auto scope = variables_.size();
        const auto result = evaluated(one.pipe, dot);
        if (wrong_.found()) {
            return flow::next;
        }
        assign(one.pipe, {result});
        const bool yes = result.truth();
        const auto& inside = one.what == node::kind::with && yes ? result : dot;
        const flow on = walk(yes ? one.body : one.otherwise, inside);
        variables_.resize(scope);
        return on;
    }

    flow loop(const node& one, const value& dot) {
        const auto scope = variables_.size();
        const auto over = evaluated(one.pipe, dot);
        if (wrong_.found()) {
            return flow::next;
        }
        std::size_t rounds = over.size();
        if (const auto number = over.whole_number()) {
            rounds = static_cast<std::size_t>(std::max<std::int64_t>(*number, 0));
        } else if (!over.is_list() && !over.is_map() && !over.is_nil()) {
            fail(one.line, std::string("range can't iterate over ") + over.kind());
            return flow::next;
        }
        flow on = flow::next;
        for (std::size_t at = 0; at < rounds && on != flow::leaves_loop && spend(one.line, 1); ++at) {
            const bool counts = over.is_number();
            value number(json(static_cast<std::int64_t>(at)));
            value element = counts ? number : over.element(at);
            value key = over.is_map() ? value(json(over.key(at))) : std::move(number);
            assign(one.pipe, {std::move(key), element});
            on = walk(one.body, element);
            variables_.resize(scope);
        }
        if (rounds == 0) {
            on = walk(one.otherwise, dot);
            variables_.resize(scope);
            return on;
        }
        return flow::next;
    }

    void invoke(const node& one, const value& dot) {
        const auto found = tree_.defined.find(one.text);
        if (found == tree_.defined.end()) {
            fail(one.line, "template \"" + one.text + "\" not defined");
            return;
        }
        if (++calls_ > deepest_call) {
            fail(one.line, "templates call each other too deeply");
        }
        const auto data = one.pipe.commands.empty() ? value() : evaluated(one.pipe, dot);
        if (!wrong_.found()) {
            auto outside = std::exchange(variables_, {{"$", data}});
            walk(found->second, data);
            variables_ = std::move(outside);
        }
        --calls_;
    }

    // The last of `values` for one variable, all for as many.
    void assign(const pipeline& to, std::vector<value> values) {
        const std::size_t skipped = values.size() - std::min(values.size(), to.variables.size());
        for (std::size_t at = 0; at < to.variables.size() && skipped + at < values.size(); ++at) {
            auto& given = values[skipped + at];
            if (to.declares) {
                variables_.emplace_back(to.variables[at], std::move(given));
            } else {
                set(to.variables[at], std::move(given));
            }
        }
    }

    void set(const std::string& name, value to) {
        const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                        [&](const auto& one) { return one.first == name; });
        if (found != variables_.rend()) {
            found->second = std::move(to);
        }
    }

    value evaluated(const pipeline& pipe, const value& dot) {
        value out;
        bool piped = false;
        for (const auto& one : pipe.commands) {
            if (!spend(pipe.line, 1)) {
                return {};
            }
            out = commanded(pipe.line, one, dot, piped ? &out : nullptr);
            piped = true;
        }
        return out;
    }

    value commanded(std::size_t line, const command& one, const value& dot, const value* last) {
        const auto& first = one.operands.front();
        if (first.what == operand::kind::function) {
            value out = called(line, one, dot, last);
            return chained(line, std::move(out), first.fields);
        }
        if (one.operands.size() > 1 || last != nullptr) {
            fail(line, "can't give argument to non-function");
            return {};
        }
        return operated(line, first, dot);
    }

    value called(std::size_t line, const command& one, const value& dot, const value* last) {
        const auto& name = one.operands.front().name;
        const bool stops_at_false = name == "and";
        const bool stops_at_true = name == "or";
        std::vector<value> arguments;
        for (std::size_t at = 1; at < one.operands.size(); ++at) {
            arguments.push_back(operated(line, one.operands[at], dot));
            const bool yes = arguments.back().truth();
            if (wrong_.found() || (stops_at_false && !yes) || (stops_at_true && yes)) {
                return arguments.back();
            }
        }
        if (last != nullptr) {
            arguments.push_back(*last);
        }
        return run_function(line, name, arguments);
    }

    value run_function(std::size_t line, const std::string& name, const std::vector<value>& arguments) {
        call_context with{how_.today, effort_ * bytes_a_step};
        value out = call(name, arguments, with);
        if (!with.problem.empty()) {
            fail(line, std::move(with.problem));
            return {};
        }
        spend(line, 1 + with.effort / bytes_a_step);
        return out;
    }

    value operated(std::size_t line, const operand& one, const value& dot) {
        if (!spend(line, 1)) {
            return {};
        }
        switch (one.what) {
            case operand::kind::literal:
                return one.constant;
            case operand::kind::dot:
                return chained(line, dot, one.fields);
            case operand::kind::variable: {
                const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                                [&](const auto& each) { return each.first == one.name; });
                spend(line, static_cast<std::size_t>(found - variables_.rbegin()) / names_a_step);
                return chained(line, found == variables_.rend() ? value() : found->second, one.fields);
            }
            case operand::kind::group:
                return chained(line, evaluated(one.group.front(), dot), one.fields);
            case operand::kind::function:
                return chained(line, run_function(line, one.name, {}), one.fields);
        }
        return {};
    }

    // A missing field is nothing, and so is a field of nothing.
    value chained(std::size_t line, value from, const std::vector<std::string>& fields) {
        for (const auto& name : fields) {
            if (!from.is_map() && !from.is_nil()) {
                fail(line, "can't evaluate field " + name + " in type " + from.kind());
                return {};
            }
            spend(line, from.size() / bytes_a_step + 1);
            from = from.member(name);
        }
        return from;
    }

    const syntax_tree& tree_;
    const execution& how_;
    std::size_t& effort_;  // that is left
    std::string& out_;
    problem& wrong_;
    std::vector<std::pair<std::string, value>> variables_;
    std::size_t calls_ = 0;
};

}  // namespace

void execute(const syntax_tree& tree, const json& data, const execution& how, std::size_t& effort,
             std::string& out, problem& wrong) {
    executor(tree, how, effort, out, wrong).run(value::of(data));
}

}  // namespace corral::chat::go_template
