#include "chat/go_template/go_template.hpp"

#include <algorithm>
#include <utility>

#include "chat/go_template/syntax.hpp"
#include "corral/core/say.hpp"

namespace corral::chat::go_template {

namespace {

constexpr std::size_t most_source = 64 * 1024;
constexpr std::size_t most_output = 8 * 1024 * 1024;
// A step takes a fraction of a microsecond. A template of a model needs some dozen a message.
constexpr std::size_t most_effort = 200'000;
constexpr std::size_t effort_a_message = 200;
constexpr std::size_t most_effort_of_all = 2'000'000;  // other requests wait for as long

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

std::size_t compiled::effort_for(std::size_t messages) {
    return std::min(most_effort + effort_a_message * messages, most_effort_of_all);
}

core::result<std::string> compiled::execute(const nlohmann::ordered_json& data, std::string_view today,
                                            bool until_response) const {
    const auto messages = data.find("Messages");
    std::size_t effort = effort_for(messages == data.end() ? 0 : messages->size());
    return execute(data, today, until_response, effort);
}

core::result<std::string> compiled::execute(const nlohmann::ordered_json& data, std::string_view today,
                                            bool until_response, std::size_t& effort) const {
    execution how;
    how.today = today;
    how.most_output = most_output;
    if (until_response && tree_->prints_response) {
        how.last_order = *tree_->prints_response;
    }
    std::string out;
    problem wrong;
    go_template::execute(*tree_, data, how, effort, out, wrong);
    if (wrong.found()) {
        return refusal(wrong);
    }
    return out;
}

}  // namespace corral::chat::go_template
