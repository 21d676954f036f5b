// The host's memory: what is free for the files of models, and the kernel's contiguous memory (CMA), from which the
// driver takes its DMA buffers (docs/facts/vendor_ax.md#host-memory).

#include <array>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;
namespace fs = std::filesystem;

constexpr std::array host_memory_kinds{
    finding_kind{
        "memory.short", severity::warning, "a model's files on the host are larger than the free memory",
        "a runtime that reads them into memory is killed by the kernel, one that maps them becomes slow",
        "stop other programs, add memory or swap, or have the runtime map the file instead of reading it "
        "(a variable of the profile)"},
    finding_kind{"memory.host", severity::note, "the host's memory, if there is no model yet", "", "nothing"},
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

void check_host_memory(const examination& box, findings& out) {
    constexpr std::uint64_t kibibyte = 1024;
    const auto left = memory_figure(box.around.root, "MemAvailable");
    if (!left) {
        return;
    }
    if (box.models.empty()) {
        const std::uint64_t total = memory_figure(box.around.root, "MemTotal").value_or(*left);
        say(out, host_memory_kinds[1], "this machine",
            size_text(*left * kibibyte) + " of " + size_text(total * kibibyte) + " of memory are free");
    }
    for (const model_view& model : box.models) {
        const std::uint64_t need = bytes_on_host(model);
        if (need > *left * kibibyte && !is_loaded(box, model)) {
            say(out, host_memory_kinds[0], subject_of(model),
                "its files on the host take " + size_text(need) + ", and " + size_text(*left * kibibyte) +
                    " of memory are free");
        }
    }
}

using json = nlohmann::json;

constexpr std::array contiguous_memory_kinds{
    finding_kind{"cma.short", severity::warning,
                 "the kernel has little contiguous memory left for the driver",
                 "each runtime's DMA buffers come from it; if they don't fit, the driver loses the card",
                 "make the driver's DMA buffers smaller. Don't enlarge CMA with a kernel parameter: that has "
                 "left machines unable to boot"},
};

constexpr std::size_t deepest = 16;

// "0x200000", "2097152" or a number.
std::optional<std::uint64_t> size_in(const json& value) {
    if (value.is_number_unsigned()) {
        return value.get<std::uint64_t>();
    }
    if (!value.is_string()) {
        return std::nullopt;
    }
    const auto& text = value.get_ref<const std::string&>();
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    const char* const begin = text.data() + (hex ? 2 : 0);
    const char* const stop = text.data() + text.size();
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(begin, stop, out, hex ? 16 : 10);
    return error == std::errc{} && end == stop ? std::optional(out) : std::nullopt;
}

// The settings are nested differently from release to release.
std::optional<std::uint64_t> find_size(const json& in, const std::string& key) {
    if (in.is_object()) {
        if (const auto found = in.find(key); found != in.end()) {
            return size_in(*found);
        }
    }
    if (in.is_structured()) {
        for (const json& inner : in) {
            if (auto found = find_size(inner, key)) {
                return found;
            }
        }
    }
    return std::nullopt;
}

// Bytes of one DMA buffer.
std::uint64_t buffer_bytes(const examination& box, const catalog::device_host& host) {
    constexpr std::uint64_t kibibyte = 1024;
    constexpr std::uint64_t most = 1024 * kibibyte * kibibyte;
    const std::uint64_t otherwise = host.dma_kb * kibibyte;
    const auto text =
        host.settings.empty() ? std::nullopt : read_up_to(below(box.around.root, host.settings));
    if (!text) {
        return otherwise;
    }
    const json tree = core::parse_json(*text, {.depth = deepest});
    const auto said = tree.is_discarded() ? std::nullopt : find_size(tree, host.dma_key);
    return said && *said != 0 && *said < most ? *said : otherwise;
}

void look(const examination& box, const catalog::device_host& host, const std::string& model,
          unsigned processes, findings& out) {
    constexpr std::uint64_t kibibyte = 1024;
    const auto total = memory_figure(box.around.root, "CmaTotal");
    const auto left = memory_figure(box.around.root, "CmaFree");
    const std::uint64_t buffer = buffer_bytes(box, host);
    const std::uint64_t need = buffer * host.dma_count * processes;
    if (!total || !left || *total == 0 || need == 0 || *left * kibibyte >= need) {
        return;
    }
    std::string fix;
    if (!host.settings.empty() && !host.dma_key.empty()) {
        fix = core::say("doctor.fix/dma", host.settings, host.dma_key, fmt::format("{:#x}", buffer / 2));
    }
    say(out, contiguous_memory_kinds[0], model,
        fmt::format("it needs {} KiB of the kernel's contiguous memory (CMA) for its DMA buffers, but only "
                    "{} of {} KiB are free",
                    need / kibibyte, *left, *total),
        std::move(fix));
}

void check_contiguous_memory(const examination& box, findings& out) {
    if (box.around.machine.is_board) {
        return;
    }
    for (const model_view& model : box.models) {
        const catalog::device_host& host = model.entry.runtime.device.host;
        unsigned processes = 0;
        for (const service_view& service : model.services) {
            processes += service.rules.device ? 1U : 0U;
        }
        if (!is_loaded(box, model)) {
            look(box, host, subject_of(model), processes, out);
        }
    }
}

}  // namespace

const check host_memory_check{"host-memory", "the host's memory for files that stay off the device",
                              start_part::none, host_memory_kinds, check_host_memory};

const check contiguous_memory_check{"contiguous-memory",
                                    "the kernel's contiguous memory (CMA) for the driver", start_part::none,
                                    contiguous_memory_kinds, check_contiguous_memory};

}  // namespace corral::doctor
