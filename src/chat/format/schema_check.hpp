#pragma once
// Whether a value fits a JSON Schema, in a bounded number of steps.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "chat/format/schema_plan.hpp"
#include "corral/core/result.hpp"

namespace corral::chat {

class schema_check {
public:
    // errc::refused with a sentence for the client.
    [[nodiscard]] static core::result<schema_check> make(const nlohmann::ordered_json& schema);

    // Nothing when `value` fits, else the first violation, as "$.age: expected integer, got string". Takes
    // its steps from `budget`; when that is used up the value does not fit. REQUIRES: `value` is at most 64
    // levels deep.
    [[nodiscard]] std::optional<std::string> violation(const nlohmann::json& value,
                                                       std::size_t& budget) const;

private:
    explicit schema_check(schema_plan plan) : plan_(std::move(plan)) {}

    schema_plan plan_;
};

}  // namespace corral::chat
