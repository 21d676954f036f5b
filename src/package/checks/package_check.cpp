#include "corral/package/package_check.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/text.hpp"
#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

using catalog::finding;
using catalog::finding_of;
using catalog::severity;
using catalog::variable_kind;

constexpr std::uint64_t most_numbered = 10'000;

void check_variable(examination& subject, const catalog::variable_spec& is) {
    const auto given = subject.model.variables.find(is.name);
    // A model whose commands don't use the variable has no file behind it.
    if (given == subject.model.variables.end() || user_of(subject.model, is.name) == nullptr) {
        return;
    }
    const std::string& value = given->second;
    if (is.kind != variable_kind::text && value.empty()) {
        if (is.fallback == "") {
            return;  // it may be without
        }
        subject.add(severity::error, core::say("variable.empty", is.name), is.about);
        return;
    }
    switch (is.kind) {
        case variable_kind::text:
            break;
        case variable_kind::program:
            check_program_file(subject, is, value);
            break;
        case variable_kind::python_script:
            check_python_script(subject, is, value);
            break;
        case variable_kind::file:
            check_file(subject, is, value);
            break;
        case variable_kind::numbered_files:
            check_numbered_files(subject, is, value);
            break;
    }
}

finding unusable_folder(const catalog::model_entry& model, const core::failure& why) {
    const std::string folder = named(model.package.string());
    switch (why.code.value()) {
        case ENOENT:
            return finding_of(severity::error, core::say("package.missing", folder));
        case ENOTDIR:
            return finding_of(severity::error, core::say("package.not-a-folder", folder), {}, "");
        case EACCES:
            return finding_of(severity::error, core::say("package.closed", folder), {}, "");
        default:
            return finding_of(severity::error, core::say("package.unusable", shown(why.message, 400) + "."),
                              {}, "");
    }
}

// The same number is looked at for more than one file.
void drop_repeated(std::vector<finding>& found) {
    std::vector<finding> out;
    for (auto& one : found) {
        if (std::ranges::find(out, one) == out.end()) {
            out.push_back(std::move(one));
        }
    }
    found = std::move(out);
}

// A link that leads out and that the model names is reported already, as an error.
void add_tree_findings(examination& subject) {
    for (const auto& one : subject.tree.findings()) {
        const bool reported = std::ranges::any_of(subject.faults, [](const file_fault& fault) {
            return fault.kind == fault_kind::outside || fault.kind == fault_kind::special;
        });
        const bool same = one.id == "tree.link-outside" || one.id == "tree.special-file";
        if (!reported || !same) {
            subject.found.push_back(one);
        }
    }
}

// "model-00001-of-00003.gguf" stands for all of its parts; any other file for itself.
std::vector<std::string> parts_of(const std::string& path) {
    constexpr std::string_view first = "-00001-of-";
    constexpr std::size_t digits = 5;
    const std::size_t at = path.rfind(first);
    const std::size_t count_at = at + first.size();
    const auto count =
        at == std::string::npos ? std::nullopt : core::whole_number<unsigned>(path.substr(count_at, digits));
    if (!count || *count > most_numbered || path.size() != count_at + digits + 5 ||
        !path.ends_with(".gguf")) {
        return {path};
    }
    std::vector<std::string> out;
    for (unsigned i = 1; i <= *count; ++i) {
        std::string number = std::to_string(i);
        number.insert(0, digits - number.size(), '0');
        out.push_back(path.substr(0, at + 1) + number + path.substr(at + 1 + digits));
    }
    return out;
}

// The files that a variable names; none where that can't be said.
std::vector<std::string> files_of(const catalog::model_entry& model, const catalog::variable_spec& variable) {
    const auto value_of = [&model](const std::string& name) {
        const auto given = model.variables.find(name);
        return given == model.variables.end() ? std::string() : given->second;
    };
    const std::string value = value_of(variable.name);
    if (variable.kind == variable_kind::file) {
        return parts_of(value);
    }
    const auto count = core::whole_number<std::uint64_t>(value_of(variable.count));
    if (!count || *count > most_numbered || !number_pattern_problem(value).empty()) {
        return {};
    }
    std::vector<std::string> out;
    for (std::uint64_t i = 0; i < *count; ++i) {
        out.push_back(expand_number(value, i));
    }
    return out;
}

template <typename Test>
std::uint64_t bytes_of_files(const catalog::model_entry& model, Test counts) {
    const auto tree = package_tree::open(model.package);
    if (!tree) {
        return 0;
    }
    std::uint64_t sum = 0;
    for (const auto& variable : model.runtime.variables) {
        const auto given = model.variables.find(variable.name);
        const bool files =
            variable.kind == variable_kind::file || variable.kind == variable_kind::numbered_files;
        if (!files || !counts(variable) || given == model.variables.end() || given->second.empty()) {
            continue;
        }
        const std::vector<std::string> named = files_of(model, variable);
        for (const std::string& path : named) {
            const node one = tree->look(path);
            // What is too small to be whole, such as a pointer, tells nothing.
            if (one.kind != node_kind::file || one.size < variable.least_bytes) {
                return 0;
            }
            sum += one.size;
        }
        if (named.empty()) {
            return 0;
        }
    }
    return sum;
}

}  // namespace

std::vector<finding> check_package(const catalog::model_entry& model, const machine& here) {
    return examine_package(model, here).findings;
}

package_examination examine_package(const catalog::model_entry& model, const machine& here) {
    package_examination out;
    auto tree = package_tree::open(model.package);
    if (!tree) {
        out.findings = {unusable_folder(model, tree.error())};
        return out;
    }
    examination at{model, here, std::move(*tree), {}, {}, {}};
    for (const auto& variable : model.runtime.variables) {
        at.variable = variable.name;
        check_variable(at, variable);
    }
    at.variable.clear();
    for (const auto& file : model.runtime.files) {
        check_runtime_file(at, file);
    }
    check_left_overs(at);
    report_faults(at);
    add_tree_findings(at);
    drop_repeated(at.found);
    std::ranges::stable_sort(at.found, [](const finding& a, const finding& b) { return a.level > b.level; });
    for (const auto& variable : model.runtime.variables) {
        const auto given = model.variables.find(variable.name);
        const bool files =
            variable.kind == variable_kind::file || variable.kind == variable_kind::numbered_files;
        if (files && given != model.variables.end() && !given->second.empty() &&
            user_of(model, variable.name) != nullptr) {
            out.groups.push_back(group_of(at, variable, files_of(model, variable)));
        }
    }
    for (const file_fault& fault : at.faults) {
        out.files[fault_id(fault.kind)].push_back(fault.path);
    }
    out.findings = std::move(at.found);
    out.repairs = std::move(at.repairs);
    return out;
}

std::uint64_t device_bytes(const catalog::model_entry& model) {
    return bytes_of_files(model, [](const catalog::variable_spec& each) { return each.on_device; });
}

std::uint64_t model_bytes(const catalog::model_entry& model) {
    return bytes_of_files(model, [](const catalog::variable_spec&) { return true; });
}

}  // namespace corral::package
