// How the files of a variable stand, all of them together.

#include <algorithm>
#include <utility>

#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

// Short, for a table; a plural takes an 's' where it is a noun.
const char* word_of(fault_kind kind) {
    switch (kind) {
        case fault_kind::missing:
        case fault_kind::broken_link:
            return "missing";
        case fault_kind::lfs_pointer:
            return "LFS pointer";
        case fault_kind::html:
        case fault_kind::hub_error:
        case fault_kind::json:
        case fault_kind::text:
            return "other text";
        case fault_kind::empty:
            return "empty";
        case fault_kind::zeros:
            return "zeros";
        case fault_kind::unfinished:
        case fault_kind::too_small:
        case fault_kind::cut_json:
            return "cut";
        case fault_kind::hole:
            return "with a hole";
        default:
            return "unusable";
    }
}

void note(file_group& to, const char* word, std::string which) {
    auto lot = std::ranges::find(to.faults, std::string(word), &file_group::lot::word);
    if (lot == to.faults.end()) {
        lot = to.faults.insert(to.faults.end(), {word, {}});
    }
    lot->which.push_back(std::move(which));
}

}  // namespace

file_group group_of(examination& subject, const catalog::variable_spec& is,
                    const std::vector<std::string>& paths) {
    file_group out;
    out.variable = is.name;
    out.numbered = is.kind == catalog::variable_kind::numbered_files;
    out.count = paths.size();
    std::vector<std::uint64_t> sizes;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const std::string which = out.numbered ? std::to_string(i) : paths[i];
        const auto fault = std::ranges::find(subject.faults, paths[i], &file_fault::path);
        if (fault != subject.faults.end()) {
            note(out, word_of(fault->kind), which);
            if (fault->kind == fault_kind::lfs_pointer && fault->size != 0) {
                sizes.push_back(fault->size);
            }
            continue;
        }
        const named_file file = locate(subject, paths[i]);
        if (file.about.kind != node_kind::file) {
            note(out, word_of(fault_kind::missing), which);
            continue;
        }
        ++out.whole;
        out.bytes_here += file.about.size;
        sizes.push_back(file.about.size);
    }
    if (!sizes.empty()) {
        // Layers hardly differ; what tells no size has that of the others.
        for (const std::uint64_t size : sizes) {
            out.bytes_all += size;
        }
        const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
        std::nth_element(sizes.begin(), middle, sizes.end());
        out.bytes_all += (paths.size() - sizes.size()) * *middle;
    }
    return out;
}

}  // namespace corral::package
