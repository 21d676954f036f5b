#include "cli/base/help_text.hpp"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

namespace corral::cli {

namespace {

constexpr unsigned text_column = 26;
constexpr unsigned least_room = 20;  // for words beside the first column

std::string wrapped_line(std::string_view line, unsigned columns) {
    if (line.size() <= columns) {
        return std::string(line);
    }
    const std::size_t indent =
        line.starts_with("  ") && columns >= text_column + least_room ? text_column : 0;
    std::string out;
    std::string_view rest = line;
    std::size_t room = columns;
    while (rest.size() > room) {
        std::size_t end = rest.rfind(' ', room);
        if (end == std::string_view::npos || end <= (out.empty() ? indent : 0)) {
            end = rest.find(' ', room);  // a word that is longer than a line stays whole
        }
        if (end == std::string_view::npos) {
            break;
        }
        out += std::string(rest.substr(0, end)) + "\n" + std::string(indent, ' ');
        rest.remove_prefix(std::min(rest.find_first_not_of(' ', end), rest.size()));
        room = columns - indent;
    }
    return out + std::string(rest);
}

class fitting : public CLI::Formatter {
public:
    explicit fitting(unsigned columns) : columns_(columns) { column_width(text_column); }
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        return wrapped_help(Formatter::make_help(app, std::move(name), mode), columns_);
    }

private:
    unsigned columns_;
};

}  // namespace

std::string wrapped_help(std::string_view text, unsigned columns) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += wrapped_line(text.substr(0, end), columns) + "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

void shape_help(CLI::App& program, unsigned columns) {
    program.formatter(std::make_shared<fitting>(columns));
    for (CLI::App* const command : program.get_subcommands({})) {
        command->formatter(program.get_formatter());
        for (CLI::App* const inner : command->get_subcommands({})) {
            inner->formatter(program.get_formatter());
        }
    }
}

}  // namespace corral::cli
