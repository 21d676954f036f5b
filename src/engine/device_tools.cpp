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
bool names_card(const catalog::device_template& said) {
    return std::ranges::any_of(
        said.command, [](const std::string& word) { return with_card(word, 0) != with_card(word, 1); });
}

}  // namespace

device::reader_options reader_options_of(const catalog::device_template& said, unsigned card) {
    device::reader_options how;
    for (const std::string& word : said.command) {
        how.command.push_back(with_card(word, card));
    }
    how.environment = said.environment;
    how.format = said.format;
    // One answer about all cards is asked for once, whichever card somebody wants to know of.
    const device::report_format* const format = device::find_report_format(said.format);
    how.card = format != nullptr && format->numbers_cards && !names_card(said) ? 0 : card;
    how.timeout = said.timeout;
    return how;
}

bool can_be_asked(const catalog::device_template& said) {
    return device::find_report_format(said.format) != nullptr && !said.command.empty();
}

}  // namespace corral::engine
