#include "cli/help/man_page.hpp"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "corral/version.hpp"

namespace corral::cli {

namespace {

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::toupper(c) : c); });
    return text;
}

// What begins code, bold or italic words; empty: nothing does.
std::string_view mark_at(std::string_view text) {
    if (text.starts_with("**")) {
        return "**";
    }
    if (text.starts_with('`')) {
        return "`";
    }
    return text.size() > 1 && text[0] == '*' && text[1] != ' ' ? "*" : "";
}

// Code, bold, italic words and links; what is in between as plain text.
std::string inline_text(std::string_view text) {
    std::string out;
    std::string plain;
    const auto flush = [&] { out += roff_text(std::exchange(plain, {})); };
    while (!text.empty()) {
        const std::string_view mark = mark_at(text);
        const std::size_t end = mark.empty() ? std::string_view::npos : text.find(mark, mark.size());
        if (end != std::string_view::npos) {
            flush();
            const std::string_view inner = text.substr(mark.size(), end - mark.size());
            out += (mark == "*" ? "\\fI" : "\\fB") +
                   (mark == "`" ? roff_text(std::string(inner)) : inline_text(inner)) + "\\fR";
            text.remove_prefix(end + mark.size());
            continue;
        }
        const std::size_t middle = text.starts_with('[') ? text.find("](") : std::string_view::npos;
        const std::size_t close = middle == std::string_view::npos ? middle : text.find(')', middle);
        if (close != std::string_view::npos) {
            flush();
            out += inline_text(text.substr(1, middle - 1));
            text.remove_prefix(close + 1);
            continue;
        }
        plain += text.front();
        text.remove_prefix(1);
    }
    flush();
    return out;
}

std::string trimmed(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    const std::size_t end = text.find_last_not_of(' ');
    return begin >= text.size() ? std::string() : std::string(text.substr(begin, end - begin + 1));
}

// Of "| a | b |"; a bar in code belongs to its cell.
std::vector<std::string> cells_of(std::string_view row) {
    std::vector<std::string> out;
    std::string cell;
    bool code = false;
    for (const char c : row.substr(1)) {
        code = c == '`' ? !code : code;
        if (c == '|' && !code) {
            out.push_back(trimmed(cell));
            cell.clear();
        } else {
            cell += c;
        }
    }
    return out;
}

class converter {
public:
    std::string run(std::string_view markdown) {
        while (!markdown.empty()) {
            const std::size_t end = std::min(markdown.find('\n'), markdown.size());
            line(markdown.substr(0, end));
            markdown.remove_prefix(std::min(end + 1, markdown.size()));
        }
        close();
        return std::move(out_);
    }

private:
    void line(std::string_view text) {
        if (text.starts_with("```")) {
            close();
            out_ += fence_ ? ".fi\n.RE\n" : ".PP\n.RS 4\n.nf\n";
            fence_ = !fence_;
        } else if (fence_) {
            out_ += roff_text(std::string(text)) + "\n";
        } else if (text.empty() || text.starts_with("<!--")) {
            close();
        } else if (text.starts_with('|')) {
            row(text);
        } else if (text.starts_with('#')) {
            close();
            heading(text);
        } else if (text.starts_with("- ") || text.starts_with("* ")) {
            close();
            point_ = true;
            paragraph_ = text.substr(2);
        } else {
            paragraph_ += (paragraph_.empty() ? "" : " ") + trimmed(text);
        }
    }

    void heading(std::string_view text) {
        const std::size_t depth = text.find_first_not_of('#');
        const std::string words = trimmed(text.substr(std::min(depth, text.size())));
        // Several pages may stand one behind another; the first begins the manual's.
        if (depth == 1 && !described_) {
            out_ += ".SH DESCRIPTION\n";
            described_ = true;
        } else {
            out_ +=
                depth <= 2 ? ".SH " + inline_text(upper(words)) + "\n" : ".SS " + inline_text(words) + "\n";
        }
    }

    // The first cell is the term; a column of defaults stands behind its meaning.
    void row(std::string_view text) {
        const std::vector<std::string> cells = cells_of(text);
        if (head_.empty()) {
            close();
            head_ = cells;
            return;
        }
        if (cells.empty() || cells.front().starts_with("--")) {
            return;
        }
        out_ += ".TP\n" + inline_text(cells.front()) + "\n";
        std::string behind;
        std::string words;
        for (std::size_t i = 1; i < cells.size(); ++i) {
            const std::string title = i < head_.size() ? head_[i] : std::string();
            if (title == "default") {
                behind = cells[i].empty() ? std::string() : " Default: " + cells[i] + ".";
            } else if (!cells[i].empty()) {
                const bool named = cells.size() > 2 && title != "meaning";
                words += (words.empty() ? "" : " ") + (named ? title + ": " : "") + cells[i] +
                         (cells[i].ends_with('.') ? "" : ".");
            }
        }
        out_ += inline_text(words + behind) + "\n";
    }

    // "`term` (default `x`): its meaning" is a term with its text; all other points have a bullet.
    static std::string point(const std::string& text) {
        const std::string_view mark = mark_at(text);
        const std::size_t end = mark.empty() ? std::string::npos : text.find(mark, mark.size());
        const std::size_t colon = end == std::string::npos ? end : text.find(": ", end);
        const bool term = colon != std::string::npos && text.find(". ", end) > colon;
        return term
                   ? ".TP\n" + inline_text(text.substr(0, colon)) + "\n" + inline_text(text.substr(colon + 2))
                   : ".IP \\(bu 2\n" + inline_text(text);
    }

    void close() {
        if (!paragraph_.empty()) {
            out_ += (point_ ? point(paragraph_) : ".PP\n" + inline_text(paragraph_)) + "\n";
        }
        paragraph_.clear();
        point_ = false;
        head_.clear();
    }

    std::string out_;
    std::string paragraph_;
    bool point_ = false;             // it is one of a list
    std::vector<std::string> head_;  // of the table that is open
    bool described_ = false;
    bool fence_ = false;
};

}  // namespace

std::string man_page_of(std::string_view markdown, const std::string& name, const std::string& about) {
    return ".\\\" Made by 'corral man' from a page of the documentation.\n.TH " + roff_text(upper(name)) +
           " 5 \"\" \"corral " + std::string(version) + "\" \"Corral\"\n.SH NAME\n" + roff_text(name) +
           " \\- " + roff_text(about) + "\n" + converter().run(markdown) + ".SH SEE ALSO\n.BR corral (1)\n";
}

}  // namespace corral::cli
