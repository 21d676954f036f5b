#pragma once
// A template parsed, and what is done with it.

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/go_template/value.hpp"

namespace corral::chat::go_template {

// A fault and its place. Empty `reason`: none.
struct problem {
    std::size_t line = 0;
    std::string reason;
    [[nodiscard]] bool found() const { return !reason.empty(); }
};

struct command;

struct pipeline {
    std::size_t line = 0;
    std::vector<std::string> variables;  // "$x"; two only in a range
    bool declares = false;               // ":=", else "="
    std::vector<command> commands;
};

struct operand {
    enum class kind { literal, function, dot, variable, group };
    kind what = kind::dot;
    value constant;
    std::string name;                 // of the function or the variable
    std::vector<pipeline> group;      // one, in parentheses
    std::vector<std::string> fields;  // applied in order
};

struct command {
    std::vector<operand> operands;  // not empty
};

struct node {
    enum class kind { text, action, if_, range, with, call, break_, continue_ };
    kind what = kind::text;
    std::size_t line = 0;
    std::size_t order = 0;  // rises through the source
    std::string text;       // the text itself, or the name of the template to call
    pipeline pipe;
    std::vector<node> body;
    std::vector<node> otherwise;
};

using block = std::vector<node>;

struct syntax_tree {
    block root;
    std::map<std::string, block> defined;
    std::set<std::string> fields;                // every field named anywhere
    std::optional<std::size_t> prints_response;  // the order of the first action that prints .Response
};

// Names of functions and variables are checked here, as in Go. The tree is meaningless when `wrong` is set.
[[nodiscard]] syntax_tree parse(std::string_view source, problem& wrong);

struct execution {
    std::string_view today;  // for currentDate: "2006-01-02"
    // Nodes behind this one are skipped: the answer is cut off there.
    std::size_t last_order = std::numeric_limits<std::size_t>::max();
    std::size_t most_output = 0;
};

// Appends to `out`, whose text is meaningless when `wrong` is set. `effort`: steps, and bytes made, compared or written,
// that may be spent; what is left comes back.
void execute(const syntax_tree& tree, const json& data, const execution& how, std::size_t& effort,
             std::string& out, problem& wrong);

}  // namespace corral::chat::go_template
