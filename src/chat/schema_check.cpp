#include "chat/schema_check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

// Without this a schema that it can't read ends the process.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/constraint_builder.hpp>
#include <valijson/constraints/concrete_constraints.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "chat/schema_plan.hpp"

namespace corral::chat {

namespace {

using valijson::ValidationResults;
using valijson::adapters::Adapter;
using valijson::adapters::NlohmannJsonAdapter;

constexpr std::size_t longest_message = 400;

// More errors than this say nothing new; valijson itself would collect them without end.
constexpr std::size_t enough_errors = 50;

struct check_stopped {};

// What one check may still spend, and what it found when it was stopped.
struct check_account {
    std::size_t left = 0;
    std::optional<ValidationResults::Error> found;

    void charge(std::size_t steps) {
        if (steps > left) {
            left = 0;
            throw check_stopped{};
        }
        left -= steps;
    }
};

std::string_view type_of(const Adapter& value) {
    if (value.isNull()) {
        return "null";
    }
    if (value.isBool()) {
        return "boolean";
    }
    if (value.isInteger()) {
        return "integer";
    }
    if (value.isNumber()) {
        return "number";
    }
    if (value.isString()) {
        return "string";
    }
    return value.isArray() ? "array" : "object";
}

bool has_type(const Adapter& value, const std::vector<std::string>& allowed) {
    const std::string_view type = type_of(value);
    return allowed.empty() || std::any_of(allowed.begin(), allowed.end(), [&](const std::string& each) {
               return each == type || (each == "number" && type == "integer");
           });
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& each : words) {
        if (!out.empty()) {
            out += " or ";
        }
        out += each;
    }
    return out;
}

std::string listed(const nlohmann::json& choices) {
    constexpr std::size_t most = 8;
    std::string out;
    for (std::size_t i = 0; i < std::min(choices.size(), most); ++i) {
        out += i == 0 ? "" : ", ";
        out += choices[i].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    return choices.size() > most ? out + " ..." : out;
}

// The first of a schema's constraints, so that nothing is done that was not paid for.
class rule_constraint final : public valijson::constraints::PolyConstraint {
public:
    rule_constraint(const schema_rule& rule, check_account& account) : rule_(&rule), account_(&account) {}

    bool validate(const Adapter& target, const std::vector<std::string>& context,
                  ValidationResults* results) const override {
        pay(target);
        if (results != nullptr && results->numErrors() > enough_errors) {
            account_->found = *results->begin();
            throw check_stopped{};
        }
        const std::string wrong = violation(target);
        if (!wrong.empty() && results != nullptr) {
            results->pushError(context, wrong);
        }
        return wrong.empty();
    }

private:
    Constraint* cloneInto(void* memory) const override { return new (memory) rule_constraint(*this); }
    std::size_t sizeOf() const override { return sizeof(*this); }

    void pay(const Adapter& target) const {
        std::size_t steps = rule_->cost;
        if (target.isArray()) {
            const std::size_t size = target.getArraySize();
            steps += rule_->unique_items ? size * size / 2 : size;
        } else if (target.isObject()) {
            steps += target.getObjectSize();
        }
        account_->charge(steps);
    }

    std::string violation(const Adapter& target) const {
        if (rule_->never) {
            return "nothing is allowed here";
        }
        if (!has_type(target, rule_->types)) {
            return "expected " + joined(rule_->types) + ", got " + std::string(type_of(target));
        }
        if (!rule_->choices.is_null() && !is_choice(target)) {
            return "expected " + std::string(rule_->choices.size() > 1 ? "one of " : "") +
                   listed(rule_->choices);
        }
        if (rule_->multiple_of && target.isNumber() && !is_multiple(target.getNumber())) {
            return "expected a multiple of " + nlohmann::json(*rule_->multiple_of).dump();
        }
        if (rule_->pattern && target.isString() && !matches(target.getString())) {
            return "does not match the pattern " + rule_->pattern->pattern();
        }
        return {};
    }
    bool is_choice(const Adapter& target) const {
        return std::any_of(rule_->choices.begin(), rule_->choices.end(), [&](const nlohmann::json& each) {
            return target.equalTo(NlohmannJsonAdapter(each), true);
        });
    }
    bool is_multiple(double number) const {
        constexpr double tolerance = 1e-9;  // 0.3 is a multiple of 0.1
        return std::fabs(std::remainder(number, *rule_->multiple_of)) <= *rule_->multiple_of * tolerance;
    }
    bool matches(const std::string& text) const {
        constexpr std::size_t states_per_step = 100;
        const auto states = static_cast<std::size_t>(std::max(rule_->pattern->ProgramSize(), 1));
        account_->charge(text.size() * states / states_per_step);
        return re2::RE2::PartialMatch(text, *rule_->pattern);
    }

    const schema_rule* rule_;
    check_account* account_;
};

// Makes of {rule_keyword: number} the rule of that number.
class rule_builder final : public valijson::ConstraintBuilder {
public:
    rule_builder(const std::vector<schema_rule>& rules, check_account& account)
        : rules_(rules), account_(account) {}
    valijson::constraints::Constraint* make(const Adapter& number) const override {
        return new rule_constraint(rules_.at(static_cast<std::size_t>(number.asInteger())), account_);
    }

private:
    const std::vector<schema_rule>& rules_;
    check_account& account_;
};

bool is_plain_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        return letter || (c >= '0' && c <= '9');
    });
}

// valijson writes each step as "[name]" or "[3]".
std::string place(const std::vector<std::string>& context) {
    std::string out = "$";
    for (std::size_t i = 1; i < context.size(); ++i) {
        const std::string name = context[i].substr(1, context[i].size() - 2);
        if (name.find_first_not_of("0123456789") == std::string::npos) {
            out += "[" + name + "]";
        } else if (is_plain_name(name)) {
            out += "." + name;
        } else {
            out += "[" + nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                   "]";
        }
    }
    return out;
}

// What stands between the last two single quotes of `text`.
std::string_view quoted_part(std::string_view text, std::string_view before) {
    const std::size_t end = text.rfind('\'');
    return text.substr(before.size(), end - before.size());
}

std::string in_our_words(const std::string& theirs) {
    constexpr std::string_view missing = "Missing required property '";
    constexpr std::string_view unexpected =
        "Object contains a property that could not be validated using 'properties' or 'additionalProperties' "
        "constraints: '";
    if (theirs.starts_with(missing)) {
        return "the property \"" + std::string(quoted_part(theirs, missing)) + "\" is missing";
    }
    if (theirs.starts_with(unexpected)) {
        return "the property \"" + std::string(quoted_part(theirs, unexpected)) + "\" is not allowed";
    }
    if (theirs.starts_with("Failed to validate against exactly one")) {
        return "fits more than one of the schemas of which it must fit one";
    }
    std::string out = theirs;
    if (!out.empty() && out.front() >= 'A' && out.front() <= 'Z') {
        out.front() = static_cast<char>(out.front() - 'A' + 'a');
    }
    if (out.ends_with('.')) {
        out.pop_back();
    }
    return out;
}

std::string message_of(const ValidationResults::Error& error) {
    std::string out = place(error.context) + ": " + in_our_words(error.description);
    if (out.size() > longest_message) {
        std::size_t end = longest_message;
        while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) {
            --end;
        }
        out.resize(end);
        out += "...";
    }
    return out;
}

}  // namespace

struct schema_check::state {
    schema_plan plan;
    check_account account;
    valijson::Schema schema;
};

schema_check::schema_check(std::shared_ptr<state> made) : state_(std::move(made)) {}

core::result<schema_check> schema_check::make(const nlohmann::ordered_json& schema) {
    core::result<schema_plan> plan = plan_schema(schema);
    if (!plan) {
        return plan.error();
    }
    auto made = std::make_shared<state>();
    made->plan = std::move(*plan);
    try {
        valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
        parser.addConstraintBuilder(rule_keyword, new rule_builder(made->plan.rules, made->account));
        parser.populateSchema(NlohmannJsonAdapter(made->plan.normal), made->schema);
    } catch (const std::exception& error) {
        return core::make_failure(core::errc::refused,
                                  std::string("the format's schema can't be used: ") + error.what());
    }
    made->plan.normal = nullptr;
    return schema_check(std::move(made));
}

std::optional<std::string> schema_check::violation(const nlohmann::json& value, std::size_t& budget) const {
    check_account& account = state_->account;
    account.left = budget;
    account.found.reset();
    ValidationResults results;
    bool fits = false;
    std::string thrown;
    try {
        valijson::Validator validator;
        fits = validator.validate(state_->schema, NlohmannJsonAdapter(value), &results);
    } catch (const check_stopped&) {
        thrown = "the value is too large to be checked against this schema";
    } catch (const std::exception& error) {
        thrown = error.what();
    }
    budget = account.left;
    if (fits) {
        return std::nullopt;
    }
    if (account.found) {
        return message_of(*account.found);
    }
    if (!thrown.empty()) {
        return "$: " + thrown;
    }
    return results.numErrors() > 0 ? message_of(*results.begin()) : "$: does not fit the schema";
}

}  // namespace corral::chat
