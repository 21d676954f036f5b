#include "corral/engine/device_tools.hpp"

#include "corral/catalog/placeholders.hpp"
#include "corral/device/report.hpp"

namespace corral::engine {

std::string with_card(const std::string& text, unsigned card) {
    const auto filled = catalog::expand(text, {{"card", std::to_string(card)}});
    return filled ? *filled : text;
}

device::reader_options reader_options_of(const catalog::device_template& said, unsigned card) {
    device::reader_options how;
    for (const std::string& word : said.command) {
        how.command.push_back(with_card(word, card));
    }
    how.environment = said.environment;
    how.format = said.format;
    how.card = card;
    how.timeout = said.timeout;
    return how;
}

bool can_be_asked(const catalog::device_template& said) {
    return device::find_report_format(said.format) != nullptr && !said.command.empty();
}

}  // namespace corral::engine
