#include "chat/command_flags.hpp"

#include <algorithm>
#include <cstdlib>

#include "scenario.hpp"

namespace corral::sim {
namespace {

bool holds(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

command_flags::command_flags(const std::vector<std::string>& args, const std::vector<std::string>& known,
                             const std::vector<std::string>& switches) {
    for (std::size_t i = 0; i < args.size(); ++i) {
        const auto& arg = args[i];
        if (arg.size() < 2 || arg[0] != '-') {
            words_.push_back(arg);
            continue;
        }
        const auto equal = arg.find('=');
        const auto flag = arg.substr(0, equal);
        if (holds(switches, flag)) {
            values_[flag] = "true";
        } else if (equal != std::string::npos) {
            values_[flag] = arg.substr(equal + 1);
        } else if (holds(known, flag) && i + 1 < args.size()) {
            values_[flag] = args[++i];
        } else if (wrong_.empty()) {
            wrong_ = arg;
        }
        if (!holds(known, flag) && !holds(switches, flag) && wrong_.empty()) wrong_ = flag;
    }
}

std::string command_flags::text(const std::string& flag, const std::string& fallback) const {
    const auto at = values_.find(flag);
    return at == values_.end() ? fallback : at->second;
}

int command_flags::number(const std::string& flag, int fallback) const {
    const auto at = values_.find(flag);
    if (at == values_.end()) return fallback;
    char* end = nullptr;
    const long value = std::strtol(at->second.c_str(), &end, 10);
    if (at->second.empty() || *end != '\0') throw scenario_error(flag + " must be a number");
    return static_cast<int>(value);
}

}  // namespace corral::sim
