#include "completion.hpp"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>

namespace corral::cli {

namespace {

// Where the words have led to.
struct place {
    const CLI::App* at = nullptr;
    const CLI::Option* wants_value = nullptr;  // of the option before
    std::size_t positional = 0;                // so many are there
    bool only_positional = false;              // after "--"
};

std::vector<const CLI::App*> shown_commands(const CLI::App& of) {
    return of.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& of, bool positional) {
    return of.get_options([&](const CLI::Option* one) {
        return one->get_positional() == positional && (positional || !one->get_group().empty());
    });
}

bool takes_value(const CLI::Option& one) {
    return one.get_items_expected_max() > 0;
}

const CLI::Option* find_option(const CLI::App& of, const std::string& word) {
    const std::vector<const CLI::Option*> all = options_of(of, false);
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const CLI::Option* one) { return one->check_name(word); });
    return found == all.end() ? nullptr : *found;
}

void step(place& now, const std::string& word) {
    if (now.wants_value != nullptr) {
        const bool may_be_absent = now.wants_value->get_items_expected_min() == 0;
        now.wants_value = nullptr;
        if (!may_be_absent || !word.starts_with("-")) {
            return;
        }
    }
    if (now.only_positional) {
        ++now.positional;
    } else if (word == "--") {
        now.only_positional = true;
    } else if (word.starts_with("-") && word.size() > 1) {
        const CLI::Option* const option = find_option(*now.at, word);
        now.wants_value = option != nullptr && takes_value(*option) ? option : nullptr;
    } else {
        const auto commands = shown_commands(*now.at);
        const auto found = std::find_if(commands.begin(), commands.end(),
                                        [&](const CLI::App* one) { return one->get_name() == word; });
        if (found != commands.end()) {
            now = {*found, nullptr, 0, false};
        } else {
            ++now.positional;
        }
    }
}

void add_values(completion& out, const CLI::Option& of, const name_source& names) {
    const std::string kind = of.get_type_name();
    if (kind == "FILE") {
        out.files = true;
    } else if (kind == "DIR") {
        out.folders = true;
    } else if (kind == "MODEL" || kind == "SERVICE") {
        for (std::string& name : names(kind)) {
            out.candidates.push_back({std::move(name), {}});
        }
    } else if (kind.find('|') != std::string::npos) {
        for (std::size_t from = 0; from <= kind.size();) {
            const std::size_t end = std::min(kind.find('|', from), kind.size());
            out.candidates.push_back({kind.substr(from, end - from), {}});
            from = end + 1;
        }
    }
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find_first_of("\n\t"));
}

void add_options(completion& out, const CLI::App& of) {
    for (const CLI::Option* one : options_of(of, false)) {
        for (const std::string& name : one->get_lnames()) {
            out.candidates.push_back({"--" + name, first_line(one->get_description())});
        }
        if (one->get_lnames().empty()) {
            for (const std::string& name : one->get_snames()) {
                out.candidates.push_back({"-" + name, first_line(one->get_description())});
            }
        }
    }
}

constexpr std::string_view bash_script = R"(# Completion of corral(1) for bash.
_corral() {
    local line=${COMP_LINE:0:COMP_POINT} words current word head i
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[-1]}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
            :files) compopt -o default 2> /dev/null ;;
            :folders) compopt -o dirnames 2> /dev/null ;;
            *) COMPREPLY+=("$word") ;;
        esac
    done < <("${words[0]}" complete -- "${words[@]:1}" 2> /dev/null)
    # For readline a ':' may begin a new word.
    if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        head=${current%"${current##*:}"}
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"$head"}
        done
    fi
}
complete -F _corral corral
)";

constexpr std::string_view zsh_script = R"(#compdef corral
# Completion of corral(1) for zsh.
_corral() {
    local -a candidates
    local word about
    while IFS=$'\t' read -r word about; do
        case $word in
            :files) _files; return ;;
            :folders) _files -/; return ;;
            *) candidates+=("${word//:/\\:}${about:+:$about}") ;;
        esac
    done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)
    _describe corral candidates
}
if [[ $funcstack[1] == _corral ]]; then
    _corral "$@"
else
    compdef _corral corral
fi
)";

constexpr std::string_view fish_script = R"(# Completion of corral(1) for fish.
function __corral_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2> /dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':folders'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c corral -f -a '(__corral_complete)'
)";

struct shell {
    std::string_view name;
    std::string_view script;
};

constexpr std::array<shell, 3> shells{{
    {"bash", bash_script},
    {"zsh", zsh_script},
    {"fish", fish_script},
}};

}  // namespace

completion complete(const CLI::App& root, const std::vector<std::string>& words, const name_source& names) {
    place now{&root, nullptr, 0, false};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        step(now, words[i]);
    }
    const std::string typed = words.empty() ? std::string() : words.back();
    completion out;
    const bool option_typed = !now.only_positional && typed.starts_with("-");
    if (now.wants_value != nullptr && !option_typed) {
        add_values(out, *now.wants_value, names);
    } else if (option_typed) {
        add_options(out, *now.at);
    } else {
        for (const CLI::App* one : shown_commands(*now.at)) {
            out.candidates.push_back({one->get_name(), first_line(one->get_description())});
        }
        const std::vector<const CLI::Option*> positional = options_of(*now.at, true);
        if (now.positional < positional.size()) {
            add_values(out, *positional[now.positional], names);
        } else if (out.candidates.empty() && !now.only_positional) {
            add_options(out, *now.at);
        }
    }
    std::erase_if(out.candidates, [&](const candidate& one) { return !one.word.starts_with(typed); });
    return out;
}

std::string completion_lines(const completion& found) {
    std::string out;
    for (const candidate& one : found.candidates) {
        out += one.word + (one.about.empty() ? "" : "\t" + one.about) + "\n";
    }
    return out + (found.files ? ":files\n" : found.folders ? ":folders\n" : "");
}

std::optional<std::string_view> completion_script(std::string_view name) {
    const auto found =
        std::find_if(shells.begin(), shells.end(), [&](const shell& one) { return one.name == name; });
    return found == shells.end() ? std::nullopt : std::optional(found->script);
}

}  // namespace corral::cli
