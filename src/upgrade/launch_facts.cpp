#include "corral/upgrade/launch_facts.hpp"

#include <string_view>

#include <unistd.h>

#include "corral/upgrade/inheritance.hpp"

namespace corral::upgrade {

std::map<std::string, std::string> environment_for_next_image() {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos && text.substr(0, equals) != handover_variable) {
            all.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return all;
}

}  // namespace corral::upgrade
