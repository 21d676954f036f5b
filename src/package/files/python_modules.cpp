#include "package/files/python_modules.hpp"

#include <algorithm>
#include <string_view>

#include "corral/core/text.hpp"
#include "corral/package/bounded_program.hpp"

namespace corral::package {

namespace {

constexpr std::string_view end_mark = "asked\n";

// Isolated mode leaves out the packages that a user installed for himself, which the script would find.
constexpr const char* question = R"(
import importlib.util, os, site, sys
home = site.getusersitepackages()
if os.path.isdir(home):
    sys.path.append(home)
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        print(name)
print("asked")
)";

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 100 && !core::is_digit(text[0]) &&
           std::ranges::all_of(text, [](char letter) {
               return letter == '_' || core::is_letter(letter) || core::is_digit(letter);
           });
}

}  // namespace

std::optional<std::vector<std::string>> ask_for_modules(const std::string& python,
                                                        const std::vector<std::string>& modules,
                                                        std::chrono::milliseconds patience) {
    std::vector<std::string> command{python, "-I", "-c", question};
    std::copy_if(modules.begin(), modules.end(), std::back_inserter(command), is_name);
    if (command.size() == 4) {
        return std::vector<std::string>();
    }
    if (python.empty()) {
        return std::nullopt;
    }
    const std::vector<std::string> asked(command.begin() + 4, command.end());
    const auto end = run_bounded({std::move(command), clean_variables(), patience});
    if (!end || !end->whole || !end->output.ends_with(end_mark)) {
        return std::nullopt;
    }
    const std::string& answer = end->output;
    std::vector<std::string> missing;
    for (const auto& name : asked) {
        const bool is_missing =
            answer.starts_with(name + "\n") || answer.find("\n" + name + "\n") != std::string::npos;
        if (is_missing) {
            missing.push_back(name);
        }
    }
    return missing;
}

}  // namespace corral::package
