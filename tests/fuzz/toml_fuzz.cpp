// Any bytes are a TOML table or a refusal; nothing ends the process.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "corral/core/toml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = corral::core::parse_toml(text, "fuzz.toml");
    const auto* wrong = std::get_if<corral::core::toml_error>(&parsed);
    if (wrong != nullptr && (wrong->message.empty() || wrong->line == 0)) {
        std::abort();
    }
    return 0;
}
