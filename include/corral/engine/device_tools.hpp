#pragma once
// What a model's configuration says of looking at its device, as a way of asking it.

#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/device/reader.hpp"

namespace corral::engine {

// `text` with {card} filled in; the reader of the configuration has refused what else may stand there.
[[nodiscard]] std::string with_card(const std::string& text, unsigned card);
// How that card is asked. REQUIRES: device::find_report_format(said.format) and a command.
[[nodiscard]] device::reader_options reader_options_of(const catalog::device_template& device, unsigned card);
// It says how the device is asked, whether or not a service needs it to start.
[[nodiscard]] bool can_be_asked(const catalog::device_template& device);

}  // namespace corral::engine
