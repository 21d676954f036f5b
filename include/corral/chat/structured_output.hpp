#pragma once
// Answers that shall be JSON, from models that nothing holds to it: what to tell the model, where the value
// stands in what it wrote, and whether it fits (docs/facts/ollama_wire.md#format).
//
// A schema is JSON Schema, draft 7 with 2020-12's prefixItems, dependentRequired and dependentSchemas. What
// only describes (title, description, default, format ...) goes to the model and is not checked, and so are
// keywords that no draft knows. `pattern` runs in RE2, whose time is linear. What can't be checked in bounded
// time, or not at all, is refused by name, with the place where it stands: patternProperties, patterns beyond
// RE2 (look-around, back references), unevaluatedProperties, unevaluatedItems, minContains, maxContains,
// $dynamicRef, $recursiveRef, a $ref that is not local, points to nothing, or leads back to itself without
// going into the value.
//
// Bounds: 64 KiB of schema text, 32 schemas inside each other, 2000 schemas, 100 patterns of 4 KiB. A check has a budget of steps; a value that would need more counts as not fitting.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::chat {

class format_plan {
public:
    // `wanted` is "json" (any object or array) or a schema (an object). errc::refused with a sentence for the
    // client.
    [[nodiscard]] static core::result<format_plan> make(const nlohmann::ordered_json& wanted);

    // What the model is told. `may_call`: it also has tools, and may call one instead.
    [[nodiscard]] std::string instruction(bool may_call) const;
    // What it is told after an answer of which `violation` was found.
    [[nodiscard]] static std::string correction(std::string_view violation);

private:
    friend class format_reader;
    struct state;
    explicit format_plan(std::shared_ptr<const state> made);
    std::shared_ptr<const state> state_;
};

// Reads one answer. The value is looked for as the whole answer, in code fences, and as the first balanced
// object or array that fits; where none is exactly JSON, what json_mender can make of it.
class format_reader {
public:
    // `begun`: what already stands in the answer, before what the model writes.
    explicit format_reader(const format_plan& plan, std::string begun = {});
    ~format_reader();
    format_reader(format_reader&&) noexcept;
    format_reader& operator=(format_reader&&) noexcept;

    void feed(std::string_view piece);
    // A value that fits is there, so the model need not go on.
    [[nodiscard]] bool complete() const noexcept;
    // What the model wrote, `begun` left out.
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
