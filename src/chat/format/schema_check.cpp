#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/format/schema_plan.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"

namespace corral::chat {

namespace {

using nlohmann::json;

// JSON does not tell 3 from 3.0.
bool is_integer(const json& value) {
    return value.is_number_integer() ||
           (value.is_number_float() && value.get<double>() == std::trunc(value.get<double>()));
}

std::string_view type_of(const json& value) {
    return is_integer(value) ? "integer" : value.type_name();
}

std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string listed(const json& choices) {
    constexpr std::size_t most = 8;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < std::min(choices.size(), most); ++i) {
        texts.push_back(text_of(choices[i]));
    }
    return core::joined(texts) + (choices.size() > most ? " ..." : "");
}

// Values of another type keep any limit.
bool keeps(const json& value, const schema_limit& limit, double bound) {
    double figure = 0;
    if (limit.type == schema_limit::kind::number && value.is_number()) {
        figure = value.get<double>();
    } else if (limit.type == schema_limit::kind::text && value.is_string()) {
        figure = static_cast<double>(core::characters_of(value.get_ref<const std::string&>()));
    } else if (limit.type == schema_limit::kind::list
                   ? value.is_array()
                   : limit.type == schema_limit::kind::object && value.is_object()) {
        figure = static_cast<double>(value.size());
    } else {
        return true;
    }
    return (limit.upper ? figure < bound : figure > bound) || (!limit.exclusive && figure == bound);
}

std::string sentence_of(const schema_limit& limit, double bound) {
    std::string number = std::to_string(bound);
    if (limit.type != schema_limit::kind::number) {
        number.resize(number.find('.'));
    }
    return std::string(limit.before) + number + std::string(limit.after);
}

bool is_multiple(double number, double divisor) {
    constexpr double tolerance = 1e-9;  // 0.3 is a multiple of 0.1
    return std::fabs(std::remainder(number, divisor)) <= divisor * tolerance;
}

// One check of one value. Stops at the first violation, and when the budget is used up.
class evaluation {
public:
    evaluation(const schema_plan& plan, std::size_t& budget) : plan_(plan), budget_(budget) {}

    std::optional<std::string> run(std::size_t index, const json& value) {
        if (fits(index, value) && !spent_) {
            return std::nullopt;
        }
        if (spent_) {
            return "$: the value is too large to be checked against this schema";
        }
        return shortened(place_text(found_->place) + ": " + found_->sentence());
    }

private:
    struct step {
        const std::string* name;  // nullptr: an element of an array
        std::size_t index;
    };
    // The sentence is made at the end, for most violations only rule out one of several schemas.
    struct misfit {
        std::vector<step> place;
        std::function<std::string()> sentence;
    };

    bool fits(std::size_t index, const json& value) {
        const schema_node& node = plan_[index];
        return pay(cost_of(node, value)) && fits_itself(node, value) && fits_all(node, value) &&
               fits_any(node, value) && fits_items(node, value) && fits_condition(node, value) &&
               fits_limits(node, value) && fits_negated(node, value) && fits_one(node, value) &&
               fits_properties(node, value);
    }
    bool fits_part(std::size_t index, const json& value, step to) {
        place_.push_back(to);
        const bool fitting = fits(index, value);
        place_.pop_back();
        return fitting;
    }
    // Without leaving a violation.
    bool would_fit(std::size_t index, const json& value) {
        const bool before = std::exchange(quiet_, true);
        const bool fitting = fits(index, value);
        quiet_ = before;
        return fitting;
    }

    bool reject(std::function<std::string()> sentence) {
        if (!quiet_ && !found_) {
            found_.emplace(misfit{place_, std::move(sentence)});
        }
        return false;
    }
    bool reject(const char* sentence) {
        return reject([sentence] { return std::string(sentence); });
    }

    bool pay(std::size_t steps) {
        spent_ = spent_ || steps > budget_;
        budget_ = spent_ ? 0 : budget_ - steps;
        return !spent_;
    }
    static std::size_t cost_of(const schema_node& node, const json& value) {
        constexpr std::size_t bytes_per_step = 100;
        if (value.is_string()) {
            return node.cost + value.get_ref<const std::string&>().size() / bytes_per_step;
        }
        const std::size_t parts = value.is_structured() ? value.size() : 0;
        return node.cost + (node.unique_items && value.is_array() ? parts * parts / 2 : parts);
    }

    bool fits_itself(const schema_node& node, const json& value) {
        const auto is_type = [type = type_of(value)](const std::string& each) {
            return each == type || (each == "number" && type == "integer");
        };
        if (node.never) {
            return reject("nothing is allowed here");
        }
        if (!node.types.empty() && std::ranges::none_of(node.types, is_type)) {
            return reject([&node, &value] {
                return "expected " + core::joined(node.types, " or ") + ", got " +
                       std::string(type_of(value));
            });
        }
        if (!node.choices.is_null() && std::ranges::find(node.choices, value) == node.choices.end()) {
            return reject([&node] {
                return std::string(node.choices.size() > 1 ? "expected one of " : "expected ") +
                       listed(node.choices);
            });
        }
        if (node.multiple_of && value.is_number() && !is_multiple(value.get<double>(), *node.multiple_of)) {
            return reject([&node] { return "expected a multiple of " + json(*node.multiple_of).dump(); });
        }
        if (node.pattern && value.is_string() &&
            !matches(*node.pattern, value.get_ref<const std::string&>())) {
            return reject([&node] { return "does not match the pattern " + node.pattern->pattern(); });
        }
        return !node.unique_items || !value.is_array() || are_unique(value);
    }
    bool matches(const re2::RE2& pattern, const std::string& text) {
        constexpr std::size_t states_per_step = 100;
        const auto states = static_cast<std::size_t>(std::max(pattern.ProgramSize(), 1));
        return pay(text.size() * states / states_per_step) && re2::RE2::PartialMatch(text, pattern);
    }
    bool are_unique(const json& list) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            for (std::size_t other = i + 1; other < list.size(); ++other) {
                if (list[i] == list[other]) {
                    return reject([i, other] {
                        return "elements at indexes #" + std::to_string(i) + " and #" +
                               std::to_string(other) + " violate uniqueness constraint";
                    });
                }
            }
        }
        return true;
    }

    bool fits_all(const schema_node& node, const json& value) {
        for (const std::size_t each : node.all_of) {
            if (!fits(each, value)) {
                return false;
            }
        }
        for (const auto& [name, needed] : node.dependent_names) {
            for (const std::string& other : needed) {
                if (value.contains(name) && !value.contains(other)) {
                    return reject([&other] { return "missing dependency '" + other + "'"; });
                }
            }
        }
        for (const auto& [name, schema] : node.dependent_schemas) {
            if (value.contains(name) && !fits(schema, value)) {
                return false;
            }
        }
        return true;
    }
    // The violation of a schema that need not fit is forgotten once another fits.
    bool fits_any(const schema_node& node, const json& value) {
        const bool had_violation = found_.has_value();
        for (const std::size_t each : node.any_of) {
            if (fits(each, value)) {
                found_ = had_violation ? std::move(found_) : std::nullopt;
                return true;
            }
        }
        return node.any_of.empty();
    }
    bool fits_one(const schema_node& node, const json& value) {
        const bool had_violation = found_.has_value();
        std::size_t fitting = 0;
        for (const std::size_t each : node.one_of) {
            fitting += fits(each, value) ? 1 : 0;
        }
        if (fitting > 0 && !had_violation) {
            found_.reset();
        }
        return fitting > 1 && !node.one_of_may_overlap
                   ? reject("fits more than one of the schemas of which it must fit one")
                   : fitting > 0 || node.one_of.empty();
    }
    bool fits_condition(const schema_node& node, const json& value) {
        if (!node.condition) {
            return true;
        }
        const auto& then = would_fit(*node.condition, value) ? node.consequence : node.alternative;
        return !then || fits(*then, value);
    }
    bool fits_negated(const schema_node& node, const json& value) {
        return !node.negated || !would_fit(*node.negated, value) ||
               reject("target should not validate against schema specified in 'not' constraint");
    }
    bool fits_limits(const schema_node& node, const json& value) {
        for (const auto& [index, bound] : node.limits) {
            const schema_limit& limit = schema_limits[index];
            if (!keeps(value, limit, bound)) {
                return reject([&limit, &bound = bound] { return sentence_of(limit, bound); });
            }
        }
        return true;
    }

    bool fits_items(const schema_node& node, const json& value) {
        if (!value.is_array()) {
            return true;
        }
        if (node.contains &&
            std::ranges::none_of(value, [&](const json& each) { return would_fit(*node.contains, each); })) {
            return reject("no element fits the schema of 'contains'");
        }
        if (node.no_more_items && value.size() > node.first_items.size()) {
            return reject("array contains more items than allowed by items constraint");
        }
        for (std::size_t i = 0; i < value.size(); ++i) {
            const auto schema =
                i < node.first_items.size() ? std::optional(node.first_items[i]) : node.more_items;
            if (schema && !fits_part(*schema, value[i], {nullptr, i})) {
                return false;
            }
        }
        return true;
    }

    bool fits_properties(const schema_node& node, const json& value) {
        if (!value.is_object()) {
            return true;
        }
        for (const auto& [name, schema] : node.properties) {
            const auto member = value.find(name);
            if (member != value.end() && !fits_part(schema, *member, {&name, 0})) {
                return false;
            }
        }
        for (auto member = value.begin(); member != value.end(); ++member) {
            if (!node.properties.contains(member.key()) && !fits_more(node, member.key(), *member)) {
                return false;
            }
        }
        for (auto member = value.begin(); member != value.end(); ++member) {
            if (node.property_names && !would_fit(*node.property_names, member.key())) {
                return reject([&name = member.key()] {
                    return "the name of the property " + text_of(name) + " is not allowed";
                });
            }
        }
        for (const std::string& name : node.required) {
            if (!value.contains(name)) {
                return reject([&name] { return "the property \"" + name + "\" is missing"; });
            }
        }
        return true;
    }
    bool fits_more(const schema_node& node, const std::string& name, const json& value) {
        if (node.no_more_properties) {
            return reject([&name] { return "the property \"" + name + "\" is not allowed"; });
        }
        return !node.more_properties || fits_part(*node.more_properties, value, {&name, 0});
    }

    static std::string place_text(const std::vector<step>& place) {
        std::string out = "$";
        for (const step& each : place) {
            if (each.name == nullptr) {
                out += "[" + std::to_string(each.index) + "]";
                continue;
            }
            const std::string& name = *each.name;
            const bool plain =
                !name.empty() && !core::is_digit(name.front()) && std::ranges::all_of(name, [](char c) {
                    return core::is_letter(c) || core::is_digit(c) || c == '_';
                });
            out += plain ? "." + name : "[" + text_of(name) + "]";
        }
        return out;
    }
    static std::string shortened(std::string sentence) {
        constexpr std::size_t longest = 400;
        if (sentence.size() > longest) {
            sentence.resize(core::cut_between_characters(sentence, longest).size());
            sentence += "...";
        }
        return sentence;
    }

    const schema_plan& plan_;
    std::size_t& budget_;
    bool spent_ = false;
    bool quiet_ = false;
    std::vector<step> place_;
    std::optional<misfit> found_;
};

}  // namespace

std::optional<std::string> violation(const schema_plan& plan, const json& value, std::size_t& budget,
                                     std::size_t index) {
    return evaluation(plan, budget).run(index, value);
}

}  // namespace corral::chat
