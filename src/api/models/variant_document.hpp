#pragma once
// A variant as it stands in its file.

#include <chrono>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api {

struct variant_document {
    std::string name;  // display form
    std::string from;  // the configured model below it
    std::chrono::system_clock::time_point modified{};
    generation::model_variant content;
};

[[nodiscard]] std::string to_text(const variant_document& what);
// Only the content, alike for variants that differ in name and age: what their digest is made of.
[[nodiscard]] std::string to_text(const generation::model_variant& content);

// Failures: a sentence that says what is wrong with it. Sampling and limits are read from the parameters.
[[nodiscard]] core::result<variant_document> read_variant_document(std::string_view text);

}  // namespace corral::api
