#include "cli/connect/json_merge.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/utf8.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

struct text_edit {
    std::size_t at = 0;
    std::size_t removed = 0;
    std::string added;
};

struct child_span {
    std::string key;  // of a member
    std::size_t begin = 0;
    std::size_t end = 0;
};

struct container_span {
    std::size_t open = 0;
    std::size_t close = 0;
    std::vector<child_span> children;
};

std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        at += text[at] == '\\' ? 1 : 0;
    }
    return std::min(at + 1, text.size());
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = core::character_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

// Plain JSON of the same length beside the text as it is, so that a place in one is the same place in the other.
class merging {
public:
    explicit merging(std::string_view text) : text_(text), plain_(text) {
        if (text_.starts_with(byte_order_mark)) {
            blank(0, byte_order_mark.size());
        }
        blank_comments();
        blank_trailing_commas();
        new_line_ = text_.find("\r\n") == std::string::npos ? "\n" : "\r\n";
    }

    core::result<std::string> run(const json& addition) {
        if (!is_utf8(text_)) {
            return core::make_failure(core::errc::invalid, core::say("connect.merge/no-json"));
        }
        const std::size_t root = plain_.find_first_not_of(blanks);
        if (root == std::string::npos) {
            const bool ends = text_.empty() || text_.ends_with('\n') || text_ == byte_order_mark;
            return text_ + (ends ? "" : new_line_) + written(addition, "") + new_line_;
        }
        if (core::parse_json<json>(plain_).is_discarded()) {
            return core::make_failure(core::errc::invalid, core::say("connect.merge/no-json"));
        }
        if (!merge(root, addition)) {
            return core::make_failure(core::errc::invalid, core::say("connect.merge/other-kind", clash_));
        }
        return edited();
    }

private:
    void blank(std::size_t begin, std::size_t end) {
        std::replace_if(
            plain_.begin() + static_cast<std::ptrdiff_t>(begin),
            plain_.begin() + static_cast<std::ptrdiff_t>(std::min(end, plain_.size())),
            [](char c) { return c != '\n' && c != '\r'; }, ' ');
    }

    void blank_comments() {
        for (std::size_t at = 0; at < text_.size();) {
            const std::string_view rest = std::string_view(text_).substr(at);
            std::size_t end = at + 1;
            if (rest.starts_with('"')) {
                end = end_of_string(text_, at);
            } else if (rest.starts_with("//")) {
                end = std::min(text_.find('\n', at), text_.size());
                blank(at, end);
            } else if (rest.starts_with("/*")) {
                const std::size_t found = text_.find("*/", at + 2);
                // One without an end stays, so that the text is no JSON.
                end = found == std::string::npos ? text_.size() : found + 2;
                if (found != std::string::npos) {
                    blank(at, end);
                }
            }
            at = end;
        }
    }

    void blank_trailing_commas() {
        for (std::size_t at = 0; at < plain_.size();) {
            if (plain_[at] == '"') {
                at = end_of_string(plain_, at);
                continue;
            }
            const std::size_t next =
                plain_[at] == ',' ? plain_.find_first_not_of(blanks, at + 1) : plain_.npos;
            const std::size_t before = at == 0 ? plain_.npos : plain_.find_last_not_of(blanks, at - 1);
            if (next != plain_.npos && (plain_[next] == '}' || plain_[next] == ']') &&
                before != plain_.npos &&
                std::string_view("{[,").find(plain_[before]) == std::string_view::npos) {
                plain_[at] = ' ';
                trailing_commas_.push_back(at);
            }
            ++at;
        }
    }

    std::size_t skip_blanks(std::size_t at) const { return plain_.find_first_not_of(blanks, at); }

    // REQUIRES: a value begins there; the text is JSON.
    std::size_t end_of_value(std::size_t at) const {
        if (plain_[at] == '"') {
            return end_of_string(plain_, at);
        }
        if (plain_[at] != '{' && plain_[at] != '[') {
            return std::min(plain_.find_first_of(",]} \t\r\n", at), plain_.size());
        }
        std::size_t depth = 0;
        while (at < plain_.size()) {
            if (plain_[at] == '"') {
                at = end_of_string(plain_, at);
                continue;
            }
            depth += plain_[at] == '{' || plain_[at] == '[' ? 1 : 0;
            depth -= plain_[at] == '}' || plain_[at] == ']' ? 1 : 0;
            ++at;
            if (depth == 0) {
                break;
            }
        }
        return at;
    }

    container_span look_into(std::size_t open) const {
        container_span out{open, end_of_value(open) - 1, {}};
        std::size_t at = skip_blanks(open + 1);
        while (at < out.close) {
            child_span one;
            if (plain_[open] == '{') {
                const std::size_t end = end_of_string(plain_, at);
                one.key = json::parse(plain_.substr(at, end - at)).get<std::string>();
                at = skip_blanks(skip_blanks(end) + 1);  // behind the colon
            }
            one.begin = at;
            one.end = end_of_value(at);
            at = skip_blanks(one.end);
            at = plain_[at] == ',' ? skip_blanks(at + 1) : at;
            out.children.push_back(std::move(one));
        }
        return out;
    }

    bool merge(std::size_t at, const json& addition) {
        const char kind = plain_[at];
        if (addition.is_object() && kind == '{') {
            return merge_object(look_into(at), addition);
        }
        if (addition.is_array() && kind == '[') {
            return merge_list(look_into(at), addition);
        }
        const std::size_t end = end_of_value(at);
        const std::string old = plain_.substr(at, end - at);
        if (old != "null" && (kind == '{' || kind == '[' || addition.is_structured())) {
            return false;
        }
        if (json::parse(old) != addition) {
            edits_.push_back({at, end - at, written(addition, indent_at(at))});
        }
        return true;
    }

    bool merge_object(const container_span& into, const json& addition) {
        std::vector<std::string> missing;
        for (const auto& [key, value] : addition.items()) {
            // Of two members of one name readers take the last.
            const std::string& wanted = key;
            const auto found = std::find_if(into.children.rbegin(), into.children.rend(),
                                            [&wanted](const child_span& one) { return one.key == wanted; });
            if (found == into.children.rend()) {
                const std::string indent = indent_of_children(into);
                missing.push_back(json(key).dump() + ": " + written(value, indent));
            } else if (!merge(found->begin, value)) {
                clash_ = clash_.empty() ? key : key + "." + clash_;
                return false;
            }
        }
        append(into, missing);
        return true;
    }

    bool merge_list(const container_span& into, const json& addition) {
        std::vector<std::string> missing;
        for (const json& value : addition) {
            const auto is_same = [&](const child_span& one) {
                const json there = json::parse(plain_.substr(one.begin, one.end - one.begin));
                const std::string name = core::text_at(value, "name");
                return there == value || (!name.empty() && core::text_at(there, "name") == name);
            };
            const auto found = std::ranges::find_if(into.children, is_same);
            if (found == into.children.end()) {
                missing.push_back(written(value, indent_of_children(into)));
            } else if (!merge(found->begin, value)) {
                return false;
            }
        }
        append(into, missing);
        return true;
    }

    // Behind all that stands in it, comments too.
    void append(const container_span& into, const std::vector<std::string>& values) {
        if (values.empty()) {
            return;
        }
        const std::size_t last = text_.find_last_not_of(blanks, into.close - 1) + 1;
        if (!into.children.empty()) {
            const std::size_t end = into.children.back().end;
            const bool has_comma = std::ranges::any_of(
                trailing_commas_, [&](std::size_t comma) { return comma >= end && comma < into.close; });
            if (!has_comma) {
                edits_.push_back({end, 0, ","});
            }
        }
        const std::string indent = indent_of_children(into);
        std::string added;
        for (const std::string& one : values) {
            added += (added.empty() ? "" : ",") + new_line_ + indent + one;
        }
        const bool closes_here = text_.find('\n', last) >= into.close;
        added += closes_here ? new_line_ + indent_at(into.open) : "";
        edits_.push_back({last, closes_here ? into.close - last : 0, added});
    }

    // Of the line in which that place is.
    std::string indent_at(std::size_t at) const {
        const std::size_t found = at == 0 ? std::string::npos : text_.rfind('\n', at - 1);
        const std::size_t line = found == std::string::npos ? 0 : found + 1;
        const std::size_t end = std::min(text_.find_first_not_of(" \t", line), at);
        return text_.substr(line, end - line);
    }

    std::string indent_of_children(const container_span& of) const {
        const std::size_t first = skip_blanks(of.open + 1);
        const std::size_t line = text_.rfind('\n', first);
        if (first < of.close && line != std::string::npos && line > of.open) {
            return indent_at(first);
        }
        const std::string own = indent_at(of.open);
        return own + (own.starts_with('\t') ? "\t" : "  ");
    }

    std::string written(const json& value, const std::string& indent) const {
        std::string out;
        for (const char c : value.dump(2)) {
            out += c == '\n' ? new_line_ + indent : std::string(1, c);
        }
        return out;
    }

    std::string edited() {
        std::ranges::stable_sort(edits_, {}, &text_edit::at);
        std::string out;
        std::size_t at = 0;
        for (const text_edit& one : edits_) {
            out += text_.substr(at, one.at - at) + one.added;
            at = one.at + one.removed;
        }
        return out + text_.substr(at);
    }

    std::string text_;
    std::string plain_;
    std::string new_line_;
    std::vector<std::size_t> trailing_commas_;
    std::vector<text_edit> edits_;
    std::string clash_;
};

}  // namespace

core::result<std::string> merge_json(std::string_view text, const json& addition) {
    return merging(text).run(addition);
}

}  // namespace corral::cli
