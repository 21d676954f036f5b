#include "api/ollama/image_data.hpp"

#include <string>

namespace corral::api::ollama {

namespace {

bool is_digit64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// Walks over the text without its line breaks.
class walker {
public:
    explicit walker(std::string_view text) : text_(text) { skip(); }
    [[nodiscard]] bool over() const noexcept { return at_ == text_.size(); }
    [[nodiscard]] char now() const noexcept { return text_[at_]; }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }
    void step() {
        ++at_;
        skip();
    }

private:
    void skip() {
        while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::optional<std::size_t> base64_error(std::string_view text) {
    walker walk(text);
    unsigned in_group = 0;
    while (!walk.over()) {
        if (walk.now() == '=') {
            const std::size_t first = walk.at();
            walk.step();
            if (in_group < 2) {
                return first;
            }
            if (in_group == 2) {
                if (walk.over()) {
                    return text.size();
                }
                if (walk.now() != '=') {
                    return walk.at() - 1;
                }
                walk.step();
            }
            return walk.over() ? std::nullopt : std::optional(walk.at());
        }
        if (!is_digit64(walk.now())) {
            return walk.at();
        }
        in_group = (in_group + 1) % 4;
        walk.step();
    }
    return in_group == 0 ? std::nullopt : std::optional(text.size() - in_group);
}

bool read_images(const json_fields& fields) {
    const auto* images = fields.array("images", "[]api.ImageData");
    if (images == nullptr) {
        return false;
    }
    for (const auto& each : *images) {
        if (each.is_null()) {
            continue;
        }
        if (!each.is_string()) {
            fields.wrong_type("images", each, "api.ImageData");
        } else if (const auto at = base64_error(each.get_ref<const std::string&>())) {
            fields.problem().set("illegal base64 data at input byte " + std::to_string(*at));
        }
    }
    return !images->empty();
}

}  // namespace corral::api::ollama
