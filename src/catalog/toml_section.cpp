#include "corral/catalog/toml_section.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::catalog {

namespace {

using text_node = toml::value<std::string>;

std::string type_name(const toml::node& found) {
    switch (found.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "a whole number";
        case toml::node_type::floating_point:
            return "a decimal number";
        case toml::node_type::boolean:
            return "true or false";
        default:
            return "a date or time";
    }
}

std::string in_quotes(std::string_view key) {
    return "'" + std::string(key) + "'";
}

std::string toml_text(const std::string& text) {
    std::ostringstream out;
    out << toml::value<std::string>(text);
    return out.str();
}

std::string list_text(const std::vector<std::string>& of) {
    std::vector<std::string> out;
    for (const std::string& one : of) {
        out.push_back(toml_text(one));
    }
    return "[" + core::joined(out) + "]";
}

std::string number_text(double value) {
    std::string out = std::to_string(value);
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) {
        out.pop_back();
    }
    return out;
}

struct bare_value {
    std::string key;
    bool flag = false;  // it looks like true or false
};

bool is_like_flag(std::string_view value) {
    constexpr std::array<std::string_view, 6> words{"true", "false", "yes", "no", "on", "off"};
    const std::string word = core::lower_case(core::trimmed(value.substr(0, value.find('#'))));
    return std::ranges::find(words, word) != words.end();
}

// Of a line that sets its key to a bare text, which TOML takes for a number or a word of its own; without a key: none.
bare_value find_bare_value(std::string_view text, std::size_t line) {
    for (std::size_t i = 1; i < line && !text.empty(); ++i) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    text = text.substr(0, text.find('\n'));
    const std::size_t equals = text.find('=');
    const std::string_view key = core::trimmed(text.substr(0, equals));
    const std::string_view value =
        core::trimmed(equals == std::string_view::npos ? "" : text.substr(equals + 1));
    const bool number = value.find_first_not_of("0123456789+-_. ") == std::string_view::npos &&
                        std::ranges::count(value, '.') < 2;
    if (key.empty() || value.empty() || number || value == "true" || value == "false" ||
        std::string_view("\"'[{#").find(value.front()) != std::string_view::npos) {
        return {};
    }
    return {std::string(key), is_like_flag(value)};
}

}  // namespace

void issue_list::add(const toml::source_region& where, core::reason message) {
    const auto line = static_cast<std::uint32_t>(where.begin.line);
    found_.push_back({file_, line, static_cast<std::uint32_t>(where.begin.column), std::move(message)});
}

std::vector<diagnostic> issue_list::take() {
    std::ranges::stable_sort(found_, [](const diagnostic& a, const diagnostic& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return std::exchange(found_, {});
}

std::optional<toml::table> parse_toml_text(std::string_view text, issue_list& issues) {
    auto parsed = core::parse_toml(text, issues.file());
    if (auto* wrong = std::get_if<core::toml_error>(&parsed)) {
        toml::source_region where;
        where.begin = {static_cast<toml::source_index>(wrong->line),
                       static_cast<toml::source_index>(wrong->column)};
        const auto [key, flag] = find_bare_value(text, wrong->line);
        issues.add(where, key.empty() ? core::say("configuration.not-toml/toml", wrong->message)
                          : flag      ? core::say("configuration.not-toml/flag", key, wrong->message)
                                      : core::say("configuration.not-toml/quotes", key, wrong->message));
        return std::nullopt;
    }
    return std::get<toml::table>(std::move(parsed));
}

std::optional<toml::table> parse_toml_file(const std::filesystem::path& path, issue_list& issues) {
    const auto text = read_toml_text(path, issues);
    return text ? parse_toml_text(*text, issues) : std::nullopt;
}

std::optional<std::string> read_toml_text(const std::filesystem::path& path, issue_list& issues) {
    constexpr std::size_t largest = 1024 * 1024;
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::is_regular_file(status)) {
        const bool there = std::filesystem::exists(status);
        const bool closed = error == std::errc::permission_denied;
        std::error_code no_link;
        const auto target = std::filesystem::read_symlink(path, no_link);
        issues.add({}, there      ? core::say("configuration.no-file/file")
                       : closed   ? core::say("configuration.unreadable/closed", error)
                       : !no_link ? core::say("configuration.no-file/link", target)
                                  : core::say("configuration.no-file/name", error));
        return std::nullopt;
    }
    std::ifstream in(path, std::ios::binary);
    std::string text(largest + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    if (in.bad() || (text.empty() && !in.eof())) {
        issues.add({}, core::say("configuration.unreadable/sudo"));
        return std::nullopt;
    }
    if (text.size() > largest) {
        issues.add({}, core::say("configuration.unreadable/large"));
        return std::nullopt;
    }
    return text;
}

void section::tell_default(std::string_view key, std::string value) const {
    (*issues_->defaults())(issues_->file(), path_ + std::string(key), std::move(value));
}

const toml::node* section::ask(std::string_view key) {
    asked_.emplace_back(key);
    return table_->get(key);
}

void section::wrong_type(std::string_view key, const toml::node& found, std::string_view wanted) {
    complain(found.source(),
             core::say("configuration.wrong-type/plain", in_quotes(key), wanted, type_name(found)));
}

template <typename Node>
const Node* section::taken(std::string_view key, std::string_view wanted) {
    const toml::node* found = ask(key);
    const Node* out = found == nullptr ? nullptr : found->as<Node>();
    if (found != nullptr && out == nullptr) {
        wrong_type(key, *found, wanted);
    }
    return out;
}

bool section::text(std::string_view key, std::string& out, bool required) {
    if (watched(key)) {
        tell_default(key, toml_text(out));
    }
    const auto* value = taken<text_node>(key, "a string");
    if (required && !has(key)) {
        complain(place(), core::say("configuration.missing-key/missing-2", in_quotes(key), name_));
    }
    if (value == nullptr) {
        return false;
    }
    if (required && value->get().empty()) {
        complain(value->source(), core::say("configuration.wrong-type/empty", in_quotes(key)));
    } else if (value->get().find('\0') != std::string::npos) {
        complain(value->source(), core::say("configuration.wrong-type/hold", in_quotes(key)));
    } else {
        out = value->get();
        return true;
    }
    return false;
}

void section::text_or_number(std::string_view key, std::string& out) {
    const auto found = table_->find(key);
    if (found != table_->end() && found->second.is_integer()) {
        static_cast<void>(ask(key));
        out = std::to_string(found->second.as_integer()->get());
    } else {
        text(key, out);
    }
}

void section::flag(std::string_view key, bool& out) {
    if (watched(key)) {
        tell_default(key, out ? "true" : "false");
    }
    if (const auto* value = taken<toml::value<bool>>(key, "true or false")) {
        out = value->get();
    }
}

std::optional<std::int64_t> section::whole(std::string_view key, std::int64_t least, std::int64_t most) {
    const auto* value = taken<toml::value<std::int64_t>>(key, "a whole number");
    if (value == nullptr) {
        return std::nullopt;
    }
    if (value->get() < least || value->get() > most) {
        complain(value->source(),
                 core::say("configuration.out-of-range/between", in_quotes(key), std::to_string(least),
                           std::to_string(most), std::to_string(value->get())));
        return std::nullopt;
    }
    return value->get();
}

void section::number(std::string_view key, double& out, double least, double most) {
    if (watched(key)) {
        tell_default(key, number_text(out));
    }
    const toml::node* found = ask(key);
    if (found == nullptr) {
        return;
    }
    const auto value = found->is_number() ? found->value<double>() : std::nullopt;
    if (!value) {
        wrong_type(key, *found, "a number");
    } else if (!(*value >= least && *value <= most)) {
        complain(found->source(), core::say("configuration.out-of-range/between", in_quotes(key),
                                            number_text(least), number_text(most), number_text(*value)));
    } else {
        out = *value;
    }
}

void section::duration(std::string_view key, core::milliseconds& out, core::milliseconds least,
                       core::milliseconds most) {
    if (watched(key)) {
        tell_default(key, toml_text(duration_text(out)));
    }
    const auto* value = taken<text_node>(key, "a duration in quotes such as \"500ms\" or \"2m\"");
    if (value == nullptr) {
        return;
    }
    const auto span = parse_duration(value->get());
    if (!span) {
        complain(value->source(),
                 core::say("configuration.not-a-duration/duration", in_quotes(key), value->get()));
    } else if (*span < least || *span > most) {
        complain(value->source(), core::say("configuration.out-of-range/between", in_quotes(key),
                                            duration_text(least), duration_text(most), duration_text(*span)));
    } else {
        out = *span;
    }
}

void section::texts(std::string_view key, std::vector<std::string>& out, bool may_hold_empty) {
    if (watched(key)) {
        tell_default(key, list_text(out));
    }
    const auto* list = taken<toml::array>(key, "an array of strings");
    if (list == nullptr) {
        return;
    }
    std::vector<std::string> values;
    for (const auto& element : *list) {
        const auto* value = element.as_string();
        if (value == nullptr) {
            wrong_type(key, element, "an array of strings");
        } else if (value->get().find('\0') != std::string::npos) {
            complain(element.source(), core::say("configuration.wrong-type/hold", in_quotes(key)));
        } else if (value->get().empty() && !may_hold_empty) {
            complain(element.source(), core::say("configuration.wrong-type/text", in_quotes(key)));
        } else {
            values.push_back(value->get());
        }
    }
    out = std::move(values);
}

void section::texts_or_numbers(std::string_view key, std::vector<std::string>& out) {
    if (watched(key)) {
        tell_default(key, list_text(out));
    }
    const auto* list = taken<toml::array>(key, "an array of strings or whole numbers");
    if (list == nullptr) {
        return;
    }
    std::vector<std::string> values;
    for (const auto& element : *list) {
        if (const auto* number = element.as_integer()) {
            values.push_back(std::to_string(number->get()));
        } else if (const auto* text = element.as_string()) {
            values.push_back(text->get());
        } else {
            wrong_type(key, element, "an array of strings or whole numbers");
        }
    }
    out = std::move(values);
}

void section::text_map(std::string_view key, std::map<std::string, std::string>& out) {
    const auto* map = taken<toml::table>(key, "a table of strings");
    if (map == nullptr) {
        return;
    }
    for (const auto& [name, value] : *map) {
        if (const auto* text = value.as_string()) {
            if (text->get().find('\0') != std::string::npos) {
                complain(value.source(), core::say("configuration.wrong-type/hold", in_quotes(name.str())));
            } else {
                out[std::string(name.str())] = text->get();
            }
        } else if (const auto* whole_number = value.as_integer()) {
            out[std::string(name.str())] = std::to_string(whole_number->get());
        } else if (value.is_floating_point()) {
            wrong_type(name.str(), value, "a string or a whole number");
        } else {
            complain(value.source(), core::say("configuration.wrong-type/whole", in_quotes(name.str())));
        }
    }
}

void section::choice(std::string_view key, std::string& out, const std::vector<std::string>& choices) {
    if (watched(key)) {
        tell_default(key, toml_text(out));
    }
    const auto* value = taken<text_node>(key, "a string");
    if (value == nullptr) {
        return;
    }
    if (std::ranges::find(choices, value->get()) == choices.end()) {
        const auto meant = nearest(value->get(), choices);
        complain(
            value->source(),
            core::say("configuration.not-one-of/one", in_quotes(key), core::joined(choices), value->get(),
                      (meant.empty() ? std::string() : "; did you mean '" + meant + "'?")));
    } else {
        out = value->get();
    }
}

std::optional<section> section::table(std::string_view key) {
    if (const auto* inner = taken<toml::table>(key, "a table")) {
        return section(*inner, "[" + std::string(key) + "]", *issues_, path_ + std::string(key) + ".");
    }
    if (watched(key)) {
        static const toml::table nothing;
        return section(nothing, "[" + std::string(key) + "]", *issues_, path_ + std::string(key) + ".");
    }
    return std::nullopt;
}

std::vector<section> section::tables(std::string_view key) {
    std::vector<section> out;
    const auto* list = taken<toml::array>(key, "an array of tables");
    if (list == nullptr) {
        return out;
    }
    for (const auto& element : *list) {
        if (const auto* inner = element.as_table()) {
            out.emplace_back(*inner, "[[" + std::string(key) + "]]", *issues_,
                             path_ + std::string(key) + "[" + std::to_string(out.size()) + "].");
        } else {
            wrong_type(key, element, "an array of tables");
        }
    }
    return out;
}

std::vector<std::pair<std::string, section>> section::named_tables() {
    std::vector<std::pair<std::string, section>> out;
    for (const auto& [key, value] : *table_) {
        asked_.emplace_back(key.str());
        if (const auto* inner = value.as_table()) {
            out.emplace_back(key.str(), section(*inner, "[" + std::string(key.str()) + "]", *issues_,
                                                path_ + std::string(key.str()) + "."));
        } else {
            wrong_type(key.str(), value, "a table");
        }
    }
    return out;
}

toml::source_region section::place(std::string_view key) const {
    const toml::node* found = table_->get(key);
    return found == nullptr ? table_->source() : found->source();
}

toml::source_region section::place(std::string_view key, std::size_t index) const {
    const toml::node* found = table_->get(key);
    const auto* list = found == nullptr ? nullptr : found->as_array();
    const toml::node* element = list == nullptr ? nullptr : list->get(index);
    return element == nullptr ? place(key) : element->source();
}

void section::finish() {
    std::ranges::sort(asked_);
    asked_.erase(std::unique(asked_.begin(), asked_.end()), asked_.end());
    for (const auto& [key, value] : *table_) {
        const std::string name(key.str());
        if (std::ranges::binary_search(asked_, name)) {
            continue;
        }
        const std::string meant = nearest(name, asked_);
        complain(key.source(),
                 meant.empty()
                     ? core::say("configuration.unknown-key/valid", name, name_, core::joined(asked_))
                     : core::say("configuration.unknown-key/meant", name, name_, meant));
    }
}

}  // namespace corral::catalog
