#pragma once
// Between the words of a run script and the variables of a profile: which variable belongs to which flag is
// read from the profile's own command ("--axmodel_num", "{layers}").

#include <map>
#include <string>
#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::package {

struct flag_word {
    std::string name;   // "--axmodel_num"
    std::string value;  // empty as well where none follows
    unsigned line = 0;  // of its script; 0: none is known
    bool operator==(const flag_word&) const = default;
};

// "--name value" and "--name=value" of a command's words after the program; words in between that belong to
// no flag are left out. A value may begin with "--" only behind '='.
// `lines`: of each word; empty: not known.
[[nodiscard]] std::vector<flag_word> flags_of(const std::vector<std::string>& words,
                                              const std::vector<unsigned>& lines = {});

// The value of the last of that name; nullptr when there is none.
[[nodiscard]] const std::string* find_flag(const std::vector<flag_word>& flags, const std::string& name);

// Flag -> placeholder, for each "--flag", "{placeholder}" of the command.
[[nodiscard]] std::map<std::string, std::string> flags_of_template(const catalog::service_template& service);

// The placeholder that stands in the place of the program; "" where there is none.
[[nodiscard]] std::string program_variable(const catalog::service_template& service);

}  // namespace corral::package
