#include "chat/go_template/go_template.hpp"

#include <utility>

#include "chat/go_template/syntax.hpp"
#include "corral/core/say.hpp"

namespace corral::chat::go_template {

namespace {

constexpr std::size_t most_source = 64 * 1024;
constexpr std::size_t most_output = 8 * 1024 * 1024;
// A step takes a fraction of a microsecond, and the loop waits. A template of a model needs some dozen a
// message.
constexpr std::size_t most_effort = 200'000;
constexpr std::size_t effort_a_message = 200;

core::failure refusal(const problem& wrong) {
    return core::make_failure(core::errc::refused,
                              core::say("request.template/template", wrong.line, wrong.reason));
}

}  // namespace

compiled::compiled(std::shared_ptr<const syntax_tree> tree) : tree_(std::move(tree)) {}

core::result<compiled> compiled::from(std::string_view source) {
    problem wrong;
    if (source.size() > most_source) {
        return refusal({1, "longer than " + std::to_string(most_source) + " bytes"});
    }
    auto tree = std::make_shared<const syntax_tree>(parse(source, wrong));
    if (wrong.found()) {
        return refusal(wrong);
    }
    return compiled(std::move(tree));
}

bool compiled::mentions(const std::string& field) const {
    return tree_->fields.contains(field);
}

core::result<std::string> compiled::execute(const nlohmann::ordered_json& data, std::string_view today,
                                            bool until_response) const {
    execution how;
    how.today = today;
    how.most_output = most_output;
    const auto messages = data.find("Messages");
    how.most_effort = most_effort + effort_a_message * (messages == data.end() ? 0 : messages->size());
    if (until_response && tree_->prints_response) {
        how.last_order = *tree_->prints_response;
    }
    std::string out;
    problem wrong;
    go_template::execute(*tree_, data, how, out, wrong);
    if (wrong.found()) {
        return refusal(wrong);
    }
    return out;
}

}  // namespace corral::chat::go_template
