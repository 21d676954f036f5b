#include "corral/engine/device_tools.hpp"

#include <algorithm>

#include "corral/catalog/placeholders.hpp"
#include "corral/device/report.hpp"

namespace corral::engine {

std::string with_card(const std::string& text, unsigned card) {
    const auto filled = catalog::expand(text, {{"card", std::to_string(card)}});
    return filled ? *filled : text;
}

namespace {

// Its command, expanded for two cards, differs.
bool names_card(const catalog::device_template& device) {
    return std::ranges::any_of(
        device.command, [](const std::string& word) { return with_card(word, 0) != with_card(word, 1); });
}

}  // namespace

device::reader_options reader_options_of(const catalog::device_template& device, unsigned card) {
    device::reader_options how;
    for (const std::string& word : device.command) {
        how.command.push_back(with_card(word, card));
    }
    how.environment = device.environment;
    how.format = device.format;
    // One answer about all cards is asked for once, whichever card somebody wants to know of.
    const device::report_format* const format = device::find_report_format(device.format);
    how.card = format != nullptr && format->numbers_cards && !names_card(device) ? 0 : card;
    how.timeout = device.timeout;
    return how;
}

bool can_be_asked(const catalog::device_template& device) {
    return device::find_report_format(device.format) != nullptr && !device.command.empty();
}

}  // namespace corral::engine
