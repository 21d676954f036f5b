#include "api/request_mark.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "api/add_header.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

std::string_view request_mark(const http::request& incoming) {
    constexpr std::size_t longest = 128;
    const auto fits = [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '-' || c == '_' || c == '.' || c == ':';
    };
    const std::string_view mark = incoming.headers.find(request_mark_field);
    return mark.size() <= longest && std::ranges::all_of(mark, fits) ? mark : std::string_view{};
}

void add_request_mark(http::header_fields& headers, std::string_view mark) {
    if (!mark.empty()) {
        add_header(headers, request_mark_field, std::string(mark));
    }
}

}  // namespace corral::api
