#include "api/openai/image_input.hpp"

#include <array>

#include "api/openai/base64.hpp"

namespace corral::api::openai {

namespace {

constexpr std::array<std::string_view, 5> beginnings{"data:;base64,", "data:image/jpeg;base64,",
                                                     "data:image/jpg;base64,", "data:image/png;base64,",
                                                     "data:image/webp;base64,"};

}  // namespace

void check_image(std::string_view url, decode_problem& problem) {
    if (url.starts_with("http://") || url.starts_with("https://")) {
        problem.set("image URLs are not currently supported, please use base64 encoded data instead");
        return;
    }
    for (const std::string_view beginning : beginnings) {
        if (url.starts_with(beginning) && is_base64(url.substr(beginning.size()))) {
            return;
        }
    }
    problem.set("invalid image input");
}

}  // namespace corral::api::openai
