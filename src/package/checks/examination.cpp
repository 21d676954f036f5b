#include <algorithm>
#include <charconv>
#include <utility>

#include "corral/catalog/placeholders.hpp"
#include "corral/process/child.hpp"
#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

}  // namespace

void examination::add(severity level, const core::reason& what, std::optional<std::string> why,
                      std::optional<std::string> fix, const std::string& file) {
    found.push_back(catalog::finding_of(level, what, shown(file), std::move(why), std::move(fix)));
    std::string& text = found.back().what;
    if (!what.id().starts_with("variable.") && text.ends_with('.')) {
        text.insert(text.size() - 1, said_where(model, variable));
    }
}

void examination::add_fault(fault_kind kind, const std::string& path, std::uint64_t size, std::string detail,
                            bool sure) {
    const bool known = std::ranges::any_of(
        faults, [&](const file_fault& one) { return one.kind == kind && one.path == path; });
    if (!known) {
        faults.push_back({kind, path, size, std::move(detail), sure, variable});
    }
}

std::string said_where(const catalog::model_entry& model, const std::string& variable) {
    const auto place = model.said_at.find(variable);
    return place == model.said_at.end()
               ? std::string()
               : " (variable '" + variable + "' in " + shown(place->second, 400) + ")";
}

std::string named(std::string_view text) {
    return "'" + shown(text) + "'";
}

std::optional<named_file> locate_elsewhere(const fs::path& absolute) {
    std::error_code failed;
    const fs::path real = fs::weakly_canonical(absolute, failed);
    const fs::path& path = failed ? absolute : real;
    auto tree = package_tree::open(path.parent_path());
    if (!tree) {
        return std::nullopt;
    }
    const std::string name = path.filename().string();
    node about = tree->look(name);
    return named_file{std::move(*tree), name, std::move(about)};
}

named_file locate(examination& subject, const std::string& value) {
    if (value.starts_with('/')) {
        const fs::path inside =
            fs::path(value).lexically_normal().lexically_relative(subject.tree.folder().lexically_normal());
        const bool below = !inside.empty() && *inside.begin() != ".." && inside != ".";
        if (!below) {
            if (auto elsewhere = locate_elsewhere(value)) {
                return std::move(*elsewhere);
            }
            return {subject.tree, value, node{value, node_kind::missing, {}, {}, {}, {}, {}, {}}};
        }
        const std::string path = inside.generic_string();
        return {subject.tree, path, subject.tree.look(path)};
    }
    return {subject.tree, value, subject.tree.look(value)};
}

bool expect_file(examination& subject, const named_file& file, const std::string& value, bool sure) {
    const node& about = file.about;
    switch (about.kind) {
        case node_kind::file:
            if (!about.readable) {
                subject.add_fault(fault_kind::unreadable, value, about.size, {}, sure);
            }
            return about.readable;
        case node_kind::missing:
            subject.add_fault(fault_kind::missing, value, 0, {}, sure);
            break;
        case node_kind::folder:
            subject.add_fault(fault_kind::folder, value, 0, {}, sure);
            break;
        case node_kind::special:
            subject.add_fault(fault_kind::special, value, 0, {}, sure);
            break;
        case node_kind::outside:
            subject.add_fault(fault_kind::outside, value, 0, about.why, sure);
            break;
        case node_kind::broken_link:
            subject.add_fault(fault_kind::broken_link, value, 0, {}, sure);
            break;
        case node_kind::closed:
            subject.add_fault(fault_kind::unreadable, value, 0, about.why, sure);
            break;
        case node_kind::refused:
            subject.add_fault(fault_kind::refused, value, 0, about.why, sure);
            break;
    }
    return false;
}

std::optional<file_kind> kind_of(examination& subject, const named_file& file, const std::string& value) {
    const auto head = file.tree.read(file.path, kind_bytes);
    if (!head) {
        subject.add_fault(fault_kind::unreadable, value, file.about.size, head.error().message);
        return std::nullopt;
    }
    return find_kind(*head, file.path);
}

bool is_failed_download(examination& subject, const named_file& file, const std::string& value,
                        file_kind kind, bool sure) {
    switch (kind) {
        case file_kind::lfs_pointer: {
            const auto head = file.tree.read(file.path, kind_bytes);
            const auto pointer = head ? parse_lfs_pointer(*head) : std::nullopt;
            subject.add_fault(fault_kind::lfs_pointer, value, pointer ? pointer->size : 0, {}, sure);
            return true;
        }
        case file_kind::html:
            subject.add_fault(fault_kind::html, value, file.about.size, {}, sure);
            return true;
        case file_kind::hub_error: {
            const auto head = file.tree.read(file.path, kind_bytes);
            const std::string text = head ? head->substr(0, head->find_first_of("\r\n")) : std::string();
            subject.add_fault(fault_kind::hub_error, value, file.about.size, shown(text, 80), sure);
            return true;
        }
        case file_kind::empty:
            subject.add_fault(fault_kind::empty, value, 0, {}, sure);
            return true;
        case file_kind::zeros:
            subject.add_fault(fault_kind::zeros, value, file.about.size, {}, sure);
            return true;
        default:
            return false;
    }
}

std::optional<std::uint64_t> number_of(examination& subject, const std::string& name, std::uint64_t most) {
    std::string text;
    if (const auto given = subject.model.variables.find(name); given != subject.model.variables.end()) {
        text = given->second;
    } else if (name == "vocabulary" && subject.model.context.vocabulary != 0) {
        text = std::to_string(subject.model.context.vocabulary);
    } else {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = end == text.data() + text.size() && error != std::errc::invalid_argument;
    if (!whole || text.empty()) {
        subject.add(severity::error, core::say("variable.not-a-number", name, named(text)), "");
        return std::nullopt;
    }
    if (error != std::errc{} || value == 0 || value > most) {
        subject.add(severity::error, core::say("variable.absurd", name, shown(text, 40), most), "");
        return std::nullopt;
    }
    return value;
}

const catalog::service_template* user_of(const catalog::model_entry& model, const std::string& name) {
    const auto& all = model.runtime.services;
    const auto found =
        std::ranges::find_if(all, [&](const auto& service) { return catalog::mentions(service, name); });
    return found == all.end() ? nullptr : &*found;
}

std::map<std::string, std::string> environment_of(const catalog::model_entry& model,
                                                  const catalog::service_template& service) {
    auto out = process::clean_environment();
    // Where another of its words can't be filled in, the environment as it is written is nearer the truth
    // than none.
    const auto words = catalog::expand_service(model, service, catalog::stand_in_ports(model.runtime, 1));
    for (const auto& [name, value] : words ? words->environment : service.environment) {
        out[name] = value;
    }
    return out;
}

std::optional<std::string> advice_for(const catalog::service_template* service, int status) {
    if (service != nullptr) {
        for (const auto& one : service->exits) {
            if (one.status == status && !one.advice.empty()) {
                return one.advice;
            }
        }
    }
    return std::nullopt;
}

// How the files of a variable stand, all of them together.

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
