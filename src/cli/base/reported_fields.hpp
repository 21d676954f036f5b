#pragma once
// Fields of what another Corral process reports in JSON: what is missing, or of another kind, is as if it
// were empty, and control characters are made visible.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace corral::cli {

// `object` is an object or an array without them; at most `longest` bytes of a text.
[[nodiscard]] std::string reported_text(const nlohmann::ordered_json& object, const char* key,
                                        std::size_t longest = 2000);
[[nodiscard]] std::optional<double> reported_number(const nlohmann::ordered_json& object, const char* key);
// 0 where none is said.
[[nodiscard]] double reported_amount(const nlohmann::ordered_json& object, const char* key);
[[nodiscard]] bool reported_flag(const nlohmann::ordered_json& object, const char* key);
// Those of an array; no others.
[[nodiscard]] std::vector<nlohmann::ordered_json> reported_objects(const nlohmann::ordered_json& object,
                                                                   const char* key);

// The sets of processes of a model as status reports it: its instances, or itself where it is the only one.
[[nodiscard]] std::vector<nlohmann::ordered_json> reported_instances(const nlohmann::ordered_json& model);
// Those of all models of a status.
[[nodiscard]] std::vector<nlohmann::ordered_json> all_instances(const nlohmann::ordered_json& status);
// Whether a daemon with that status knows the model.
[[nodiscard]] bool is_served(const nlohmann::ordered_json& status, const std::string& model);

// "one, two": the texts of an array.
[[nodiscard]] std::string reported_words(const nlohmann::ordered_json& object, const char* key);

}  // namespace corral::cli
