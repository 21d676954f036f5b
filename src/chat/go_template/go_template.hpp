#pragma once
// Go's text/template, as far as the prompt templates of Ollama models use it: actions with trim markers,
// comments, if, range, with, else, break, continue, define, template, block, variables, pipelines,
// parentheses, chains of fields, constants, and the functions of functions.hpp. A missing field is empty.
// Templates come from clients, so their size, depth, steps and output are bounded; what they print is whole
// UTF-8 when they and the data are.

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::chat::go_template {

struct syntax_tree;

class compiled {
public:
    // Refused, with the line and what is wrong there: "template: :3: unclosed action".
    [[nodiscard]] static core::result<compiled> from(std::string_view source);

    // Whether a field of that name is used anywhere.
    [[nodiscard]] bool mentions(const std::string& field) const;

    // `data`: an object. `today`: for currentDate, "2006-01-02". With `until_response` all that stands behind
    // the first printed .Response is left out: there the model goes on. Refused when it fails or is too much.
    [[nodiscard]] core::result<std::string> execute(const nlohmann::ordered_json& data,
                                                    std::string_view today,
                                                    bool until_response = false) const;
    // The same for one of several runs that make a prompt together: what it costs is taken off `effort`, which began as
    // effort_for() of their messages.
    [[nodiscard]] core::result<std::string> execute(const nlohmann::ordered_json& data,
                                                    std::string_view today, bool until_response,
                                                    std::size_t& effort) const;
    [[nodiscard]] static std::size_t effort_for(std::size_t messages);

private:
    explicit compiled(std::shared_ptr<const syntax_tree> tree);
    std::shared_ptr<const syntax_tree> tree_;
};

}  // namespace corral::chat::go_template
