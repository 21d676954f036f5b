#pragma once
// The ways in which the packages of broken_packages_test.cpp are broken, each in one.

#include <functional>
#include <string>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "package/whole_package.hpp"

namespace corral::tests {

struct way {
    const char* what;  // is done to it
    std::function<void(whole_package&)> hurt;
    const char* id;
    std::vector<const char*> words;  // that the line must hold
    catalog::severity level = catalog::severity::error;
};

[[nodiscard]] const std::vector<way>& folder_ways();
[[nodiscard]] const std::vector<way>& data_ways();
[[nodiscard]] const std::vector<way>& program_ways();
[[nodiscard]] const std::vector<way>& script_ways();

inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
    return text;
}

}  // namespace corral::tests
