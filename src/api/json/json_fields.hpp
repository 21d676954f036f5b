#pragma once
// Fields of a JSON object read the way Go's decoder does it (docs/facts/ollama_wire.md#json-input): keys
// match without case with the exact one preferred, null is absent, unknown keys are ignored, a wrong type is
// an error that names the struct field.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

// The first thing found wrong in one request; later ones are not kept.
struct decode_problem {
    unsigned status = 400;
    std::string message;
    [[nodiscard]] bool found() const noexcept { return !message.empty(); }
    http::memory_charge* memory = nullptr;  // pays for the trees of this request; none: there is no bound
    void set(const core::failure& why) { set(why.message, why.code == core::errc::unavailable ? 503 : 400); }
    void set(std::string text, unsigned code = 400) {
        if (!found()) {
            message = std::move(text);
            status = code;
        }
    }
};

// Go's word for the kind of a value: "string", "number", "bool", "array", "object".
[[nodiscard]] std::string_view kind_word(const nlohmann::ordered_json& value);

class json_fields {
public:
    // `object` and `problem` are borrowed. `path` is what Go would print before a field:
    // "ChatRequest.messages".
    json_fields(const nlohmann::ordered_json& object, std::string path, decode_problem& problem)
        : object_(&object), path_(std::move(path)), problem_(&problem) {}

    // The value, or nullptr when absent or null.
    [[nodiscard]] const nlohmann::ordered_json* find(std::string_view key) const;

    // Nothing when absent, null, or of a wrong type, which is then the problem.
    [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
    [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
    [[nodiscard]] std::optional<double> real(std::string_view key) const;
    // nullptr under the same conditions. `go_type` appears in the message ("[]api.Message").
    [[nodiscard]] const nlohmann::ordered_json* array(std::string_view key, std::string_view go_type) const;
    [[nodiscard]] const nlohmann::ordered_json* object(std::string_view key, std::string_view go_type) const;

    // The reader of an object that is the value of `key` or an element of its array.
    [[nodiscard]] json_fields inside(std::string_view key, const nlohmann::ordered_json& object) const;

    void wrong_type(std::string_view key, const nlohmann::ordered_json& got, std::string_view go_type) const;
    [[nodiscard]] decode_problem& problem() const noexcept { return *problem_; }

private:
    const nlohmann::ordered_json* object_;
    std::string path_;
    decode_problem* problem_;
};

}  // namespace corral::api
