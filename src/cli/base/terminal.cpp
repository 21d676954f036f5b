#include "cli/base/terminal.hpp"

#include <algorithm>
#include <cerrno>
#include <iostream>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "corral/core/utf8.hpp"
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

std::string wrap_line(std::string_view line, unsigned columns) {
    constexpr unsigned further = 4;
    const auto begin = static_cast<unsigned>(std::min(line.find_first_not_of(' '), line.size()));
    const std::string indent(std::min(begin + further, columns / 2), ' ');
    std::string out(line.substr(0, begin));
    unsigned used = begin;
    bool first = true;
    for (std::string_view rest = line.substr(begin); !rest.empty();) {
        const auto blanks = std::min(rest.find_first_not_of(' '), rest.size());
        const auto end = std::min(rest.find(' ', blanks), rest.size());
        const std::string_view word = rest.substr(blanks, end - blanks);
        const unsigned wide = columns_of(word);
        if (!first && used + blanks + wide > columns) {
            out += '\n' + indent;
            used = static_cast<unsigned>(indent.size());
        } else {
            out.append(blanks, ' ');
            used += static_cast<unsigned>(blanks);
        }
        out += word;
        used += wide;
        first = false;
        rest.remove_prefix(end);
    }
    return out;
}

constexpr std::size_t most_held = 64 * 1024;

// Bytes at the end of `text` that may be the beginning of a character.
std::size_t unfinished(std::string_view text) {
    constexpr std::size_t longest = 3;
    for (std::size_t back = 1; back <= std::min(longest, text.size()); ++back) {
        if (core::next_utf8(text.substr(text.size() - back)).kind == core::utf8_kind::cut_short) {
            return back;
        }
    }
    return 0;
}

}  // namespace

unsigned columns_of(std::string_view text) {
    unsigned out = 0;
    while (!text.empty()) {
        std::size_t taken = 1;
        if (text.front() == escape) {
            taken = std::min(text.find('m'), text.size() - 1) + 1;
        } else {
            const core::utf8_step step = core::next_utf8(text);
            out += step.kind == core::utf8_kind::whole ? character_width(step.point) : 1;
            taken = step.length;
        }
        text.remove_prefix(taken);
    }
    return out;
}

text_style style_of(int descriptor, const std::map<std::string, std::string>& environment) {
    text_style out;
    const auto value = [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    };
    out.live = ::isatty(descriptor) == 1 && value("TERM") != "dumb";
    out.colour = out.live && value("NO_COLOR").empty();
    winsize size{};
    const bool sized = out.live && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    out.columns = std::max<unsigned>(sized ? size.ws_col : usual_columns, least_columns);
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

std::string wrapped(std::string_view text, const text_style& style) {
    if (!style.live) {
        return std::string(text);
    }
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        out += columns_of(line) <= style.columns ? std::string(line) : wrap_line(line, style.columns);
        out += end < text.size() ? "\n" : "";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

void write_raw(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written <= 0 && errno != EINTR) {
            return;  // the terminal has gone, and with it who would read
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

bool is_agreed(const char* question) {
    std::cerr << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

void live_lines::draw(std::string_view text) {
    if (!style_.live) {
        return;
    }
    std::string out = drawn_ > 0 ? fmt::format("\x1b[{}A\r\x1b[J", drawn_) : std::string();
    const std::string shown = telemetry::printable_page(cut_to(text, style_.columns));
    drawn_ = static_cast<unsigned>(std::ranges::count(shown, '\n'));
    out += shown;
    write_raw(descriptor_, out);
}

visible_stream::visible_stream(std::ostream& stream) : stream_(stream), below_(stream.rdbuf(this)) {}

visible_stream::visible_stream(std::ostream& stream, const text_style& style) : visible_stream(stream) {
    style_ = style;
    if (style.live) {
        stream.unsetf(std::ios::unitbuf);  // or each part of a line would go by itself
    }
}

visible_stream::~visible_stream() {
    write_out(true);
    below_->pubsync();
    stream_.rdbuf(below_);
}

visible_stream::int_type visible_stream::overflow(int_type letter) {
    if (traits_type::eq_int_type(letter, traits_type::eof())) {
        return traits_type::not_eof(letter);
    }
    const char one = traits_type::to_char_type(letter);
    return xsputn(&one, 1) == 1 ? letter : traits_type::eof();
}

std::streamsize visible_stream::xsputn(const char* text, std::streamsize length) {
    held_.append(text, static_cast<std::size_t>(length));
    const bool goes =
        held_.size() >= most_held ||
        std::string_view(text, static_cast<std::size_t>(length)).find('\n') != std::string_view::npos;
    return !goes || write_out(false) ? length : 0;
}

int visible_stream::sync() {
    return write_out(false) && below_->pubsync() == 0 ? 0 : -1;
}

std::string visible_stream::dressed(std::string_view text) const {
    if (!style_.live) {
        return std::string(text);
    }
    static constexpr std::array<std::pair<std::string_view, colour>, 3> heads{
        {{"error:", colour::red}, {"left out:", colour::red}, {"warning:", colour::yellow}}};
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end);
        for (const auto& [head, paint] : heads) {
            if (line.starts_with(head)) {
                out += painted(head, paint, style_);
                line.remove_prefix(head.size());
            }
        }
        out += line;
    }
    return wrapped(out, style_);
}

bool visible_stream::write_out(bool all) {
    const std::size_t kept = all ? 0 : unfinished(held_);
    const std::string shown =
        dressed(telemetry::printable_page(std::string_view(held_).substr(0, held_.size() - kept)));
    held_.erase(0, held_.size() - kept);
    const auto length = static_cast<std::streamsize>(shown.size());
    return below_->sputn(shown.data(), length) == length;
}

std::string word_wrapper::take(std::string_view piece) {
    const std::string all = std::exchange(unfinished_, {}) + std::string(piece);
    std::string out;
    for (std::string_view rest = all; !rest.empty();) {
        const core::utf8_step step = core::next_utf8(rest);
        if (step.kind == core::utf8_kind::cut_short) {
            unfinished_ = rest;
            break;
        }
        const std::string_view character = rest.substr(0, step.length);
        rest.remove_prefix(step.length);
        if (character == "\n") {
            out += '\n';
            used_ = word_wide_ = 0;
            word_.clear();
        } else if (character == "\t") {
            put(out, " ", 1);
        } else if (step.kind == core::utf8_kind::whole && core::is_printable(step.point)) {
            put(out, character, character_width(step.point));
        }
    }
    return out;
}

void word_wrapper::put(std::string& out, std::string_view character, unsigned wide) {
    if (character == " ") {
        word_.clear();
        word_wide_ = 0;
        if (used_ < columns_) {  // none at the end of a line
            out += ' ';
            ++used_;
        }
        return;
    }
    if (used_ + wide > columns_) {
        // A word that is as wide as the line is broken where it stands.
        const bool moved = word_wide_ > 0 && word_wide_ < used_;
        out += moved ? fmt::format("\x1b[{}D\x1b[K\n{}", word_wide_, word_) : "\n";
        used_ = moved ? word_wide_ : 0;
        if (!moved) {
            word_.clear();
            word_wide_ = 0;
        }
    }
    out += character;
    used_ += wide;
    word_ += character;
    word_wide_ += wide;
}

}  // namespace corral::cli
