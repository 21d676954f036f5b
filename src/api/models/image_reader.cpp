#include "api/models/image_reader.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <utility>

#include "corral/core/base64.hpp"
#include "corral/core/keyed_hash.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

using namespace std::string_view_literals;

struct signature {
    std::string_view type;
    std::size_t at;
    std::string_view bytes;
};
constexpr std::array<signature, 6> known{{{"image/png", 0, "\x89PNG\r\n\x1a\n"sv},
                                          {"image/jpeg", 0, "\xff\xd8\xff"sv},
                                          {"image/webp", 8, "WEBP"sv},
                                          {"image/gif", 0, "GIF87a"sv},
                                          {"image/gif", 0, "GIF89a"sv},
                                          {"image/bmp", 0, "BM"sv}}};
constexpr std::size_t longest_signature = 12;

bool is_line_break(char c) {
    return c == '\n' || c == '\r';
}

}  // namespace

std::string_view image_type(std::string_view first_bytes) {
    for (const signature& each : known) {
        const bool whole = first_bytes.size() >= each.at + each.bytes.size();
        const bool riff = each.at == 0 || first_bytes.starts_with("RIFF");
        if (whole && riff && first_bytes.substr(each.at, each.bytes.size()) == each.bytes) {
            return each.type;
        }
    }
    return {};
}

void add_image(std::string_view base64, chat::message& message, decode_problem& problem) {
    if (base64.size() > most_image_bytes) {
        problem.set(core::say("request.image-too-large", most_image_bytes >> 20U), 413);
        return;
    }
    chat::image out;
    out.base64 = base64;
    std::erase_if(out.base64, is_line_break);
    const auto head = core::from_base64(std::string_view(out.base64).substr(0, longest_signature / 3 * 4));
    static const core::keyed_hash::key secret = core::keyed_hash::random_key();
    core::keyed_hash hash(secret);
    hash.feed(out.base64);
    out.mark = hash.result();
    out.type = head ? image_type(*head) : std::string_view();
    message.images.push_back(std::make_shared<const chat::image>(std::move(out)));
}

void check_images(const std::vector<chat::message>& messages, const std::vector<std::string>& types,
                  decode_problem& problem) {
    std::size_t count = 0;
    for (const chat::message& each : messages) {
        count += each.images.size();
        for (const auto& image : each.images) {
            if (std::ranges::find(types, image->type) == types.end()) {
                problem.set(
                    core::say("request.image-kind/invalid", core::joined(types),
                              (image->type.empty() ? ", and this is none of them" : ", not " + image->type)));
            }
        }
    }
    if (count > most_images) {
        problem.set(core::say("request.too-many-parts/hold", most_images));
    }
}

}  // namespace corral::api
