#include "corral/package/script_needs.hpp"

#include <algorithm>

#include "package/scripts/python_text.hpp"

namespace corral::package {

std::vector<std::string> modules_of_script(std::string_view text,
                                           const std::map<std::string, std::string>& more) {
    const std::vector<python_line> lines = python_lines(text);
    std::vector<std::string> out = imported_modules(lines);
    for (const auto& one : more) {
        if (std::ranges::any_of(lines, [&one](const python_line& line) {
                return line.whole.find(one.first) != std::string::npos;
            })) {
            out.push_back(one.second);
        }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace corral::package
