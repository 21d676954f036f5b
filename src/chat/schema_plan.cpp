#include "chat/schema_plan.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "chat/pattern_text.hpp"
#include "chat/plain_numbers.hpp"
#include "chat/schema_keywords.hpp"
#include "chat/schema_reference.hpp"

namespace corral::chat {

namespace {

using ordered = nlohmann::ordered_json;

constexpr std::size_t max_text_bytes = 64 * 1024;
constexpr unsigned max_depth = 32;
constexpr std::size_t max_schemas = 2'000;
constexpr std::size_t max_patterns = 100;
constexpr std::size_t max_pattern_bytes = 4 * 1024;
// valijson reads along references without an end of its own, a few kilobytes of stack for each schema that
// holds others.
constexpr std::size_t max_holding = 300;

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 100;
    std::string out(text.substr(0, longest));
    if (text.size() > longest) {
        out += "...";
    }
    return out;
}

nlohmann::json only(const char* key, nlohmann::json value) {
    nlohmann::json out = nlohmann::json::object();
    out[key] = std::move(value);
    return out;
}

bool deeper_than(const ordered& value, unsigned levels) {
    if (!value.is_structured()) {
        return false;
    }
    return levels == 0 || std::any_of(value.begin(), value.end(), [levels](const ordered& each) {
               return deeper_than(each, levels - 1);
           });
}

class planner {
public:
    explicit planner(const ordered& root) : root_(root) {}

    core::result<schema_plan> run() {
        const nlohmann::json first = refer(root_, "#", 0);
        while (!waiting_.empty() && !why_) {
            const job next = std::move(waiting_.front());
            waiting_.pop_front();
            plan(next);
        }
        if (!why_) {
            check_ends();
        }
        if (why_) {
            return *why_;
        }
        plan_.normal = only("$defs", std::move(definitions_));
        plan_.normal["allOf"].push_back(first);
        return std::move(plan_);
    }

private:
    struct job {
        const ordered* schema;
        std::string path;
        unsigned depth;
        std::size_t id;
    };

    void refuse(const std::string& path, std::string_view what) {
        if (!why_) {
            why_ = core::make_failure(core::errc::refused,
                                      "the format's schema at " + shown(path) + ": " + std::string(what));
        }
    }

    // The number of `schema`, which is planned later if it is new.
    std::size_t number_of(const ordered& schema, const std::string& path, unsigned depth) {
        const auto [known, is_new] = numbers_.try_emplace(&schema, plan_.rules.size());
        if (is_new) {
            if (depth > max_depth) {
                refuse(path, "more than " + std::to_string(max_depth) + " schemas inside each other");
            } else if (plan_.rules.size() >= max_schemas) {
                refuse(path, "more than " + std::to_string(max_schemas) + " schemas");
            }
            plan_.rules.emplace_back();
            paths_.push_back(path);
            same_value_.emplace_back();
            waiting_.push_back(job{&schema, path, depth, known->second});
        }
        return known->second;
    }
    nlohmann::json refer(const ordered& schema, const std::string& path, unsigned depth) {
        return only("$ref", "#/$defs/" + std::to_string(number_of(schema, path, depth)));
    }
    // A child of the schema that is planned now.
    nlohmann::json child(const job& of, const ordered& schema, const std::string& path, bool same_value) {
        holds_ = true;
        if (same_value) {
            const std::size_t number = number_of(schema, path, of.depth + 1);
            same_value_[of.id].push_back(number);
        }
        return refer(schema, path, of.depth + 1);
    }

    // What the rest of an object or array must be. For nothing at all valijson has words of its own.
    nlohmann::json rest(const job& of, const ordered& schema, const std::string& path) {
        return schema == false ? nlohmann::json(false) : child(of, schema, path, false);
    }

    void plan(const job& now) {
        holds_ = false;
        all_ = nlohmann::json::array();
        all_.push_back(only(rule_keyword, now.id));
        nlohmann::json out = nlohmann::json::object();
        if (now.schema->is_boolean()) {
            plan_.rules[now.id].never = !now.schema->get<bool>();
        } else if (now.schema->is_object()) {
            for (const auto& [key, value] : now.schema->items()) {
                add(now, key, value, out);
            }
        } else {
            refuse(now.path, "a schema must be an object or a boolean");
        }
        plan_.rules[now.id].cost += static_cast<std::uint32_t>(all_.size());
        out["allOf"] = std::move(all_);
        definitions_[std::to_string(now.id)] = std::move(out);
        if (holds_ && ++holding_ > max_holding) {
            refuse(now.path, "more than " + std::to_string(max_holding) + " schemas that hold others");
        }
    }

    void add(const job& now, const std::string& key, const ordered& value, nlohmann::json& out) {
        const schema_keyword* known = find_keyword(key);
        // Null is absent (docs/facts/ollama_wire.md#json-input), but for the value that `const` asks for.
        if (known == nullptr || (value.is_null() && key != "const")) {
            return;
        }
        const std::string path = now.path + "/" + key;
        switch (known->kind) {
            case keyword_kind::in_place:
            case keyword_kind::inside:
                out[key] = key == "additionalProperties"
                               ? rest(now, value, path)
                               : child(now, value, path, known->kind == keyword_kind::in_place);
                return;
            case keyword_kind::in_place_list:
                return add_list(now, key, value, out);
            case keyword_kind::inside_map:
                return add_map(now, key, value, out);
            case keyword_kind::items:
                return add_items(now, key, value, out);
            case keyword_kind::dependencies:
                return add_dependencies(now, key, value);
            case keyword_kind::reference:
                return add_reference(now, value);
            case keyword_kind::copied:
                return add_copy(now, key, value, out);
            case keyword_kind::rule:
                return add_rule(now, key, value);
            case keyword_kind::refused:
                return refuse(now.path, "'" + key + "' can't be checked here, please leave it out");
        }
    }

    void add_list(const job& now, const std::string& key, const ordered& value, nlohmann::json& out) {
        if (!value.is_array() || value.empty()) {
            return refuse(now.path, "'" + key + "' must be a list of schemas");
        }
        nlohmann::json list = nlohmann::json::array();
        for (std::size_t i = 0; i < value.size(); ++i) {
            list.push_back(child(now, value[i], now.path + "/" + key + "/" + std::to_string(i), true));
        }
        plan_.rules[now.id].cost += static_cast<std::uint32_t>(list.size());
        if (key == "allOf") {
            all_.insert(all_.end(), list.begin(), list.end());
        } else {
            out[key] = std::move(list);
        }
    }

    void add_map(const job& now, const std::string& key, const ordered& value, nlohmann::json& out) {
        if (!value.is_object()) {
            return refuse(now.path, "'" + key + "' must be an object of schemas");
        }
        nlohmann::json map = nlohmann::json::object();
        for (const auto& [name, schema] : value.items()) {
            if (name.find('\0') != std::string::npos) {
                return refuse(now.path, "a name in '" + key + "' holds a zero byte");
            }
            map[name] = child(now, schema, now.path + "/" + key + "/" + name, false);
        }
        plan_.rules[now.id].cost += static_cast<std::uint32_t>(map.size());
        out[key] = std::move(map);
    }

    // Until draft 7 a list of schemas stands in `items` and the rest in `additionalItems`, since then in
    // `prefixItems` and `items`.
    void add_items(const job& now, const std::string& key, const ordered& value, nlohmann::json& out) {
        const std::string path = now.path + "/" + key;
        const bool newer = now.schema->contains("prefixItems");
        if (key == "additionalItems") {
            const auto items = now.schema->find("items");
            if (!newer && items != now.schema->end() && items->is_array()) {
                out[key] = rest(now, value, path);
            }
            return;
        }
        if (!value.is_array()) {
            if (key == "prefixItems") {
                return refuse(now.path, "'prefixItems' must be a list of schemas");
            }
            out[newer ? "additionalItems" : "items"] =
                newer ? rest(now, value, path) : child(now, value, path, false);
            return;
        }
        nlohmann::json list = nlohmann::json::array();
        for (std::size_t i = 0; i < value.size(); ++i) {
            list.push_back(child(now, value[i], path + "/" + std::to_string(i), false));
        }
        out["items"] = std::move(list);
    }

    // Of each name a list of other names, or a schema for the same value.
    void add_dependencies(const job& now, const std::string& key, const ordered& value) {
        if (!value.is_object()) {
            return refuse(now.path, "'" + key + "' must be an object");
        }
        nlohmann::json map = nlohmann::json::object();
        for (const auto& [name, needs] : value.items()) {
            if (needs.is_array()) {
                map[name] = with_plain_numbers(needs);
            } else {
                map[name] = child(now, needs, now.path + "/" + key + "/" + name, true);
            }
        }
        plan_.rules[now.id].cost += static_cast<std::uint32_t>(map.size());
        all_.push_back(only("dependencies", std::move(map)));
    }

    void add_reference(const job& now, const ordered& value) {
        const std::string text = value.is_string() ? value.get<std::string>() : std::string{};
        const ordered* target = find_local(root_, text);
        if (target == nullptr) {
            return refuse(now.path, "'$ref' must point to something in the same schema (\"" + shown(text) +
                                        "\" does not)");
        }
        holds_ = true;
        // How deep the target stands says nothing of how deep schemas are inside each other.
        const std::size_t number = number_of(*target, text, 1);
        same_value_[now.id].push_back(number);
        all_.push_back(refer(*target, text, 1));
    }

    void add_copy(const job& now, const std::string& key, const ordered& value, nlohmann::json& out) {
        if (value.is_boolean() && (key == "exclusiveMinimum" || key == "exclusiveMaximum")) {
            return add_exclusive(now, key, value == true, out);
        }
        const bool is_list = key == "required";
        if (is_list != value.is_array() || (!is_list && !value.is_number())) {
            return refuse(now.path, "'" + key + "' must be " + (is_list ? "a list of names" : "a number"));
        }
        plan_.rules[now.id].cost += static_cast<std::uint32_t>(value.size());
        out[key] = with_plain_numbers(value);
    }

    // As draft 4 and OpenAPI 3.0 have it: the bound itself stands beside.
    void add_exclusive(const job& now, const std::string& key, bool on, nlohmann::json& out) {
        const auto bound = now.schema->find(key == "exclusiveMinimum" ? "minimum" : "maximum");
        if (on && bound != now.schema->end()) {
            add_copy(now, key, *bound, out);
        }
    }

    void add_rule(const job& now, const std::string& key, const ordered& value) {
        schema_rule& rule = plan_.rules[now.id];
        if (key == "type") {
            add_types(now, value);
        } else if (key == "enum" || key == "const") {
            add_choices(now, key, value);
        } else if (key == "multipleOf") {
            const double divisor = value.is_number() ? value.get<double>() : 0.0;
            if (!(divisor > 0.0) || !std::isfinite(divisor)) {
                return refuse(now.path, "'multipleOf' must be a number above zero");
            }
            rule.multiple_of = divisor;
        } else if (key == "uniqueItems") {
            rule.unique_items = value == true;
            if (rule.unique_items) {
                all_.push_back(only("uniqueItems", true));
            }
        } else {
            add_pattern(now, value);
        }
    }

    void add_types(const job& now, const ordered& value) {
        const ordered list = value.is_array() ? value : ordered::array({value});
        for (const ordered& each : list) {
            if (!is_type_name(each)) {
                return refuse(now.path,
                              "'type' must be null, boolean, integer, number, string, array or object");
            }
            plan_.rules[now.id].types.push_back(each.get<std::string>());
        }
    }

    void add_choices(const job& now, const std::string& key, const ordered& value) {
        if (key == "enum" && !value.is_array()) {
            return refuse(now.path, "'enum' must be a list");
        }
        schema_rule& rule = plan_.rules[now.id];
        nlohmann::json choices = with_plain_numbers(key == "enum" ? value : ordered::array({value}));
        if (!rule.choices.is_null()) {
            // Both were given: what is in both.
            std::erase_if(choices.get_ref<nlohmann::json::array_t&>(), [&](const nlohmann::json& each) {
                return std::find(rule.choices.begin(), rule.choices.end(), each) == rule.choices.end();
            });
        }
        rule.choices = std::move(choices);
        rule.cost += static_cast<std::uint32_t>(rule.choices.size());
    }

    void add_pattern(const job& now, const ordered& value) {
        if (!value.is_string() || value.get_ref<const std::string&>().size() > max_pattern_bytes ||
            ++patterns_ > max_patterns) {
            return refuse(now.path, "'pattern' must be a text of at most " +
                                        std::to_string(max_pattern_bytes) + " bytes, and there may be " +
                                        std::to_string(max_patterns));
        }
        re2::RE2::Options how;
        how.set_log_errors(false);
        constexpr std::int64_t most_memory = 128 * 1024;
        how.set_max_mem(most_memory);
        auto made =
            std::make_shared<const re2::RE2>(with_re2_escapes(value.get_ref<const std::string&>()), how);
        if (!made->ok()) {
            return refuse(now.path, "this 'pattern' can't be run in bounded time (" + shown(made->error()) +
                                        "), please leave it out");
        }
        plan_.rules[now.id].pattern = std::move(made);
    }

    void check_ends() {
        if (const auto bad = endless_reference(same_value_)) {
            refuse(paths_[*bad], "it refers to itself, or too many references follow each other");
        }
    }

    const ordered& root_;
    schema_plan plan_;
    nlohmann::json definitions_ = nlohmann::json::object();
    std::unordered_map<const ordered*, std::size_t> numbers_;
    std::vector<std::string> paths_;
    reference_graph same_value_;
    std::deque<job> waiting_;
    nlohmann::json all_;  // of the schema that is planned now
    bool holds_ = false;  // it has children
    std::size_t holding_ = 0;
    std::size_t patterns_ = 0;
    std::optional<core::failure> why_;
};

}  // namespace

core::result<schema_plan> plan_schema(const ordered& schema) {
    constexpr unsigned most_levels = 128;
    if (deeper_than(schema, most_levels)) {
        return core::make_failure(core::errc::refused, "the format's schema is nested too deeply");
    }
    if (schema.dump(-1, ' ', false, ordered::error_handler_t::replace).size() > max_text_bytes) {
        return core::make_failure(core::errc::refused, "the format's schema is longer than " +
                                                           std::to_string(max_text_bytes / 1024) + " KiB");
    }
    planner made(schema);
    return made.run();
}

}  // namespace corral::chat
