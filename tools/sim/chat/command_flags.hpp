#pragma once

#include <map>
#include <string>
#include <vector>

// A command line of `--flag value`, `--flag=value` and bare words.
namespace corral::sim {

class command_flags {
public:
    // `switches`: flags that take no value. A flag that is not in `known` is remembered as unknown.
    command_flags(const std::vector<std::string>& args, const std::vector<std::string>& known,
                  const std::vector<std::string>& switches);

    bool has(const std::string& flag) const { return values_.count(flag) != 0; }
    std::string text(const std::string& flag, const std::string& fallback) const;
    // Throws scenario_error for what is no number.
    int number(const std::string& flag, int fallback) const;
    const std::vector<std::string>& words() const { return words_; }
    // The first flag that nobody knows or whose value is missing; empty: all is well.
    const std::string& wrong() const { return wrong_; }

private:
    std::map<std::string, std::string> values_;
    std::vector<std::string> words_;
    std::string wrong_;
};

}  // namespace corral::sim
