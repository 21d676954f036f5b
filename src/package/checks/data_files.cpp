// Data that a runtime loads: single files and numbered sets.

#include <algorithm>
#include <array>

#include "corral/core/text.hpp"

#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::uint64_t most_numbered = 10'000;
constexpr std::uint64_t largest_factor = 1ULL << 40U;
constexpr std::size_t most_listed = 6;

bool ends_in_one_of(std::string_view name, const std::vector<std::string_view>& endings) {
    return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

// A file whose name promises text, a packed archive or a library may be one.
bool is_promised(const std::string& value, file_kind kind) {
    switch (kind) {
        case file_kind::json:
        case file_kind::text:
        case file_kind::script:
            return ends_in_one_of(value, {".txt", ".json", ".jsonl", ".jinja", ".model", ".cfg", ".conf",
                                          ".ini", ".yaml", ".yml", ".toml", ".md", ".csv", ".py", ".sh"});
        case file_kind::archive:
            return ends_in_one_of(value, {".zip", ".gz", ".tgz", ".tar", ".xz", ".zst", ".7z", ".npz", ".pt",
                                          ".pth", ".bin", ".whl"});
        case file_kind::elf:
            return ends_in_one_of(value, {".so", ".o", ".elf"});
        default:
            return true;
    }
}

bool is_wrong_kind(examination& subject, const std::string& value, file_kind kind) {
    if (is_promised(value, kind)) {
        return false;
    }
    switch (kind) {
        case file_kind::json:
            subject.add_fault(fault_kind::json, value);
            break;
        case file_kind::archive:
            subject.add_fault(fault_kind::archive, value);
            break;
        case file_kind::elf:
            subject.add_fault(fault_kind::program, value);
            break;
        default:
            subject.add_fault(fault_kind::text, value);
            break;
    }
    return true;
}

// A downloader's own file beside it: the download has not ended.
bool is_unfinished(const named_file& file) {
    constexpr std::array endings = {".aria2", ".part", ".partial", ".crdownload", ".incomplete", ".download"};
    return std::ranges::any_of(endings, [&](const char* ending) {
        return file.tree.look(file.path + ending).kind == node_kind::file;
    });
}

// A quarter or more has no place on the disk, and the end is part of it. Files that merely hold many zeros
// are written to their end.
bool was_only_reserved(const named_file& file) {
    return file.about.allocated < file.about.size / 4 * 3 && file.tree.ends_in_hole(file.path);
}

// True when the file is one whose size may be judged.
bool looks_whole(examination& subject, const named_file& file, const std::string& value) {
    if (!expect_file(subject, file, value)) {
        return false;
    }
    const auto kind = kind_of(subject, file, value);
    if (!kind || is_failed_download(subject, file, value, *kind)) {
        return false;
    }
    if (is_unfinished(file)) {
        subject.add_fault(fault_kind::unfinished, value, file.about.size);
        return false;
    }
    if (is_wrong_kind(subject, value, *kind)) {
        return false;
    }
    if (was_only_reserved(file)) {
        subject.add_fault(fault_kind::hole, value, file.about.size,
                          size_words(file.about.allocated) + " of " + size_words(file.about.size));
    }
    return true;
}

bool is_too_small(examination& subject, const named_file& file, const std::string& value,
                  std::uint64_t least) {
    if (file.about.size >= least) {
        return false;
    }
    subject.add_fault(
        fault_kind::too_small, value, file.about.size,
        "it has " + size_words(file.about.size) + ", and at least " + size_words(least) + " are needed");
    return true;
}

// The product of what the profile says; nothing when a factor is not known.
std::optional<std::uint64_t> wanted_size(examination& subject, const catalog::variable_spec& is) {
    std::uint64_t product = 1;
    for (const auto& one : is.bytes) {
        const bool number = one.find_first_not_of("0123456789") == std::string::npos;
        const auto factor =
            number ? std::optional<std::uint64_t>(std::stoull(one)) : number_of(subject, one, largest_factor);
        if (!factor) {
            return std::nullopt;
        }
        if (*factor != 0 && product > UINT64_MAX / *factor) {
            subject.add(severity::error, core::say("variable.absurd/sizes", core::joined(is.bytes, " x ")),
                        "", core::say("variable.absurd/numbers"));
            return std::nullopt;
        }
        product *= *factor;
    }
    return product;
}

void check_exact_size(examination& subject, const catalog::variable_spec& is, const named_file& file,
                      const std::string& value) {
    const auto wanted = is.bytes.empty() ? std::nullopt : wanted_size(subject, is);
    if (!wanted || *wanted == file.about.size) {
        return;
    }
    const std::string figures = "it has " + std::to_string(file.about.size) + " bytes, and " +
                                core::joined(is.bytes, " x ") + " make " + std::to_string(*wanted);
    if (file.about.size < *wanted) {
        subject.add_fault(fault_kind::too_small, value, file.about.size, figures);
        return;
    }
    subject.add(severity::error, core::say("file.wrong-size", named(value), figures));
}

std::string listed(const std::vector<std::uint64_t>& numbers) {
    std::string out;
    for (std::size_t i = 0; i < std::min(numbers.size(), most_listed); ++i) {
        out += (i == 0 ? "" : ", ") + std::to_string(numbers[i]);
    }
    return out + (numbers.size() > most_listed ? " ..." : "");
}

struct numbered_set {
    std::vector<std::uint64_t> missing;
    std::vector<std::pair<std::string, std::uint64_t>> whole;  // path and size of those that look whole
    std::vector<std::uint64_t> sizes;                          // of these, and what pointers tell
};

void tell_missing(examination& subject, const std::string& pattern, const numbered_set& set,
                  std::uint64_t count) {
    if (set.missing.empty()) {
        return;
    }
    const std::string first = expand_number(pattern, set.missing.front());
    if (set.missing.size() == count) {
        subject.add(severity::error, core::say("layers.none", count, named(pattern)), "",
                    core::say("package.fetch/name", fetch_advice(subject, {}, false)));
        return;
    }
    std::vector<std::string> paths;
    for (const auto number : set.missing) {
        paths.push_back(expand_number(pattern, number));
    }
    const bool one = set.missing.size() == 1;
    const std::string numbers = listed(set.missing);
    subject.add(severity::error,
                one ? core::say("layers.missing", set.missing.size(), count, named(pattern), numbers)
                    : core::say("layers.missing/more", set.missing.size(), count, named(pattern), numbers),
                {}, fetch_advice(subject, paths, false));
}

// The layers of a model hardly differ in size. One of less than half was cut off; a few that are a little
// smaller may be of another kind, as some models have them.
void tell_uneven(examination& subject, numbered_set& set) {
    constexpr std::size_t enough_to_judge = 3;
    constexpr std::size_t few = 8;  // one in so many
    if (set.sizes.size() < enough_to_judge) {
        return;
    }
    const auto middle = set.sizes.begin() + static_cast<std::ptrdiff_t>(set.sizes.size() / 2);
    std::nth_element(set.sizes.begin(), middle, set.sizes.end());
    const std::uint64_t median = *middle;
    std::vector<std::string> smaller;
    std::uint64_t smallest = median;
    for (const auto& [path, size] : set.whole) {
        if (size < median / 2) {
            subject.add_fault(
                fault_kind::too_small, path, size,
                "it has " + size_words(size) + ", and its neighbours have " + size_words(median));
        } else if (size < median - median / 10) {
            smaller.push_back(path);
            smallest = std::min(smallest, size);
        }
    }
    if (!smaller.empty() && smaller.size() <= set.sizes.size() / few + 1) {
        const std::string file = named(smaller.front());
        subject.add(severity::warning,
                    smaller.size() == 1
                        ? core::say("layers.uneven", file, size_words(smallest), size_words(median))
                        : core::say("layers.uneven/more", file, smaller.size() - 1, size_words(smallest),
                                    size_words(median)));
    }
}

// Files of the set beyond its count: the model says too few.
void tell_extra(examination& subject, const std::string& pattern, const std::string& counted_by,
                std::uint64_t count) {
    std::uint64_t extra = 0;
    for (std::uint64_t number = count; number < count + most_numbered; ++number) {
        const node one = subject.tree.look(expand_number(pattern, number));
        if (one.kind != node_kind::file) {
            break;
        }
        ++extra;
    }
    if (extra > 0) {
        subject.add(severity::error,
                    core::say("layers.extra", count + extra, named(pattern), counted_by, count), {},
                    core::say("layers.extra/set", counted_by, count + extra));
    }
}

// The same name but for capital letters, which a copy over another system may have changed.
std::string other_spelling(const examination& subject, const std::string& path) {
    for (const auto& one : subject.tree.entries()) {
        if (one.kind == node_kind::file && core::equal_ignoring_case(one.path, path)) {
            return one.path;
        }
    }
    return {};
}

}  // namespace

void check_file(examination& subject, const catalog::variable_spec& is, const std::string& value) {
    const named_file file = locate(subject, value);
    if (file.about.kind == node_kind::missing) {
        const auto tidy = tidy_name(value);
        const std::string other = tidy ? other_spelling(subject, *tidy) : std::string();
        if (!other.empty()) {
            subject.add(severity::error, core::say("file.other-spelling", named(value), named(other)), "", {},
                        value);
            return;
        }
    }
    if (looks_whole(subject, file, value) && !is_too_small(subject, file, value, is.least_bytes)) {
        check_exact_size(subject, is, file, value);
    }
}

void check_numbered_files(examination& subject, const catalog::variable_spec& is, const std::string& value) {
    if (const auto problem = number_pattern_problem(value); !problem.empty()) {
        subject.add(severity::error, core::say("variable.bad-pattern", is.name, named(value), problem), "");
        return;
    }
    const auto count = number_of(subject, is.count, most_numbered);
    if (!count) {
        return;
    }
    numbered_set set;
    for (std::uint64_t number = 0; number < *count; ++number) {
        const std::string path = expand_number(value, number);
        const named_file file = locate(subject, path);
        if (file.about.kind == node_kind::missing) {
            set.missing.push_back(number);
            continue;
        }
        const std::size_t faults = subject.faults.size();
        if (looks_whole(subject, file, path)) {
            if (!is_too_small(subject, file, path, is.least_bytes)) {
                set.whole.emplace_back(path, file.about.size);
                set.sizes.push_back(file.about.size);
            }
        } else if (subject.faults.size() > faults && subject.faults.back().kind == fault_kind::lfs_pointer) {
            set.sizes.push_back(subject.faults.back().size);
        }
        if (file.about.kind == node_kind::refused || file.about.kind == node_kind::outside) {
            break;  // the pattern itself leads out; once is enough
        }
    }
    tell_missing(subject, value, set, *count);
    tell_uneven(subject, set);
    tell_extra(subject, value, is.count, *count);
}

}  // namespace corral::package
