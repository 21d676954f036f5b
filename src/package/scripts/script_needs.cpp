#include "corral/package/script_needs.hpp"

#include <algorithm>

#include "package/scripts/python_text.hpp"

namespace corral::package {

std::vector<std::string> modules_of_script(std::string_view text,
                                           const std::map<std::string, std::string>& more) {
    const std::vector<python_line> lines = python_lines(text);
    std::vector<std::string> out = imported_modules(lines);
    for (const auto& [word, name] : more) {
        if (std::ranges::any_of(lines, [&word](const python_line& line) {
                return line.whole.find(word) != std::string::npos;
            })) {
            out.push_back(name);
        }
    }
    std::ranges::sort(out);
    const auto twice = std::ranges::unique(out);
    out.erase(twice.begin(), twice.end());
    return out;
}

}  // namespace corral::package
