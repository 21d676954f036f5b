#include "chat/format/schema_plan.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <unordered_map>
#include <utility>
#include <variant>

#include "corral/core/say.hpp"

namespace corral::chat {

namespace {

using ordered = nlohmann::ordered_json;

constexpr std::size_t max_text_bytes = 64 * 1024;
constexpr unsigned max_depth = 32;
constexpr std::size_t max_schemas = 2'000;
constexpr std::size_t max_patterns = 100;

// The last three are draft 3's alone.
constexpr std::array<std::string_view, 10> unsupported{
    "$dynamicRef",      "$recursiveRef",         "maxContains", "minContains", "patternProperties",
    "unevaluatedItems", "unevaluatedProperties", "divisibleBy", "disallow",    "extends"};

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 100;
    return std::string(text.substr(0, longest)) + (text.size() > longest ? "..." : "");
}

class planner {
public:
    planner(const ordered& root, std::set<std::string>* unchecked, std::size_t pattern_work)
        : root_(root), unchecked_(unchecked), pattern_work_(pattern_work) {}

    core::result<schema_plan> run() {
        index_of(root_, "#", 0);
        while (!waiting_.empty() && !refusal_) {
            const job next = std::move(waiting_.front());
            waiting_.pop_front();
            read_schema(next);
        }
        if (!refusal_) {
            if (const auto endless = endless_reference(same_value_)) {
                refuse(paths_[*endless], "it refers to itself, or too many references follow each other");
            }
        }
        if (refusal_) {
            return *refusal_;
        }
        if (unchecked_ != nullptr) {
            loosen();
        }
        return std::move(plan_);
    }

private:
    // A schema that has its index and is still to be read.
    struct job {
        const ordered* schema;
        std::string path;
        unsigned depth;
        std::size_t index;
    };
    enum class looks_at { same_value, part };

    // What to do with a keyword: where the indexes of its schemas belong in the node, or who reads it.
    using handler = void (planner::*)(const job&, std::string_view, const ordered&);
    using list = std::vector<std::size_t> schema_node::*;
    struct child {
        std::optional<std::size_t> schema_node::*where;
        looks_at what;
    };
    struct keyword {
        std::string_view name;
        std::variant<handler, list, child> use;
    };
    static const std::array<keyword, 25> keywords;

    schema_node& node(const job& current) { return plan_[current.index]; }

    void refuse(const std::string& path, std::string_view reason) {
        if (!refusal_) {
            refusal_ = core::make_failure(core::errc::refused,
                                          core::say("request.format-schema/format", shown(path), reason));
        }
    }
    void refuse(const job& current, std::string_view name, std::string_view reason) {
        leave_out(current, name, "'" + std::string(name) + "' " + std::string(reason));
    }
    // Refuses a keyword that can't be checked, or goes on without it.
    void leave_out(const job& current, std::string_view name, const std::string& reason) {
        if (unchecked_ == nullptr) {
            return refuse(current.path, reason);
        }
        unchecked_->insert(std::string(name));
        partial_[current.index] = true;
    }

    // A schema of which a part is left out fits more than it should. Where that would refuse a value that fits
    // (behind `not`, in `if`, by two of `oneOf`) the keyword around it is left out too.
    void loosen() {
        spread_to_parents(children_, partial_);
        const auto is_partial = [this](std::size_t child) { return bool{partial_[child]}; };
        for (schema_node& each : plan_) {
            if (each.negated && is_partial(*each.negated)) {
                each.negated.reset();
                unchecked_->insert("not");
            }
            if (each.condition && is_partial(*each.condition)) {
                each.condition.reset();
                unchecked_->insert("if");
            }
            each.one_of_may_overlap = std::ranges::any_of(each.one_of, is_partial);
        }
    }

    // The index of `schema`, which is read later if it is new.
    std::size_t index_of(const ordered& schema, const std::string& path, unsigned depth) {
        const auto [known, is_new] = indexes_.try_emplace(&schema, plan_.size());
        if (is_new) {
            if (depth > max_depth) {
                refuse(path, "more than " + std::to_string(max_depth) + " schemas inside each other");
            } else if (plan_.size() >= max_schemas) {
                refuse(path, "more than " + std::to_string(max_schemas) + " schemas");
            }
            plan_.emplace_back();
            paths_.push_back(path);
            same_value_.emplace_back();
            children_.emplace_back();
            partial_.push_back(false);
            waiting_.push_back(job{&schema, path, depth, known->second});
        }
        return known->second;
    }
    std::size_t child_index(const job& current, const ordered& schema, const std::string& path,
                            looks_at what) {
        const std::size_t index = index_of(schema, path, current.depth + 1);
        children_[current.index].push_back(index);
        if (what == looks_at::same_value) {
            same_value_[current.index].push_back(index);
        }
        return index;
    }
    std::vector<std::size_t> child_list(const job& current, std::string_view name, const ordered& schemas,
                                        looks_at what) {
        std::vector<std::size_t> out;
        for (std::size_t i = 0; i < schemas.size() && !refusal_; ++i) {
            out.push_back(
                child_index(current, schemas[i], path_of(current, name) + "/" + std::to_string(i), what));
        }
        node(current).cost += static_cast<std::uint32_t>(out.size());
        return out;
    }
    static std::string path_of(const job& current, std::string_view name) {
        return current.path + "/" + std::string(name);
    }

    void read_schema(const job& current) {
        if (current.schema->is_boolean()) {
            node(current).never = !current.schema->get<bool>();
        } else if (current.schema->is_object()) {
            for (const auto& [name, value] : current.schema->items()) {
                read_keyword(current, name, value);
            }
        } else {
            leave_out(current, "schema", "a schema must be an object or a boolean");
        }
    }

    void read_keyword(const job& current, const std::string& name, const ordered& value) {
        // Null is absent (docs/facts/ollama_wire.md#json-input), but for the value that `const` asks for.
        if (value.is_null() && name != "const") {
            return;
        }
        const auto limit = std::ranges::find(schema_limits, name, &schema_limit::keyword);
        if (limit != schema_limits.end()) {
            return read_limit(current, static_cast<std::size_t>(limit - schema_limits.begin()), value);
        }
        if (std::ranges::find(unsupported, name) != unsupported.end()) {
            return refuse(current, name, "can't be checked here, please leave it out");
        }
        if (unchecked_ != nullptr && means_another_thing(current, name)) {
            return leave_out(current, name, {});
        }
        const auto known = std::ranges::find(keywords, name, &keyword::name);
        if (known == keywords.end()) {
            return;  // an annotation
        }
        if (const auto* read = std::get_if<handler>(&known->use)) {
            (this->**read)(current, name, value);
        } else if (const auto* several = std::get_if<list>(&known->use)) {
            read_list(current, name, value, *several);
        } else if (const auto* single = std::get_if<child>(&known->use)) {
            node(current).*single->where = child_index(current, value, path_of(current, name), single->what);
        }
    }

    // By a keyword beside it that is left out.
    static bool means_another_thing(const job& current, std::string_view name) {
        if (name == "additionalProperties") {
            return current.schema->contains("patternProperties");
        }
        const auto least = current.schema->find("minContains");
        return name == "contains" && least != current.schema->end() && *least == 0;
    }

    void read_limit(const job& current, std::size_t index, const ordered& value) {
        const schema_limit& limit = schema_limits[index];
        if (limit.exclusive && value.is_boolean()) {
            // As draft 4 and OpenAPI 3.0 have it: the bound itself stands beside.
            const auto bound = current.schema->find(limit.upper ? "maximum" : "minimum");
            if (value == true && bound != current.schema->end()) {
                read_limit(current, index, *bound);
            }
            return;
        }
        if (!value.is_number()) {
            return refuse(current, limit.keyword, "must be a number");
        }
        const double bound = value.get<double>();
        if (limit.type != schema_limit::kind::number && (bound < 0 || bound != std::trunc(bound))) {
            return refuse(current, limit.keyword, "can't be used: it must be a whole number, zero or above");
        }
        node(current).limits[index] = bound;
        ++node(current).cost;
    }

    void read_list(const job& current, std::string_view name, const ordered& value, list where) {
        if (!value.is_array() || value.empty()) {
            return refuse(current, name, "must be a list of schemas");
        }
        const auto schemas = child_list(current, name, value, looks_at::same_value);
        auto& known = node(current).*where;
        known.insert(known.end(), schemas.begin(), schemas.end());
    }

    void read_reference(const job& current, std::string_view, const ordered& value) {
        const std::string text = value.is_string() ? value.get<std::string>() : std::string{};
        const ordered* target = find_local(root_, text);
        if (target == nullptr) {
            return leave_out(
                current, "$ref",
                "'$ref' must point to something in the same schema (\"" + shown(text) + "\" does not)");
        }
        // How deep the target stands says nothing of how deep schemas are inside each other.
        const std::size_t index = index_of(*target, text, 1);
        same_value_[current.index].push_back(index);
        children_[current.index].push_back(index);
        node(current).all_of.push_back(index);
        ++node(current).cost;
    }

    void read_properties(const job& current, std::string_view name, const ordered& value) {
        if (!value.is_object()) {
            return refuse(current, name, "must be an object of schemas");
        }
        for (const auto& [property, schema] : value.items()) {
            if (refusal_) {
                return;
            }
            const std::size_t index =
                child_index(current, schema, path_of(current, name) + "/" + property, looks_at::part);
            node(current).properties[property] = index;
        }
        node(current).cost += static_cast<std::uint32_t>(value.size());
    }
    void read_more_properties(const job& current, std::string_view name, const ordered& value) {
        node(current).no_more_properties = value == false;
        if (value != false) {
            node(current).more_properties =
                child_index(current, value, path_of(current, name), looks_at::part);
        }
    }

    // Until draft 7 a list of schemas stands in `items` and the rest in `additionalItems`, since then in
    // `prefixItems` and `items`.
    void read_items(const job& current, std::string_view name, const ordered& value) {
        const bool newer = current.schema->contains("prefixItems");
        if (name == "additionalItems") {
            const auto items = current.schema->find("items");
            if (newer || items == current.schema->end() || !items->is_array()) {
                return;
            }
        } else if (value.is_array()) {
            node(current).first_items = child_list(current, name, value, looks_at::part);
            return;
        } else if (name == "prefixItems") {
            return refuse(current, name, "must be a list of schemas");
        }
        const bool behind_list = newer || name == "additionalItems";
        if (behind_list && value == false) {
            node(current).no_more_items = true;
        } else {
            node(current).more_items = child_index(current, value, path_of(current, name), looks_at::part);
        }
    }

    // For each name a list of other names, or a schema for the same value.
    void read_dependencies(const job& current, std::string_view name, const ordered& value) {
        if (!value.is_object()) {
            return refuse(current, name, "must be an object");
        }
        for (const auto& [property, needs] : value.items()) {
            if (needs.is_array()) {
                read_names(current, name, needs, node(current).dependent_names[property]);
            } else {
                const std::size_t index = child_index(current, needs, path_of(current, name) + "/" + property,
                                                      looks_at::same_value);
                node(current).dependent_schemas.emplace(property, index);
            }
        }
        node(current).cost += static_cast<std::uint32_t>(value.size());
    }
    void read_required(const job& current, std::string_view name, const ordered& value) {
        if (!value.is_array()) {
            return refuse(current, name, "must be a list of names");
        }
        read_names(current, name, value, node(current).required);
    }
    void read_names(const job& current, std::string_view keyword, const ordered& value,
                    std::set<std::string>& names) {
        for (const ordered& each : value) {
            if (!each.is_string()) {
                return refuse(current, keyword, "can't be used: a name must be a string");
            }
            names.insert(each.get<std::string>());
        }
        node(current).cost += static_cast<std::uint32_t>(value.size());
    }

    void read_types(const job& current, std::string_view, const ordered& value) {
        static constexpr std::array<std::string_view, 7> known{"null",   "boolean", "integer", "number",
                                                               "string", "array",   "object"};
        for (const ordered& each : value.is_array() ? value : ordered::array({value})) {
            if (!each.is_string() ||
                std::ranges::find(known, each.get_ref<const std::string&>()) == known.end()) {
                node(current).types.clear();
                return leave_out(current, "type",
                                 "'type' must be null, boolean, integer, number, string, array or object");
            }
            node(current).types.push_back(each.get<std::string>());
        }
        const auto nullable = current.schema->find("nullable");  // of OpenAPI 3.0
        if (nullable != current.schema->end() && *nullable == true) {
            node(current).types.emplace_back("null");
        }
    }

    void read_choices(const job& current, std::string_view name, const ordered& value) {
        if (name == "enum" && !value.is_array()) {
            return refuse(current, name, "must be a list");
        }
        nlohmann::json choices = nlohmann::json(name == "enum" ? value : ordered::array({value}));
        nlohmann::json& known = node(current).choices;
        if (!known.is_null()) {
            // Both were given: what is in both.
            std::erase_if(choices.get_ref<nlohmann::json::array_t&>(), [&](const nlohmann::json& each) {
                return std::ranges::find(known, each) == known.end();
            });
        }
        known = std::move(choices);
        node(current).cost += static_cast<std::uint32_t>(known.size());
    }

    void read_multiple(const job& current, std::string_view name, const ordered& value) {
        const double divisor = value.is_number() ? value.get<double>() : 0.0;
        if (!(divisor > 0.0) || !std::isfinite(divisor)) {
            return refuse(current, name, "must be a number above zero");
        }
        node(current).multiple_of = divisor;
    }
    void read_unique(const job& current, std::string_view, const ordered& value) {
        node(current).unique_items = value == true;
    }

    void read_pattern(const job& current, std::string_view, const ordered& value) {
        if (!value.is_string() || ++patterns_ > max_patterns) {
            return leave_out(current, "pattern",
                             "'pattern' must be a text, and there may be " + std::to_string(max_patterns));
        }
        auto made = make_pattern(value.get_ref<const std::string&>(), pattern_work_);
        if (!made) {
            return leave_out(current, "pattern", made.error().message);
        }
        node(current).pattern = std::move(*made);
    }

    const ordered& root_;
    std::set<std::string>* unchecked_;  // null: what can't be checked is refused
    schema_plan plan_;
    std::unordered_map<const ordered*, std::size_t> indexes_;
    std::vector<std::string> paths_;  // of each node
    reference_graph same_value_;
    reference_graph children_;   // all of them
    std::vector<bool> partial_;  // something in it, however deep, is left out
    std::deque<job> waiting_;
    std::size_t patterns_ = 0;
    std::size_t pattern_work_;  // that is left
    std::optional<core::failure> refusal_;
};

const std::array<planner::keyword, 25> planner::keywords{{
    {"$ref", &planner::read_reference},
    {"additionalItems", &planner::read_items},
    {"additionalProperties", &planner::read_more_properties},
    {"allOf", &schema_node::all_of},
    {"anyOf", &schema_node::any_of},
    {"const", &planner::read_choices},
    {"contains", child{&schema_node::contains, looks_at::part}},
    {"dependencies", &planner::read_dependencies},
    {"dependentRequired", &planner::read_dependencies},
    {"dependentSchemas", &planner::read_dependencies},
    {"else", child{&schema_node::alternative, looks_at::same_value}},
    {"enum", &planner::read_choices},
    {"if", child{&schema_node::condition, looks_at::same_value}},
    {"items", &planner::read_items},
    {"multipleOf", &planner::read_multiple},
    {"not", child{&schema_node::negated, looks_at::same_value}},
    {"oneOf", &schema_node::one_of},
    {"pattern", &planner::read_pattern},
    {"prefixItems", &planner::read_items},
    {"properties", &planner::read_properties},
    {"propertyNames", child{&schema_node::property_names, looks_at::part}},
    {"required", &planner::read_required},
    {"then", child{&schema_node::consequence, looks_at::same_value}},
    {"type", &planner::read_types},
    {"uniqueItems", &planner::read_unique},
}};

}  // namespace

core::result<schema_plan> plan_schema(const ordered& schema, std::set<std::string>* unchecked,
                                      std::size_t pattern_work) {
    constexpr unsigned max_levels = 128;
    if (deeper_than(schema, max_levels)) {
        return core::make_failure(core::errc::refused, core::say("request.format-schema/schema-nested"));
    }
    if (schema.dump(-1, ' ', false, ordered::error_handler_t::replace).size() > max_text_bytes) {
        return core::make_failure(core::errc::refused,
                                  core::say("request.format-schema/format-schema", max_text_bytes / 1024));
    }
    return planner(schema, unchecked, pattern_work).run();
}

}  // namespace corral::chat
