#pragma once
// All that is known of one model, for `corral show`. No I/O.

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/engine/shown_model.hpp"

namespace corral::cli {

// `status`: its entry in status_json(), or null; `file`: null where it is no GGUF. Commands are as they would be run; a
// port that is chosen at each start stands there as 0, and what looks like a secret as (left out).
[[nodiscard]] nlohmann::ordered_json model_facts(const catalog::model_entry& model,
                                                 const nlohmann::ordered_json& status,
                                                 const std::shared_ptr<const engine::file_facts>& file);

[[nodiscard]] std::string model_page(const nlohmann::ordered_json& facts, const text_style& style);

}  // namespace corral::cli
