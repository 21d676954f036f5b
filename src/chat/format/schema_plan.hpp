#pragma once
// A client's JSON Schema, compiled: bounded in size, its references resolved and known to end, its patterns
// ready to run in linear time (docs/facts/platform_traps.md#schema-patterns).

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::chat {

// References inside a JSON Schema: where they lead, and whether they come to an end.
[[nodiscard]] bool deeper_than(const nlohmann::ordered_json& value, unsigned levels);

// The target of the local reference `text` ("#/$defs/a") in `root`; nullptr when there is none, or when the
// reference is not local.
[[nodiscard]] const nlohmann::ordered_json* find_local(const nlohmann::ordered_json& root,
                                                       std::string_view text);

// For each schema, the schemas that look at the same value.
using reference_graph = std::vector<std::vector<std::size_t>>;

// A schema that leads back to itself, or through more than 24 others, without going into the value: a check
// of it would not end, or would exhaust the stack. Nothing when there is none.
[[nodiscard]] std::optional<std::size_t> endless_reference(const reference_graph& graph);

// `marked`: some schemas; with them all that lead to one of them.
void spread_to_parents(const reference_graph& graph, std::vector<bool>& marked);

// The patterns of a schema in a bounded engine (docs/facts/platform_traps.md#schema-patterns).

// errc::refused with a sentence for the client: longer than 4 KiB, or it can't be run in linear time.
// Takes what that costs from `work`, about 2 us each: RE2 bounds the size of a program, but not the time that it
// takes to become one, nor to find that it is too large.
[[nodiscard]] core::result<std::shared_ptr<const re2::RE2>> make_pattern(std::string_view pattern,
                                                                         std::size_t& work);

// A keyword that compares a figure of a value with a bound: the number itself, or how many characters,
// elements or properties there are.
struct schema_limit {
    enum class kind { number, text, list, object };

    std::string_view keyword;
    kind type;
    bool upper, exclusive;
    std::string_view before, after;  // of the bound, in a violation's sentence
};

// In the order in which they are checked.
inline constexpr std::array<schema_limit, 10> schema_limits{{
    {"exclusiveMaximum", schema_limit::kind::number, true, true, "expected number less than ", ""},
    {"maximum", schema_limit::kind::number, true, false, "expected number less than or equal to ", ""},
    {"maxItems", schema_limit::kind::list, true, false, "array should contain no more than ", " elements"},
    {"maxLength", schema_limit::kind::text, true, false, "string should be no more than ",
     " characters in length"},
    {"maxProperties", schema_limit::kind::object, true, false, "object should have no more than ",
     " properties"},
    {"exclusiveMinimum", schema_limit::kind::number, false, true, "expected number greater than ", ""},
    {"minimum", schema_limit::kind::number, false, false, "expected number greater than or equal to ", ""},
    {"minItems", schema_limit::kind::list, false, false, "array should contain no fewer than ", " elements"},
    {"minLength", schema_limit::kind::text, false, false, "string should be no fewer than ",
     " characters in length"},
    {"minProperties", schema_limit::kind::object, false, false, "object should have no fewer than ",
     " properties"},
}};

// One schema. Others are named by their index in a schema_plan.
struct schema_node {
    bool never = false;                      // the schema `false`
    std::vector<std::string> types{};        // empty: any
    nlohmann::json choices{};                // an array, or null: any value
    std::map<std::size_t, double> limits{};  // by index in schema_limits
    std::optional<double> multiple_of{};
    std::shared_ptr<const re2::RE2> pattern{};

    bool unique_items = false;
    std::vector<std::size_t> first_items{};
    std::optional<std::size_t> more_items{}, contains{};
    bool no_more_items = false;

    std::map<std::string, std::size_t> properties{};
    std::optional<std::size_t> more_properties{}, property_names{};
    bool no_more_properties = false;
    std::set<std::string> required{};
    std::map<std::string, std::set<std::string>> dependent_names{};
    std::multimap<std::string, std::size_t> dependent_schemas{};

    std::vector<std::size_t> all_of{}, any_of{}, one_of{};  // a reference is one of all_of
    bool one_of_may_overlap = false;                        // one of them is not checked whole
    std::optional<std::size_t> negated{}, condition{}, consequence{}, alternative{};

    std::uint32_t cost = 1;  // steps of looking at one value
};

// The first is the whole schema.
using schema_plan = std::vector<schema_node>;

// Of all patterns of a schema (make_pattern): 0.2 s at most.
inline constexpr std::size_t whole_pattern_work = 100'000;

// errc::refused with a sentence for the client; the rules stand in corral/chat/structured_output.hpp. With
// `unchecked` keywords that can't be checked are left out instead, and named there: a value that fits the schema is
// never taken for one that does not.
[[nodiscard]] core::result<schema_plan> plan_schema(const nlohmann::ordered_json& schema,
                                                    std::set<std::string>* unchecked = nullptr,
                                                    std::size_t pattern_work = whole_pattern_work);

// Nothing when `value` fits the schema of that index, else the first violation, as "$.age: expected integer, got string". Takes its steps
// from `budget`; when that is used up the value does not fit. REQUIRES: `value` is at most 64 levels deep.
[[nodiscard]] std::optional<std::string> violation(const schema_plan& plan, const nlohmann::json& value,
                                                   std::size_t& budget, std::size_t index = 0);

}  // namespace corral::chat
