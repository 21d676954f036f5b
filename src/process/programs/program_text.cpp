#include "process/programs/program_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "process/children/program_path.hpp"

namespace corral::process {

namespace {

constexpr std::string_view lfs_mark = "version https://git-lfs";
constexpr std::string_view lfs_size = "\nsize ";
constexpr std::size_t shown_bytes = 60;

bool is_plain(char letter) {
    return letter >= ' ' && letter <= '~';
}

std::string first_line(std::string_view head) {
    std::string line(head.substr(0, std::min(head.find('\n'), shown_bytes)));
    std::replace_if(
        line.begin(), line.end(), [](char letter) { return !is_plain(letter); }, '?');
    return line;
}

bool looks_like_text(std::string_view head) {
    return std::all_of(head.begin(), head.end(), [](char letter) {
        return is_plain(letter) || letter == '\n' || letter == '\r' || letter == '\t' || (letter & 0x80) != 0;
    });
}

bool looks_like_html(std::string_view head) {
    std::string start(head.substr(0, 1024));
    std::transform(start.begin(), start.end(), start.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    const auto first = start.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    return first != std::string::npos && start[first] == '<' &&
           (start.find("<html") != std::string::npos || start.find("<!doctype") != std::string::npos ||
            start.find("<?xml") != std::string::npos || start.find("<head") != std::string::npos);
}

program_fault explain_pointer(const std::string& path, std::string_view head) {
    std::string size;
    const auto place = head.find(lfs_size);
    if (place != std::string_view::npos) {
        const std::string_view digits = head.substr(place + lfs_size.size());
        size = digits.substr(0, digits.find_first_not_of("0123456789"));
    }
    const std::string missing = size.empty() ? "its content" : "its " + size + " bytes";
    const auto slash = path.rfind('/');
    return {"lfs-pointer", core::say("program.download/lfs", in_quotes(path), missing),
            "run `git lfs install && git lfs pull` in " +
                (slash == std::string::npos ? "." : path.substr(0, slash))};
}

// The words of a "#!" line; the kernel passes everything behind the first as one argument.
std::array<std::string, 2> interpreter_words(std::string_view head) {
    std::string_view line = head.substr(2, head.find('\n') - 2);
    const auto trim = [](std::string_view text) {
        const auto begin = text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) {
            return std::string_view{};
        }
        return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
    };
    line = trim(line);
    const auto blank = std::min(line.find_first_of(" \t"), line.size());
    return {std::string(line.substr(0, blank)), std::string(trim(line.substr(blank)))};
}

}  // namespace

std::optional<program_fault> check_script(const spawn_spec& spec, const std::string& path,
                                          std::string_view head) {
    const auto [interpreter, argument] = interpreter_words(head);
    const std::string advice = "install it, or correct the first line of the script";
    if ((interpreter + argument).find('\r') != std::string::npos) {
        const auto word = core::word_to_paste(path);
        return program_fault{
            "missing-interpreter", core::say("program.kind/windows", in_quotes(path)),
            word ? "run: sed -i 's/\\r$//' " + *word : std::string("write it with the line ends of Linux")};
    }
    if (interpreter.empty() || ::access(seen_from_here(interpreter, spec).c_str(), X_OK) != 0) {
        return program_fault{"missing-interpreter",
                             core::say("program.kind/script", in_quotes(path), in_quotes(interpreter)),
                             advice};
    }
    const bool by_env = interpreter.ends_with("/env") && !argument.empty() && argument.front() != '-' &&
                        argument.find_first_of("= \t") == std::string::npos;
    if (by_env) {
        spawn_spec searched{{argument}, spec.environment, spec.working_directory, spec.stdio};
        if (!find_program(searched)) {
            return program_fault{"missing-interpreter",
                                 core::say("program.kind/path", in_quotes(path), in_quotes(argument)),
                                 advice};
        }
    }
    return std::nullopt;
}

program_fault explain_text(const std::string& path, std::string_view head) {
    const std::string again =
        "fetch the file again, signed in if the source asks for it, and compare its size";
    if (head.empty()) {
        return {"empty", core::say("program.download/empty", in_quotes(path)), again};
    }
    if (head.starts_with(lfs_mark)) {
        return explain_pointer(path, head);
    }
    if (looks_like_html(head)) {
        return {"not-a-program", core::say("program.download/page", in_quotes(path)), again};
    }
    if (looks_like_text(head)) {
        return {"not-a-program", core::say("program.kind/text", in_quotes(path), in_quotes(first_line(head))),
                again};
    }
    return {"not-a-program", core::say("program.kind/unknown", in_quotes(path)), again};
}

}  // namespace corral::process
