#include "corral/device/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "device/report_text.hpp"

namespace corral::device {

namespace {

constexpr std::array<report_format, 6> formats{{{"axcl-smi", parse_axcl_smi_table, true},
                                                {"axcl-smi-cmm", parse_axcl_smi_cmm},
                                                {"mem-cmm-info", parse_mem_cmm_info},
                                                {"npu-smi", parse_npu_smi_table},
                                                {"rknpu-load", parse_rknpu_load},
                                                {"board-files", parse_board_files}}};

}  // namespace

const card_figures* find_card(const device_report& in, unsigned index) {
    const auto found = std::ranges::find(in.cards, index, &card_figures::index);
    return found == in.cards.end() ? nullptr : &*found;
}

std::span<const report_format> report_formats() {
    return formats;
}

const report_format* find_report_format(std::string_view name) {
    const auto found = std::ranges::find(formats, name, &report_format::name);
    return found == formats.end() ? nullptr : &*found;
}

bool is_healthy(const card_figures& card) {
    return card.health.empty() || core::equal_ignoring_case(card.health, "OK");
}

std::string describe(const card_figures& card) {
    std::string text;
    if (card.temperature) {
        text = std::to_string(std::lround(*card.temperature)) + " C";
    }
    if (card.model_memory) {
        text += text.empty() ? "" : ", ";
        text += std::to_string(card.model_memory->used) + " of " + std::to_string(card.model_memory->total) +
                " MB in use";
    }
    if (!is_healthy(card)) {
        text += (text.empty() ? "health " : ", health ") + card.health;
        text += card.health_code.empty() ? "" : " (" + card.health_code + ")";
    }
    return text;
}

}  // namespace corral::device
