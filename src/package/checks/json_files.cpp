// Text files that a runtime or its tokenizer reads: configuration with keys, and a tokenizer's folder.

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"

#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

using catalog::severity;
using nlohmann::json;

constexpr std::size_t json_bytes = 1024U * 1024;
constexpr std::size_t tail_bytes = 256;
constexpr std::size_t most_files_of_a_folder = 200;

bool has_ending(const std::string& path, std::string_view ending) {
    return path.size() > ending.size() && std::string_view(path).ends_with(ending);
}

// Whole and JSON, judged by its ends where it is too large to be read.
void check_json(examination& subject, const named_file& file, const std::string& value, bool sure) {
    const auto text = file.tree.read(file.path, json_bytes);
    if (!text) {
        return;
    }
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text->find_first_not_of(blanks);
    const bool begins = first != std::string::npos && ((*text)[first] == '{' || (*text)[first] == '[');
    if (!begins) {
        subject.add_fault(fault_kind::not_json, value, file.about.size, {}, sure);
        return;
    }
    const std::uint64_t tail_at = file.about.size > tail_bytes ? file.about.size - tail_bytes : 0;
    const auto tail = file.tree.read(file.path, tail_bytes, tail_at);
    const auto last = tail ? tail->find_last_not_of(blanks) : std::string::npos;
    const char closing = (*text)[first] == '{' ? '}' : ']';
    if (last == std::string::npos || (*tail)[last] != closing) {
        subject.add_fault(fault_kind::cut_json, value, file.about.size, {}, sure);
    } else if (file.about.size <= json_bytes && !json::accept(*text)) {
        subject.add_fault(fault_kind::not_json, value, file.about.size, {}, sure);
    }
}

void check_tokenizer_file(examination& subject, const std::string& path, bool sure) {
    const named_file file{subject.tree, path, subject.tree.look(path)};
    if (!expect_file(subject, file, path, sure)) {
        return;
    }
    const auto kind = kind_of(subject, file, path);
    // Some folders have lists that are empty on purpose.
    const bool may_be_empty = !has_ending(path, ".json") && kind == file_kind::empty;
    if (!kind || may_be_empty || is_failed_download(subject, file, path, *kind, sure)) {
        return;
    }
    if (has_ending(path, ".json")) {
        check_json(subject, file, path, sure);
    }
}

std::vector<std::string> missing_keys(const json& document, const std::vector<std::string>& keys) {
    std::vector<std::string> out;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(out), [&](const std::string& key) {
        return !document.is_object() || !document.contains(key) || document.at(key).is_null();
    });
    return out;
}

std::string listed(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& one : words) {
        out += (out.empty() ? "'" : ", '") + one + "'";
    }
    return out;
}

void check_keys(examination& subject, const catalog::runtime_file& is, const named_file& file) {
    const auto text = file.tree.read(file.path, json_bytes);
    const core::reason fix = core::say("config.malformed/original", shown(is.path));
    if (!text || file.about.size > json_bytes) {
        subject.add(severity::error, core::say("config.malformed/large", named(is.path)), is.broken, fix);
        return;
    }
    const json document = core::parse_json(*text, {.depth = 64, .bytes = json_bytes});
    if (document.is_discarded()) {
        subject.add(severity::error,
                    core::say("config.malformed", core::say("json.malformed", named(is.path))), is.broken,
                    fix);
        return;
    }
    const auto missing = missing_keys(document, is.json_keys);
    if (!missing.empty()) {
        subject.add(severity::error,
                    missing.size() == 1
                        ? core::say("config.keys-missing", named(is.path), listed(missing))
                        : core::say("config.keys-missing/more", named(is.path), listed(missing)),
                    is.broken, fix);
    }
}

}  // namespace

void check_runtime_file(examination& subject, const catalog::runtime_file& is) {
    const named_file file{subject.tree, is.path, subject.tree.look(is.path)};
    if (file.about.kind == node_kind::missing) {
        subject.add(is.optional ? severity::warning : severity::error,
                    core::say("config.missing", core::say("file.missing", named(is.path))), is.missing,
                    fetch_advice(subject, {is.path}, false), is.path);
        return;
    }
    if (!expect_file(subject, file, is.path)) {
        return;
    }
    const auto kind = kind_of(subject, file, is.path);
    if (kind && !is_failed_download(subject, file, is.path, *kind) && !is.json_keys.empty()) {
        check_keys(subject, is, file);
    }
}

void check_tokenizer_folder(examination& subject, const std::string& folder, bool sure) {
    constexpr std::array<std::string_view, 3> endings = {".json", ".txt", ".model"};
    std::size_t left = most_files_of_a_folder;
    for (const auto& one : subject.tree.entries()) {
        const bool inside = folder == "." ? one.path.find('/') == std::string::npos
                                          : one.path.size() > folder.size() && one.path.starts_with(folder) &&
                                                one.path[folder.size()] == '/' &&
                                                one.path.find('/', folder.size() + 1) == std::string::npos;
        const bool text = std::ranges::any_of(
            endings, [&](std::string_view ending) { return has_ending(one.path, ending); });
        // The package's own settings are not a tokenizer's, and one of them is empty on purpose.
        if (inside && text && folder != "." && one.kind != node_kind::folder && left > 0) {
            --left;
            check_tokenizer_file(subject, one.path, sure);
        }
    }
}

void check_left_overs(examination& subject) {
    constexpr std::array<std::string_view, 6> endings = {".incomplete", ".aria2",      ".part",
                                                         ".partial",    ".crdownload", ".download"};
    std::vector<std::string> found;
    for (const auto& one : subject.tree.entries()) {
        const bool left_over = std::ranges::any_of(
            endings, [&](std::string_view ending) { return has_ending(one.path, ending); });
        if (one.kind == node_kind::file && left_over) {
            found.push_back(one.path);
        }
    }
    const bool reported = std::ranges::any_of(
        subject.faults, [](const file_fault& one) { return one.kind == fault_kind::unfinished; });
    if (found.empty() || reported) {
        return;
    }
    subject.add(severity::warning,
                found.size() == 1
                    ? core::say("package.unfinished-download", named(found.front()))
                    : core::say("package.unfinished-download/more", found.size(), named(found.front())));
}

}  // namespace corral::package
