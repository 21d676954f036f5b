#include "corral/package/package_check.hpp"

#include <algorithm>
#include <cerrno>

#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

using catalog::finding;
using catalog::severity;
using catalog::variable_kind;

constexpr std::uint64_t most_numbered = 10'000;

void check_variable(examination& at, const catalog::variable_spec& is) {
    const auto given = at.model.variables.find(is.name);
    // A model whose commands don't use the variable has no file behind it.
    if (given == at.model.variables.end() || user_of(at.model, is.name) == nullptr) {
        return;
    }
    const std::string& value = given->second;
    if (is.kind != variable_kind::text && value.empty()) {
        if (is.fallback == "") {
            return;  // it may be without
        }
        at.add("variable.empty", severity::error, "The variable '" + is.name + "' is empty.", is.about,
               "Write its value into the model.");
        return;
    }
    switch (is.kind) {
        case variable_kind::text:
            break;
        case variable_kind::program:
            check_program_file(at, is, value);
            break;
        case variable_kind::python_script:
            check_python_script(at, is, value);
            break;
        case variable_kind::file:
            check_file(at, is, value);
            break;
        case variable_kind::numbered_files:
            check_numbered_files(at, is, value);
            break;
    }
}

finding unusable_folder(const catalog::model_entry& model, const core::failure& why) {
    const std::string folder = named(model.package.string());
    switch (why.code.value()) {
        case ENOENT:
            return {"package.missing",
                    severity::error,
                    {},
                    "The package folder " + folder + " is not there.",
                    "A disk may not be mounted.",
                    "Check 'package' of the model."};
        case ENOTDIR:
            return {"package.not-a-folder",
                    severity::error,
                    {},
                    folder + " is no folder.",
                    {},
                    "Write the folder of the package into 'package' of the model."};
        case EACCES:
            return {"package.closed",
                    severity::error,
                    {},
                    "The package folder " + folder + " can't be read by this user.",
                    {},
                    "Let the user that runs Corral read it and what is in it, with chmod or chown."};
        default:
            return {"package.unusable",
                    severity::error,
                    {},
                    shown(why.message, 400) + ".",
                    {},
                    "Check the disk and 'package' of the model."};
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

// A link that leads out and that the model names is told already, as an error.
void add_tree_findings(examination& at) {
    for (const auto& one : at.tree.findings()) {
        const bool told = std::ranges::any_of(at.faults, [](const file_fault& fault) {
            return fault.kind == fault_kind::outside || fault.kind == fault_kind::special;
        });
        const bool same = one.id == "tree.link-outside" || one.id == "tree.special-file";
        if (!told || !same) {
            at.found.push_back(one);
        }
    }
}

}  // namespace

std::vector<finding> check_package(const catalog::model_entry& model, const machine& here) {
    auto tree = package_tree::open(model.package);
    if (!tree) {
        return {unusable_folder(model, tree.error())};
    }
    examination at{model, here, std::move(*tree), {}, {}, 0};
    for (const auto& variable : model.runtime.variables) {
        check_variable(at, variable);
    }
    for (const auto& file : model.runtime.files) {
        check_runtime_file(at, file);
    }
    check_left_overs(at);
    report_faults(at);
    add_tree_findings(at);
    drop_repeated(at.found);
    std::ranges::stable_sort(at.found, [](const finding& a, const finding& b) { return a.level > b.level; });
    return std::move(at.found);
}

std::uint64_t device_bytes(const catalog::model_entry& model) {
    const auto tree = package_tree::open(model.package);
    if (!tree) {
        return 0;
    }
    std::uint64_t sum = 0;
    // What is too small to be whole, such as a pointer, tells nothing about the memory.
    const auto add = [&](const std::string& path, std::uint64_t least) {
        const node one = tree->look(path);
        sum += one.size;
        return one.kind == node_kind::file && one.size >= least;
    };
    const auto value_of = [&](const std::string& name) {
        const auto given = model.variables.find(name);
        return given == model.variables.end() ? std::string() : given->second;
    };
    for (const auto& variable : model.runtime.variables) {
        const std::string value = variable.on_device ? value_of(variable.name) : std::string();
        if (value.empty()) {
            continue;
        }
        if (variable.kind == variable_kind::file && !add(value, variable.least_bytes)) {
            return 0;
        }
        if (variable.kind == variable_kind::numbered_files) {
            const std::string text = value_of(variable.count);
            const bool number = !text.empty() && text.size() <= 5 &&
                                text.find_first_not_of("0123456789") == std::string::npos;
            const std::uint64_t count = number ? std::stoul(text) : 0;
            if (count == 0 || count > most_numbered || !number_pattern_problem(value).empty()) {
                return 0;
            }
            for (std::uint64_t i = 0; i < count; ++i) {
                if (!add(expand_number(value, i), variable.least_bytes)) {
                    return 0;
                }
            }
        }
    }
    return sum;
}

}  // namespace corral::package
