#pragma once
// The values of templates: JSON, shared and not copied when a part of it is taken.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::chat::go_template {

using json = nlohmann::ordered_json;

class value {
public:
    value();  // nil
    explicit value(json data);
    // Borrows: `data` outlives every value taken from it.
    [[nodiscard]] static value of(const json& data);

    [[nodiscard]] bool is_nil() const { return data_->is_null(); }
    [[nodiscard]] bool is_text() const { return data_->is_string(); }
    [[nodiscard]] bool is_list() const { return data_->is_array(); }
    [[nodiscard]] bool is_map() const { return data_->is_object(); }
    [[nodiscard]] bool is_number() const { return data_->is_number(); }
    [[nodiscard]] bool is_boolean() const { return data_->is_boolean(); }
    [[nodiscard]] const std::string& text() const { return data_->get_ref<const std::string&>(); }
    [[nodiscard]] std::optional<std::int64_t> whole_number() const;
    [[nodiscard]] double number() const { return data_->get<double>(); }
    // The kind in messages: "string", "map" ...
    [[nodiscard]] const char* kind() const;

    // As in Go: nil, zero and empty values are false.
    [[nodiscard]] bool truth() const;
    // Elements, members or bytes; 0 for other kinds.
    [[nodiscard]] std::size_t size() const;
    // The element, or the member in its order. REQUIRES: a list or a map, at < size().
    [[nodiscard]] value element(std::size_t at) const;
    [[nodiscard]] const std::string& key(std::size_t at) const;
    // By its exact key, else by its Go name: "ToolCalls" finds "tool_calls". nil when there is none.
    [[nodiscard]] value member(std::string_view name) const;
    // REQUIRES: a list; from <= to <= size().
    [[nodiscard]] value part(std::size_t from, std::size_t to) const;
    // Its JSON; a part of a list is copied.
    [[nodiscard]] json whole() const;

private:
    explicit value(std::shared_ptr<const json> data);
    std::shared_ptr<const json> data_;  // never null
    std::size_t from_ = 0;              // a list shows only this part
    std::size_t to_ = 0;
};

// As an action prints it: strings as they are, numbers as in Go, nil as nothing, lists and maps as JSON, like
// Ollama's own types.
[[nodiscard]] std::string printed(const value& what);
[[nodiscard]] std::string json_of(const value& what);

}  // namespace corral::chat::go_template
