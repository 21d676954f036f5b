#include <array>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

#include "corral/process/child.hpp"

namespace corral::process {

namespace {

constexpr std::array<std::string_view, 7> kept = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
                                                  "USER"};

bool is_kept(std::string_view name) {
    return name.starts_with("LC_") || std::find(kept.begin(), kept.end(), name) != kept.end();
}

}  // namespace

std::map<std::string, std::string> clean_environment() {
    std::map<std::string, std::string> result;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos && is_kept(text.substr(0, equals))) {
            result.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return result;
}

}  // namespace corral::process
