#pragma once
// What a person may call a model.

#include <algorithm>
#include <string>
#include <string_view>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/profile.hpp"

namespace corral::config {

// By its name or an alias, as Ollama compares names.
[[nodiscard]] inline bool goes_by(const catalog::model_entry& model, std::string_view typed) {
    const auto same = [&](const std::string& name) { return catalog::same_model(name, typed); };
    return same(model.name) || std::any_of(model.aliases.begin(), model.aliases.end(), same);
}

}  // namespace corral::config
