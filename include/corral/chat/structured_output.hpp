#pragma once
// JSON answers from models without constrained decoding: the instruction to the model, the place of the value
// in its text, and whether it fits (docs/facts/ollama_wire.md#format).
//
// A schema is JSON Schema, draft 7 with 2020-12's prefixItems, dependentRequired and dependentSchemas.
// Annotations (title, description, default, format ...) and unknown keywords go to the model and are not
// checked. `pattern` runs in RE2, whose time is linear. A keyword that can't be checked in bounded time, or not
// at all, goes to the model too and is named in unchecked(), or is refused by name, with its place:
// patternProperties, patterns beyond RE2 (look-around, back references), unevaluatedProperties, unevaluatedItems,
// minContains, maxContains, $dynamicRef, $recursiveRef, a $ref that is not local or points to nothing, types of
// other names, and values that a keyword can't have. A $ref that leads back to itself without going into the value
// is always refused.
//
// Bounds: 64 KiB of schema text, 32 schemas inside each other, 2000 schemas, 100 patterns of 4 KiB that together compile
// in about 0.2 s. A check has a budget of steps; a value that would need more counts as not fitting.

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::chat {

// What becomes of a schema of which a part can't be checked.
enum class schema_rule { checked_where_possible, checked_whole };

class format_plan {
public:
    // `wanted` is "json" (any object or array) or a schema (an object). errc::refused with a sentence for the
    // client.
    [[nodiscard]] static core::result<format_plan> make(
        const nlohmann::ordered_json& wanted, schema_rule rule = schema_rule::checked_where_possible);
    // Names of the keywords that are shown to the model and not checked, each once.
    [[nodiscard]] const std::set<std::string>& unchecked() const noexcept;

    // The instruction to the model. `may_call`: it also has tools, and may call one instead.
    [[nodiscard]] std::string instruction(bool may_call) const;
    // The instruction after an answer with that violation.
    [[nodiscard]] static std::string correction(std::string_view violation);

private:
    friend class format_reader;
    struct state;
    explicit format_plan(std::shared_ptr<const state> made);
    std::shared_ptr<const state> state_;
};

// Reads one answer. The value is searched for as the whole answer, in code fences, and as the first balanced
// object or array that fits; where none is exactly JSON, json_repair repairs it.
class format_reader {
public:
    // `begun`: the beginning of the answer, which the model continues.
    explicit format_reader(const format_plan& plan, std::string begun = {});
    ~format_reader();
    format_reader(format_reader&&) noexcept;
    format_reader& operator=(format_reader&&) noexcept;

    void feed(std::string_view piece);
    // A fitting value is complete, so the model may be stopped.
    [[nodiscard]] bool complete() const noexcept;
    // The model's text, without `begun`.
    [[nodiscard]] std::string_view written() const noexcept;
    // The text for the client: the value in the model's own words where they are JSON, without what stands
    // in `begun`; or errc::invalid with the first violation ("$.age: expected integer, got string"). `cut`:
    // the model was not at its end.
    [[nodiscard]] core::result<std::string> finish(bool cut);

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace corral::chat
