#include "corral/boxes/fleet_lists.hpp"

#include <map>
#include <string>

#include "corral/core/json_members.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

using ordered = nlohmann::ordered_json;

constexpr std::size_t most_entries = 10'000;

// `meet`: what becomes of an entry whose name is there already.
template <typename Meet>
ordered joined(const std::vector<ordered>& of, const char* list, const char* name, const Meet& meet) {
    ordered out = ordered::array();
    std::map<std::string, std::size_t> places;
    for (const ordered& one : of) {
        for (const ordered& entry : core::list_at(one, list)) {
            const std::string called = core::lower_case(core::text_at(entry, name));
            if (called.empty()) {
                continue;
            }
            const auto known = places.find(called);
            if (known != places.end()) {
                meet(out[known->second], entry);
            } else if (out.size() < most_entries) {
                places.emplace(called, out.size());
                out.push_back(entry);
            }
        }
    }
    return out;
}

constexpr auto first_counts = [](ordered&, const ordered&) {};

}  // namespace

ordered joined_tags(const std::vector<ordered>& of) {
    return {{"models", joined(of, "models", "name", first_counts)}};
}

ordered joined_models(const std::vector<ordered>& of) {
    return {{"object", "list"}, {"data", joined(of, "data", "id", first_counts)}};
}

ordered joined_running(const std::vector<ordered>& of) {
    // Both are UTC in the same form, which sorts by time; another form is a box's own business.
    return {{"models", joined(of, "models", "name", [](ordered& there, const ordered& other) {
                 if (core::text_at(other, "expires_at") > core::text_at(there, "expires_at")) {
                     there["expires_at"] = other["expires_at"];
                 }
             })}};
}

}  // namespace corral::boxes
