#include "cli/terminal.hpp"
#include "corral/core/utf8.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr unsigned least_columns = 20;
constexpr unsigned usual_columns = 80;
constexpr char escape = '\x1b';

const char* code_of(colour in) {
    // red, green, yellow, blue, magenta, cyan, bold, faint
    static constexpr std::array codes{"31", "32", "33", "34", "35", "36", "1", "2"};
    static_assert(codes.size() == static_cast<std::size_t>(colour::faint) + 1);
    return codes[static_cast<std::size_t>(in)];
}

std::string cut_line(std::string_view line, unsigned columns) {
    std::string out;
    unsigned used = 0;
    bool painted_now = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == escape) {
            const std::size_t end = std::min(line.find('m', i), line.size() - 1);
            out.append(line.substr(i, end - i + 1));
            painted_now = true;
            i = end;
            continue;
        }
        if (!core::continues_character(line[i]) && ++used > columns) {
            break;
        }
        out += line[i];
    }
    return painted_now ? out + "\x1b[0m" : out;
}

}  // namespace

text_style style_of(int descriptor, const std::map<std::string, std::string>& environment) {
    text_style out;
    const auto value = [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    };
    out.live = ::isatty(descriptor) == 1 && value("TERM") != "dumb";
    out.colour = out.live && value("NO_COLOR").empty();
    winsize size{};
    const bool told = out.live && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    out.columns = std::max<unsigned>(told ? size.ws_col : usual_columns, least_columns);
    return out;
}

std::string painted(std::string_view text, colour in, const text_style& style) {
    return style.colour && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code_of(in), text)
                                         : std::string(text);
}

std::string cut_to(std::string_view text, unsigned columns) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += cut_line(text.substr(0, end), columns) + "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

void live_lines::draw(std::string_view text) {
    if (!style_.live) {
        return;
    }
    std::string out = drawn_ > 0 ? fmt::format("\x1b[{}A\r\x1b[J", drawn_) : std::string();
    const std::string shown = telemetry::printable_page(cut_to(text, style_.columns));
    drawn_ = static_cast<unsigned>(std::ranges::count(shown, '\n'));
    out += shown;
    std::string_view rest = out;
    while (!rest.empty()) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written <= 0 && errno != EINTR) {
            return;  // the terminal has gone, and with it who would read
        }
        rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

}  // namespace corral::cli
