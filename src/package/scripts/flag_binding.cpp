#include "package/scripts/flag_binding.hpp"

#include <algorithm>

#include "corral/catalog/placeholders.hpp"

namespace corral::package {

namespace {

// The name in "{name}" where the word is nothing else.
std::string whole_placeholder(const std::string& word) {
    const auto names = catalog::placeholders_in(word);
    return names && names->size() == 1 && word == "{" + names->front() + "}" ? names->front() : std::string();
}

}  // namespace

std::vector<flag_word> flags_of(const std::vector<std::string>& words, const std::vector<unsigned>& lines) {
    std::vector<flag_word> out;
    const auto line_of = [&lines](std::size_t word) { return word < lines.size() ? lines[word] : 0U; };
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!word.starts_with("--") || word.size() == 2) {
            continue;
        }
        if (const auto equals = word.find('='); equals != std::string::npos) {
            out.push_back({word.substr(0, equals), word.substr(equals + 1), line_of(i)});
        } else if (i + 1 < words.size() && !words[i + 1].starts_with("--")) {
            out.push_back({word, words[i + 1], line_of(i)});
            ++i;
        } else {
            out.push_back({word, {}, line_of(i)});
        }
    }
    return out;
}

const std::string* find_flag(const std::vector<flag_word>& flags, const std::string& name) {
    const auto found =
        std::find_if(flags.rbegin(), flags.rend(), [&](const flag_word& one) { return one.name == name; });
    return found == flags.rend() ? nullptr : &found->value;
}

std::map<std::string, std::string> flags_of_template(const catalog::service_template& service) {
    std::map<std::string, std::string> out;
    for (std::size_t i = 1; i + 1 < service.command.size(); ++i) {
        const std::string name = whole_placeholder(service.command[i + 1]);
        if (service.command[i].starts_with("--") && !name.empty()) {
            out.emplace(service.command[i], name);
        }
    }
    return out;
}

std::string program_variable(const catalog::service_template& service) {
    return service.command.empty() ? std::string() : whole_placeholder(service.command.front());
}

}  // namespace corral::package
