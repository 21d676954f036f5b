// The host's own memory: what does not go onto the device, the embedding above all, stays here.

#include <algorithm>
#include <array>
#include <string>

#include "corral/catalog/placeholders.hpp"
#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;
namespace fs = std::filesystem;

constexpr std::array host_memory_kinds{
    finding_kind{
        "memory.short", severity::warning, "a model's files for the host are larger than its free memory",
        "a runtime that reads them whole is killed by the kernel, and one that maps them gets slow",
        "stop other programs, add memory or swap, or have the runtime map the file instead of reading it "
        "(a variable of the profile)"},
};

// Files that services name and that stay on the host.
std::uint64_t bytes_on_host(const model_view& model) {
    std::uint64_t sum = 0;
    for (const catalog::variable_spec& one : model.entry.runtime.variables) {
        const auto value = model.entry.variables.find(one.name);
        if (one.kind != catalog::variable_kind::file || one.on_device ||
            value == model.entry.variables.end()) {
            continue;
        }
        std::error_code missing;
        const std::uintmax_t size = fs::file_size(model.entry.package / value->second, missing);
        sum += missing ? 0 : size;
    }
    return sum;
}

void check_host_memory(const examination& of, findings& out) {
    constexpr std::uint64_t kibibyte = 1024;
    const auto left = memory_figure(of.around.root, "MemAvailable");
    if (!left) {
        return;
    }
    for (const model_view& model : of.models) {
        const std::uint64_t need = bytes_on_host(model);
        if (need > *left * kibibyte && !is_loaded(of, model)) {
            say(out, host_memory_kinds[0], subject_of(model),
                "its files for the host have " + size_text(need) + ", and " + size_text(*left * kibibyte) +
                    " of memory are free");
        }
    }
}

}  // namespace

const check host_memory_check{"host-memory", "the host's memory for what stays off the device",
                              start_part::none, host_memory_kinds, check_host_memory};

}  // namespace corral::doctor
