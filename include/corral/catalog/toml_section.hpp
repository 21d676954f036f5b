#pragma once
// Strict reading of TOML: every key is asked for by name, type and range; what was not asked for is an error
// that names the nearest valid key. Nothing throws and nothing stops at the first mistake: a file is read to
// its end and all that is wrong with it is in one list.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/core/time.hpp"
#include "corral/core/toml.hpp"

namespace corral::catalog {

// Collects what is wrong with one file.
class issue_list {
public:
    // `defaults`, borrowed: the file is read to learn its defaults. Tables that it does not have are then read as
    // empty ones, so that what else is read from it is not to be used.
    explicit issue_list(std::string file, const default_observer* defaults = nullptr)
        : file_(std::move(file)), defaults_(defaults) {}
    void add(const toml::source_region& where, core::reason message);
    [[nodiscard]] bool empty() const noexcept { return found_.empty(); }
    // In the order of the file.
    [[nodiscard]] std::vector<diagnostic> take();
    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    [[nodiscard]] const default_observer* defaults() const noexcept { return defaults_; }

private:
    std::string file_;
    const default_observer* defaults_;
    std::vector<diagnostic> found_;
};

// The parsed file; nothing, and an issue, when it can't be read (files above 1 MiB are refused) or is not
// TOML.
[[nodiscard]] std::optional<toml::table> parse_toml_file(const std::filesystem::path& path,
                                                         issue_list& issues);
// The text alone.
[[nodiscard]] std::optional<std::string> read_toml_text(const std::filesystem::path& path,
                                                        issue_list& issues);
[[nodiscard]] std::optional<toml::table> parse_toml_text(std::string_view text, issue_list& issues);

// "300ms", "1.5s", "2m", "1h30m"; plain "0" too. Nothing when it is not a duration or does not fit.
[[nodiscard]] std::optional<core::milliseconds> parse_duration(std::string_view text);
// "90s", "5m", "1h30m", "250ms".
[[nodiscard]] std::string duration_text(core::milliseconds span);

// One table while it is read. A reader leaves its target as it was when the key is absent (so the target's
// value is the default) or wrong (an issue is added). `where` in texts for people is the table's own name.
// Borrows table and issues.
class section {
public:
    // `path`: of its keys, such as "pull."; empty: the file's own.
    section(const toml::table& table, std::string name, issue_list& issues, std::string path = {})
        : table_(&table), name_(std::move(name)), issues_(&issues), path_(std::move(path)) {}

    // An absent or empty `required` text is an issue. True: the key is there and its text was taken.
    bool text(std::string_view key, std::string& out, bool required = false);
    // A text, or a whole number kept as text.
    void text_or_number(std::string_view key, std::string& out);
    void flag(std::string_view key, bool& out);
    void number(std::string_view key, double& out, double least, double most);
    void duration(std::string_view key, core::milliseconds& out, core::milliseconds least,
                  core::milliseconds most);
    // Every text not empty unless `may_hold_empty`.
    void texts(std::string_view key, std::vector<std::string>& out, bool may_hold_empty = false);
    // Whole numbers kept as text.
    void texts_or_numbers(std::string_view key, std::vector<std::string>& out);
    // Adds to `out`; values may be texts, whole numbers or booleans and are kept as text.
    void text_map(std::string_view key, std::map<std::string, std::string>& out);
    // One of `choices`, else an issue that names them.
    void choice(std::string_view key, std::string& out, const std::vector<std::string>& choices);

    template <typename Integer>
    void integer(std::string_view key, Integer& out, std::int64_t least, std::int64_t most) {
        static_assert(std::is_integral_v<Integer>);
        if (const auto value = whole(key, least, most)) {
            out = static_cast<Integer>(*value);
        }
        if (watched(key)) {
            tell_default(key, std::to_string(out));
        }
    }

    [[nodiscard]] std::optional<section> table(std::string_view key);
    [[nodiscard]] std::vector<section> tables(std::string_view key);
    // Every sub-table, with its key.
    [[nodiscard]] std::vector<std::pair<std::string, section>> named_tables();

    [[nodiscard]] bool has(std::string_view key) const { return table_->contains(key); }
    // Where to point at: the key's value, or this table when the key is absent.
    [[nodiscard]] toml::source_region place(std::string_view key) const;
    [[nodiscard]] toml::source_region place() const { return table_->source(); }
    // The element of an array, for issues about it.
    [[nodiscard]] toml::source_region place(std::string_view key, std::size_t index) const;
    void complain(const toml::source_region& where, core::reason message) {
        issues_->add(where, std::move(message));
    }

    // Reports every key that was not asked for. Call last.
    void finish();

private:
    [[nodiscard]] const toml::node* ask(std::string_view key);
    // The value of that type; nullptr when absent, and when it is of another, which is then an issue.
    template <typename Node>
    [[nodiscard]] const Node* taken(std::string_view key, std::string_view wanted);
    [[nodiscard]] std::optional<std::int64_t> whole(std::string_view key, std::int64_t least,
                                                    std::int64_t most);
    void wrong_type(std::string_view key, const toml::node& found, std::string_view wanted);
    // The key is absent, and somebody wants to know what counts instead.
    [[nodiscard]] bool watched(std::string_view key) const {
        return issues_->defaults() != nullptr && !has(key);
    }
    void tell_default(std::string_view key, std::string value) const;

    const toml::table* table_;
    std::string name_;
    issue_list* issues_;
    std::string path_;
    std::vector<std::string> asked_;
};

}  // namespace corral::catalog
