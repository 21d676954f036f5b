// What a status tool prints: no reader of it believes what can not be.

#include "corral/device/report.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const device::report_format& format : device::report_formats()) {
        const auto report = format.parse(text, 3);
        if (!report) {
            continue;
        }
        tests::demand(report->cards.size() <= 64 && report->processes.size() <= 512, "bounded");
        for (const device::card_figures& card : report->cards) {
            const auto& memory = card.model_memory;
            tests::demand(!memory || (memory->used <= memory->total && memory->total > 0), "memory adds up");
            tests::demand(card.npu.value_or(0) <= 100 && card.npu_most.value_or(0) <= 100, "percents");
            tests::demand(card.npu.value_or(0) <= card.npu_most.value_or(100), "no mean is above its most");
            tests::demand(device::find_card(*report, card.index) == &card, "no card is there twice");
            tests::demand(card.name.size() <= 128, "names are bounded");
            tests::demand(card.health.size() <= 128 && card.health_code.size() <= 128, "words are bounded");
        }
        for (const device::device_process& one : report->processes) {
            tests::demand(one.pid > 0 && one.name.size() <= 128, "a process can be one");
        }
    }
    return 0;
}
