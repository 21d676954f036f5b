#pragma once
// A variant as it stands in its file.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api {

// All but its content.
struct variant_head {
    std::string name;    // display form
    std::string from;    // the configured model below it
    std::string client;  // who made it; empty: not known
    std::chrono::system_clock::time_point modified{};
};

struct variant_document : variant_head {
    generation::model_variant content;
};

[[nodiscard]] std::string to_text(const variant_head& head, const generation::model_variant& content);
// Only the content, alike for variants that differ in name and age: what their digest is made of.
[[nodiscard]] std::string to_text(const generation::model_variant& content);

// Failures: a sentence that says what is wrong with it; errc::refused for one of a newer format. Sampling and limits are read from the parameters.
[[nodiscard]] core::result<variant_document> read_variant_document(std::string_view text);

// The head alone of a document, of which `text` may be the beginning; nothing where it does not stand there.
[[nodiscard]] std::optional<variant_head> read_variant_head(std::string_view text);
// What to_text(content) gave for a document that to_text() wrote, without making a tree of it; empty for any other.
[[nodiscard]] std::string variant_content_text(std::string_view document);

}  // namespace corral::api
