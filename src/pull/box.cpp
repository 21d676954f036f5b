#include "corral/pull/box.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include <elf.h>

#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;

constexpr std::array<box_kind_name, 6> all_kinds{{
    {box_kind::ax650, "ax650", "an AX650 board"},
    {box_kind::axcl, "axcl", "an AXCL card"},
    {box_kind::rk3588, "rk3588", "an RK3588"},
    {box_kind::rk3576, "rk3576", "an RK3576"},
    {box_kind::ascend, "ascend", "an Ascend NPU"},
    {box_kind::cpu, "cpu", "a CPU"},
}};

// Files of the kernel; they are short.
std::string start_of(const fs::path& file) {
    std::array<char, 4096> text{};
    std::ifstream in(file, std::ios::binary);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    return {text.data(), static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0))};
}

bool has_pci_vendor(const fs::path& root, std::string_view vendor) {
    std::error_code unreadable;
    for (fs::directory_iterator one(root / "sys/bus/pci/devices", unreadable);
         !unreadable && one != fs::directory_iterator(); one.increment(unreadable)) {
        if (core::trimmed(start_of(one->path() / "vendor")) == vendor) {
            return true;
        }
    }
    return false;
}

std::optional<std::uint64_t> memory_figure_mb(const fs::path& root, std::string_view key) {
    const std::string text = start_of(root / "proc/meminfo");
    const auto at = text.find(key);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    std::string_view rest = core::trimmed_front(std::string_view(text).substr(at + key.size()), " \t");
    const auto kib = core::whole_number<std::uint64_t>(rest.substr(0, rest.find(' ')));
    return kib ? std::optional(*kib / 1024) : std::nullopt;
}

std::string host_of(const package::machine& here) {
    switch (here.elf_machine) {
        case EM_AARCH64:
            return "aarch64";
        case EM_X86_64:
            return "x86_64";
        default:
            return {};
    }
}

}  // namespace

std::span<const box_kind_name> box_kinds() {
    return all_kinds;
}

const box_kind_name& name_of(box_kind kind) {
    return *std::ranges::find(all_kinds, kind, &box_kind_name::kind);
}

box look_at_box(const package::machine& here, const fs::path& root) {
    box out;
    out.host = host_of(here);
    out.memory_mb = memory_figure_mb(root, "MemTotal:");
    out.free_mb = memory_figure_mb(root, "MemAvailable:");
    if (here.is_board) {
        out.kinds.push_back(box_kind::ax650);
    }
    if (has_pci_vendor(root, "0x1f4b")) {
        out.kinds.push_back(box_kind::axcl);
    }
    std::error_code absent;
    if (fs::exists(root / "dev/davinci0", absent)) {
        out.kinds.push_back(box_kind::ascend);
    }
    const std::string board = start_of(root / "proc/device-tree/compatible");
    if (board.find("rockchip,rk3588") != std::string::npos) {
        out.kinds.push_back(box_kind::rk3588);
    }
    if (board.find("rockchip,rk3576") != std::string::npos) {
        out.kinds.push_back(box_kind::rk3576);
    }
    out.kinds.push_back(box_kind::cpu);
    return out;
}

bool is_in_host(box_kind kind) {
    return kind != box_kind::axcl && kind != box_kind::ascend;
}

std::string describe(const box& of) {
    std::string out;
    for (const box_kind kind : of.kinds) {
        if (kind != box_kind::cpu || of.kinds.size() == 1) {
            out += (out.empty() ? "" : " and ") + std::string(name_of(kind).about);
        }
    }
    if (!of.host.empty()) {
        out += " (" + of.host + ")";
    }
    if (of.memory_mb) {
        out += " with " + std::to_string((*of.memory_mb + 512) / 1024) + " GB of memory";
    }
    if (of.card_memory_mb) {
        out += ", " + std::to_string((*of.card_memory_mb + 512) / 1024) + " GB on the card";
    }
    return out;
}

}  // namespace corral::pull
