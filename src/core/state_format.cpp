#include "corral/core/state_format.hpp"

#include "corral/core/files.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"

namespace corral::core {

bool is_newer_format(const nlohmann::json& object, const char* member, int known) {
    const auto found = object.is_object() ? object.find(member) : object.end();
    return object.is_object() && found != object.end() && found->is_number_integer() && *found > known;
}

bool is_newer_format(const std::filesystem::path& file, const char* member, int known) {
    const auto kept = read_private_file(file);
    return kept && is_newer_format(parse_json(kept->text), member, known);
}

failure newer_format(const std::filesystem::path& file) {
    return make_failure(errc::refused, core::say("configuration.newer-state/written-newer", file.string()));
}

}  // namespace corral::core
