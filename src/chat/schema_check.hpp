#pragma once
// Whether a value fits a JSON Schema, in a bounded number of steps. valijson walks; what it has no words or
// no bounds for is checked beside it (schema_rule).

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::chat {

class schema_check {
public:
    // errc::refused with a sentence for the client.
    [[nodiscard]] static core::result<schema_check> make(const nlohmann::ordered_json& schema);

    // Nothing when `value` fits, else the first violation, as "$.age: expected integer, got string". Takes
    // its steps from `budget`; when that is used up the value does not fit. REQUIRES: numbers are plain
    // (with_plain_numbers), and `value` is at most 64 levels deep.
    [[nodiscard]] std::optional<std::string> violation(const nlohmann::json& value,
                                                       std::size_t& budget) const;

private:
    struct state;
    explicit schema_check(std::shared_ptr<state> made);
    std::shared_ptr<state> state_;
};

}  // namespace corral::chat
