#pragma once
// A client's JSON Schema made harmless: bounded, its references known to lead somewhere and to come to an
// end, and brought into a plain form. valijson 1.0 takes none of this care itself
// (docs/facts/platform_traps.md#schema-patterns).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::chat {

// What of one schema is checked here and not by valijson: which has no readable words for it, divides by
// zero, or runs std::regex.
struct schema_rule {
    bool never = false;                // the schema `false`
    std::vector<std::string> types{};  // empty: any
    nlohmann::json choices{};          // an array, or null: any value
    std::optional<double> multiple_of{};
    std::shared_ptr<const re2::RE2> pattern{};
    bool unique_items = false;
    std::uint32_t cost = 1;  // steps of looking at one value
};

// Draft 7, every schema a member of "$defs" named by its number and referred to as such; each begins with an
// allOf whose first member is {rule_keyword: number}.
struct schema_plan {
    nlohmann::json normal;
    std::vector<schema_rule> rules;
};

inline constexpr const char* rule_keyword = "corral-rule";

// errc::refused with a sentence for the client; the rules stand in corral/chat/structured_output.hpp.
[[nodiscard]] core::result<schema_plan> plan_schema(const nlohmann::ordered_json& schema);

}  // namespace corral::chat
