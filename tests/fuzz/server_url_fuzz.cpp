// Any bytes are a server's address or a fault; what is read is a name or a literal, and reads the same again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "corral/core/server_url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto read = corral::core::parse_server_url(text);
    const auto* const url = std::get_if<corral::core::server_url>(&read);
    if (url == nullptr) {
        return 0;
    }
    if (url->host.empty() || url->host.find_first_of("/?#@[] \r\n%") != std::string::npos || url->port == 0) {
        std::abort();
    }
    const std::string again =
        "http://" + url->host_text() + (url->port ? ":" + std::to_string(*url->port) : std::string());
    const auto second = corral::core::parse_server_url(again);
    const auto* const same = std::get_if<corral::core::server_url>(&second);
    if (same == nullptr || same->host != url->host || same->port != url->port) {
        std::abort();
    }
    return 0;
}
