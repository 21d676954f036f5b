#include "package/scripts/run_script.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::package {

namespace {

constexpr std::size_t most_word_bytes = 64 * 1024;

// Commands after which it is unknown what follows, or where.
constexpr std::array<std::string_view, 28> deciding_words{
    "if",   "then",  "else",   "elif",     "fi", "for",   "while", "until", "do", "done",
    "case", "esac",  "select", "function", "[",  "[[",    "test",  "!",     "{",  "}",
    "cd",   "pushd", "eval",   "source",   ".",  "alias", "trap",  "return"};
// In front of a program; they change nothing about its words.
constexpr std::array<std::string_view, 4> carrying_words{"exec", "nohup", "sudo", "time"};

template <typename List>
bool is_among(const List& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

bool starts_name(char c) {
    return core::is_letter(c) || c == '_';
}
bool goes_on_name(char c) {
    return starts_name(c) || core::is_digit(c);
}

// The length of the variable name that `text` begins with.
std::size_t name_length(std::string_view text) {
    if (text.empty() || !starts_name(text.front())) {
        return 0;
    }
    return static_cast<std::size_t>(std::ranges::find_if_not(text, goes_on_name) - text.begin());
}

struct word {
    std::string text;
    unsigned line = 0;    // where it begins
    bool plain = true;    // no part of it was quoted or put in: it may be a key word
    std::string unknown;  // as in script_command
};

class script_reader {
public:
    explicit script_reader(std::string_view text) : rest_(text) {}

    core::result<std::vector<script_command>> read() {
        if (rest_.starts_with("\xEF\xBB\xBF")) {
            rest_.remove_prefix(3);
        }
        while (!rest_.empty() && !over_ && !wrong_) {
            step();
        }
        end_command();
        if (wrong_) {
            return *std::move(wrong_);
        }
        return std::move(commands_);
    }

private:
    // `why` has a place for the number of the line.
    void fail(core::known_wording<unsigned> why) { fail(core::errc::invalid, core::say(why, line_)); }
    void fail(core::errc code, core::reason why) {
        if (!wrong_) {
            wrong_ = core::make_failure(code, std::move(why));
        }
    }

    [[nodiscard]] bool at(std::string_view what) const { return rest_.starts_with(what); }

    void skip(std::size_t count) {
        const auto gone = rest_.substr(0, count);
        line_ += static_cast<unsigned>(std::ranges::count(gone, '\n'));
        rest_.remove_prefix(gone.size());
    }

    // A line that goes on in the next one.
    bool skip_continuation() {
        if (rest_ == "\\") {  // the last line goes on in nothing
            skip(1);
            return true;
        }
        for (const std::string_view end : {"\\\n", "\\\r\n"}) {
            if (at(end)) {
                skip(end.size());
                return true;
            }
        }
        return false;
    }

    // What stands between two words, or one word.
    void step() {
        if (skip_continuation()) {
            return;
        }
        const char c = rest_.front();
        if (c == ' ' || c == '\t' || at("\r\n")) {
            skip(1);
        } else if (c == '#') {
            skip(std::min(rest_.find('\n'), rest_.size()));
        } else if (c == '\n' || c == ';') {
            end_command();
            skip(1);
        } else if (at("&>")) {
            redirection(2);
        } else if (c == '&') {  // "&&" too: that the first goes well is taken for granted
            end_command();
            skip(at("&&") ? 2 : 1);
        } else if (c == '|') {
            fail("package.script/pipe");
        } else if (c == '(' || c == ')') {
            fail("package.script/function");
        } else if (c == '<' || c == '>') {
            redirection(1);
        } else {
            read_word();
        }
    }

    // "> log.txt", "2>&1": where text goes, not what is started.
    void redirection(std::size_t length) {
        if (at("<<")) {
            fail("package.script/input");
            return;
        }
        skip(length);
        while (!rest_.empty() && (rest_.front() == '>' || rest_.front() == '&' || rest_.front() == ' ')) {
            skip(1);
        }
        word target;
        fill(target);
    }

    void read_word() {
        word found;
        found.line = line_;
        fill(found);
        const bool descriptor = found.plain && !found.text.empty() && (at(">") || at("<")) &&
                                std::ranges::all_of(found.text, core::is_digit);
        if (wrong_ || descriptor) {
            return;
        }
        if (++words_seen_ > most_script_words) {
            fail(core::errc::limit_exceeded, core::say("package.script/words", line_, most_script_words));
            return;
        }
        if (words_.empty()) {
            command_line_ = found.line;
        }
        words_.push_back(std::move(found));
    }

    // All that follows up to the end of a word.
    void fill(word& to) {
        while (!rest_.empty() && !wrong_) {
            const char c = rest_.front();
            if (skip_continuation()) {
                continue;
            }
            if (at("\r\n") || std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos) {
                return;
            }
            if (c == '\'') {
                single_quotes(to);
            } else if (c == '"') {
                double_quotes(to);
            } else if (c == '\\') {
                to.plain = false;
                skip(1);
                take(to);
            } else if (c == '$' || c == '`') {
                put_in(to, false);
            } else {
                if (std::string_view("*?[").find(c) != std::string_view::npos ||
                    (c == '~' && to.text.empty())) {
                    unknown(to, "a name with * ? [ or ~, which only a shell can fill in");
                }
                take(to);
            }
        }
    }

    void take(word& to) {
        if (rest_.empty()) {
            return;
        }
        if (rest_.front() == '\0') {
            fail("package.script/zero");
            return;
        }
        append(to, rest_.substr(0, 1));
        skip(1);
    }

    void append(word& to, std::string_view text) {
        if (to.text.size() + text.size() > most_word_bytes) {
            fail(core::errc::limit_exceeded, core::say("package.script/word", line_, most_word_bytes));
            return;
        }
        if (!within(value_bytes_, text.size(), most_script_value_bytes)) {
            return;
        }
        to.text += text;
    }

    // Adds to a sum that is bounded; each variable may be doubled in the next one.
    bool within(std::size_t& sum, std::size_t more, std::size_t most) {
        sum += more;
        if (sum > most) {
            fail(core::errc::limit_exceeded, core::say("package.script/values", line_, most));
        }
        return sum <= most;
    }

    void single_quotes(word& to) {
        to.plain = false;
        skip(1);
        const auto end = rest_.find('\'');
        if (end == std::string_view::npos) {
            fail("package.script/single");
            return;
        }
        const auto inner = rest_.substr(0, end);
        if (inner.find('\0') != std::string_view::npos) {
            fail("package.script/zero");
            return;
        }
        append(to, inner);
        skip(end + 1);
    }

    void double_quotes(word& to) {
        to.plain = false;
        skip(1);
        while (!rest_.empty() && !wrong_) {
            const char c = rest_.front();
            if (c == '"') {
                skip(1);
                return;
            }
            if (skip_continuation()) {
                continue;
            }
            if (c == '$' || c == '`') {
                put_in(to, true);
            } else {
                const bool escapes = c == '\\' && rest_.size() > 1 &&
                                     std::string_view("$`\"\\").find(rest_[1]) != std::string_view::npos;
                skip(escapes ? 1 : 0);
                take(to);
            }
        }
        fail("package.script/double");
    }

    // `why` may hold a name as long as the script; many words may be unknown for the same one.
    void unknown(word& to, const std::string& why) const {
        constexpr std::size_t longest = 200;
        if (to.unknown.empty()) {
            to.unknown = "line " + std::to_string(line_) + ": " + why.substr(0, longest);
        }
    }

    // At '$' or '`'.
    void put_in(word& to, bool quoted) {
        to.plain = false;
        if (at("`") || at("$(")) {
            fail("package.script/output");
            return;
        }
        skip(1);
        const bool braces = at("{");
        const auto name = rest_.substr(braces ? 1 : 0, name_length(rest_.substr(braces ? 1 : 0)));
        const bool closed = !braces || rest_.substr(1 + name.size()).starts_with("}");
        if (name.empty() && !braces && (quoted || rest_.empty()) &&
            (rest_.empty() || std::string_view(" \"\\").find(rest_.front()) != std::string_view::npos)) {
            append(to, "$");  // a dollar and nothing else
            return;
        }
        if (name.empty() || !closed) {
            std::string why = "$";
            why += rest_.substr(0, rest_.empty() ? 0 : 1);
            why += " is known only when the script runs";
            unknown(to, why);
            skip(rest_.empty() || quoted ? 0 : 1);
            return;
        }
        const auto known = variables_.find(std::string(name));
        skip(name.size() + (braces ? 2 : 0));
        if (known == variables_.end()) {
            unknown(to, "$" + std::string(name) + " is not set by the script");
        } else if (!known->second.unknown.empty()) {
            unknown(to, known->second.unknown);
        } else if (!quoted && known->second.text.find_first_of(" \t\n*?[") != std::string::npos) {
            unknown(to, "$" + std::string(name) + " without quotes would become several words");
        } else {
            append(to, known->second.text);
        }
    }

    // "NAME=value", the part before '=' not quoted.
    static std::optional<std::pair<std::string, std::string>> assignment(const word& from) {
        const auto length = name_length(from.text);
        if (length == 0 || length >= from.text.size() || from.text[length] != '=') {
            return std::nullopt;
        }
        return std::pair(from.text.substr(0, length), from.text.substr(length + 1));
    }

    void set(const word& from, std::map<std::string, std::string>* shown_to) {
        if (auto pair = assignment(from)) {
            word value;
            value.text = pair->second;
            value.unknown = from.unknown;
            if (shown_to != nullptr && from.unknown.empty()) {
                (*shown_to)[pair->first] = pair->second;
            }
            variables_[pair->first] = std::move(value);
        }
    }

    [[nodiscard]] std::size_t exported_bytes() const {
        constexpr std::size_t of_entry = 64;
        std::size_t out = 0;
        for (const auto& [name, value] : exported_) {
            out += name.size() + value.size() + of_entry;
        }
        return out;
    }

    void end_command() {
        std::vector<word> words = std::exchange(words_, {});
        if (words.empty() || wrong_) {
            return;
        }
        script_command out;
        out.line = command_line_;
        auto at_word = words.begin();
        while (at_word != words.end() && assignment(*at_word)) {
            ++at_word;
        }
        if (at_word == words.end()) {
            std::ranges::for_each(words, [this](const word& one) { set(one, nullptr); });
            return;
        }
        if (!within(environment_bytes_, exported_bytes(), most_script_environment_bytes)) {
            return;
        }
        out.environment = exported_;
        for (auto each = words.begin(); each != at_word; ++each) {
            auto pair = assignment(*each);
            out.environment[pair->first] = pair->second;
        }
        while (std::next(at_word) != words.end() && at_word->plain &&
               is_among(carrying_words, at_word->text)) {
            ++at_word;
        }
        words.erase(words.begin(), at_word);
        finish(std::move(out), words);
    }

    void finish(script_command out, const std::vector<word>& words) {
        const word& first = words.front();
        if (first.plain && is_among(deciding_words, first.text)) {
            fail(core::errc::invalid, core::say("package.script/follows", line_, first.text));
            return;
        }
        if (first.plain && first.text == "export") {
            std::for_each(std::next(words.begin()), words.end(),
                          [this](const word& one) { set(one, &exported_); });
            return;
        }
        if (first.plain && first.text == "exit") {
            over_ = true;
            return;
        }
        for (const word& one : words) {
            out.words.push_back(one.text);
            out.lines.push_back(one.line);
            out.unknown = out.unknown.empty() ? one.unknown : out.unknown;
        }
        commands_.push_back(std::move(out));
    }

    std::string_view rest_;
    unsigned line_ = 1;
    unsigned command_line_ = 1;
    std::size_t words_seen_ = 0;
    std::size_t value_bytes_ = 0;
    std::size_t environment_bytes_ = 0;
    bool over_ = false;
    std::vector<word> words_;  // of the command at hand
    std::map<std::string, word> variables_;
    std::map<std::string, std::string> exported_;
    std::vector<script_command> commands_;
    std::optional<core::failure> wrong_;
};

}  // namespace

core::result<std::vector<script_command>> parse_run_script(std::string_view text) {
    if (text.size() > most_script_bytes) {
        return core::make_failure(core::errc::limit_exceeded, core::say("package.script/large"));
    }
    return script_reader(text).read();
}

}  // namespace corral::package
